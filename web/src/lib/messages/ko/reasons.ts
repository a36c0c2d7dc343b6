/** For each reason code: what happened, what is safe, and what to do. In Korean. */
import type { reasons as english } from '../en/reasons';

const nothingCharged = '결제된 금액은 없습니다.';
const nothingChanged = '바뀐 내용은 없습니다.';

export const reasons: typeof english = {
  network: {
    happened: '서버에서 응답이 없습니다.',
    safe: '다시 시도해도 두 번 처리되지 않습니다.',
    todo: '인터넷 연결을 확인하고 다시 시도하세요.',
  },
  card_form_unavailable: {
    happened: '결제사의 카드 입력란을 불러올 수 없습니다.',
    safe: '결제된 금액은 없고 좌석은 그대로 선점되어 있습니다.',
    todo: '다시 시도하거나 다른 수단으로 결제하세요.',
  },
  card_incomplete: {
    happened: '카드 정보를 모두 입력하지 않았습니다.',
    safe: nothingCharged,
    todo: '카드 입력란에 표시된 곳을 확인하고 다시 시도하세요.',
  },
  validation: {
    happened: '요청에 받아들일 수 없는 내용이 있습니다.',
    safe: nothingChanged,
    todo: '입력한 내용을 확인하고 다시 시도하세요.',
  },
  invalid_plan: {
    happened: '사용할 수 없는 좌석 배치도입니다.',
    safe: nothingChanged,
    todo: '배치도를 고쳐서 다시 보내세요.',
  },
  unauthenticated: {
    happened: '로그인이 만료되었습니다.',
    safe: '계정의 좌석과 주문은 그대로입니다.',
    todo: '로그인한 뒤 다시 시도하세요.',
  },
  bad_credentials: {
    happened: '이메일 주소나 비밀번호가 맞지 않습니다.',
    safe: nothingChanged,
    todo: '둘 다 확인하고 다시 시도하세요.',
  },
  payment_declined: {
    happened: '결제가 거절되었습니다.',
    safe: '결제된 금액은 없고 좌석은 그대로 선점되어 있습니다.',
    todo: '다시 시도하거나 다른 수단으로 결제하세요.',
  },
  forbidden: {
    happened: '허용되지 않은 요청입니다.',
    safe: nothingChanged,
    todo: '회원 전용 공연일 수 있습니다. 로그인한 뒤 다시 시도하세요.',
  },
  pass_required: {
    happened: '대기실을 운영하는 공연이며 아직 입장하지 않았습니다.',
    safe: nothingCharged,
    todo: '먼저 대기실에 들어가세요.',
  },
  pass_invalid: {
    happened: '이 공연에 쓸 수 없는 입장권입니다.',
    safe: nothingCharged,
    todo: '대기실에 다시 들어가세요.',
  },
  pass_expired: {
    happened: '입장 시간이 끝났습니다.',
    safe: '이미 결제한 좌석은 고객님의 것입니다.',
    todo: '대기실에 다시 들어가세요.',
  },
  pass_used: {
    happened: '이미 사용한 입장권입니다.',
    safe: '이미 결제한 좌석은 고객님의 것입니다.',
    todo: '더 구매하려면 대기실에 다시 들어가세요.',
  },
  ticket_invalid: {
    happened: '대기 순번을 확인할 수 없습니다.',
    safe: nothingCharged,
    todo: '대기실에 다시 들어가세요.',
  },
  not_found: {
    happened: '존재하지 않거나 다른 분의 것입니다.',
    safe: nothingChanged,
    todo: '주소를 확인하세요. 비회원이나 다른 계정으로 구매했다면 그 계정을 쓰세요.',
  },
  seat_not_found: {
    happened: '없는 좌석입니다.',
    safe: nothingChanged,
    todo: '화면을 다시 불러와 좌석도에서 고르세요.',
  },
  method_not_allowed: {
    happened: '서버가 지원하지 않는 요청입니다.',
    safe: nothingChanged,
    todo: '오래된 화면일 수 있으니 다시 불러오세요.',
  },
  seat_taken: {
    happened: '다른 분이 먼저 선점했습니다.',
    safe: '선점되거나 결제된 것은 없으며 나머지 좌석은 선택된 그대로입니다.',
    todo: '다른 좌석을 고르세요.',
  },
  sold_out: {
    happened: '원하는 만큼 남아 있지 않습니다.',
    safe: nothingCharged,
    todo: '수량을 줄이거나 나중에 다시 확인하세요. 선점된 좌석이 풀릴 수 있습니다.',
  },
  limit_exceeded: {
    happened: '이 회차에서 한 분이 구매할 수 있는 수량을 넘었습니다.',
    safe: '이미 가진 좌석은 고객님의 것입니다.',
    todo: '좌석을 줄여 주세요.',
  },
  duplicate: {
    happened: '이미 대기열에 있습니다.',
    safe: '처음 순번이 유지됩니다.',
    todo: '처음 들어간 창에서 계속하세요.',
  },
  email_taken: {
    happened: '이미 가입된 이메일 주소입니다.',
    safe: nothingChanged,
    todo: '로그인하거나 다른 주소를 쓰세요.',
  },
  in_flight: {
    happened: '처음 요청이 아직 처리되고 있습니다.',
    safe: '한 번만 처리되며 두 번 결제되지 않습니다.',
    todo: '잠시 기다린 뒤 다시 시도하세요.',
  },
  already_confirmed: {
    happened: '이미 결제되었습니다.',
    safe: '한 번만 결제되었고 좌석은 고객님의 것입니다.',
    todo: '‘내 티켓’에서 티켓을 확인하세요.',
  },
  payment_under_way: {
    happened: '이 좌석의 결제가 진행 중입니다.',
    safe: '결과를 알 때까지 좌석은 고객님의 것입니다.',
    todo: '잠시 기다려 주세요.',
  },
  extension_used: {
    happened: '시간 연장을 이미 사용했습니다.',
    safe: '표시된 시간 동안 좌석은 고객님의 것입니다.',
    todo: '시간이 끝나기 전에 결제하세요.',
  },
  has_orders: {
    happened: '이미 판매된 좌석이 있습니다.',
    safe: nothingChanged,
    todo: '먼저 주문을 환불하세요.',
  },
  sale_not_open: {
    happened: '아직 판매가 시작되지 않았습니다.',
    safe: nothingCharged,
    todo: '판매가 시작되면 다시 오세요.',
  },
  order_state: {
    happened: '지금 주문 상태에서는 할 수 없습니다.',
    safe: nothingChanged,
    todo: '화면을 다시 불러와 주문 상태를 확인하세요.',
  },
  already_used: {
    happened: '이미 입장에 사용된 티켓입니다.',
    safe: '티켓은 한 번만 사용되었고, 이번 스캔으로 바뀐 것은 없습니다.',
    todo: '이름과 처음 입장한 시각을 확인하세요.',
  },
  ticket_void: {
    happened: '유효하지 않은 티켓입니다. 환불되었거나 결제되지 않았습니다.',
    safe: nothingChanged,
    todo: '주문 내역을 확인하거나 매표소로 안내하세요.',
  },
  wrong_performance: {
    happened: '다른 회차의 티켓입니다.',
    safe: '티켓은 사용 처리되지 않았습니다.',
    todo: '티켓에 적힌 날짜를 보여 주세요.',
  },
  wallet_not_empty: {
    happened: '지갑에 잔액이 남아 있습니다.',
    safe: '아무것도 삭제되지 않았습니다.',
    todo: '잔액을 사용하거나 매표소에 반환을 요청하세요.',
  },
  no_return_line: {
    happened: '이 행사는 취소표를 대기자 앞으로 잡아 두지 않습니다.',
    safe: nothingChanged,
    todo: '나중에 행사 화면을 다시 확인하세요.',
  },
  offer_open: {
    happened: '이미 고객님 앞으로 잡아 둔 자리가 있습니다.',
    safe: '표시된 시간 동안 고객님의 것입니다.',
    todo: '결제하시거나 먼저 돌려주세요.',
  },
  sale_closed: {
    happened: '판매가 끝났습니다.',
    safe: '이미 결제한 좌석은 고객님의 것입니다.',
    todo: '다른 회차가 있는지 확인하세요.',
  },
  hold_expired: {
    happened: '시간이 끝나 좌석이 다시 판매됩니다.',
    safe: nothingCharged,
    todo: '좌석을 다시 고르세요.',
  },
  turn_missed: {
    happened: '입장 순서가 지나갔습니다.',
    safe: nothingCharged,
    todo: '대기실에 다시 들어가세요.',
  },
  body_too_large: {
    happened: '보낸 내용이 너무 큽니다.',
    safe: nothingChanged,
    todo: '한 번에 보내는 양을 줄이세요.',
  },
  unsupported_media_type: {
    happened: '서버가 요청을 읽을 수 없습니다.',
    safe: nothingChanged,
    todo: '오래된 화면일 수 있으니 다시 불러오세요.',
  },
  idempotency_mismatch: {
    happened: '이전 요청과 뒤섞였습니다.',
    safe: '두 번 처리된 것은 없습니다.',
    todo: '다시 시도하세요.',
  },
  not_your_turn: {
    happened: '아직 순서가 아닙니다.',
    safe: '대기 순번은 유지됩니다.',
    todo: '순서가 될 때까지 기다려 주세요.',
  },
  work_required: {
    happened: '자동 프로그램을 막기 위해 대기열에 들어가기 전에 기기가 짧은 계산을 해야 합니다.',
    safe: '잃은 것은 없습니다. 아직 줄에 서지 않았습니다.',
    todo: '다시 들어가면서 이 화면을 잠시 열어 두세요.',
  },
  no_mail: {
    happened: '티켓을 이메일로 보낼 수 없습니다.',
    safe: '티켓은 주문 화면에 그대로 있습니다.',
    todo: '주문 화면에서 내려받으세요.',
  },
  delivery_state: {
    happened: '포기된 메시지가 아닙니다.',
    safe: '두 번 보내진 것은 없습니다.',
    todo: '목록을 다시 불러오세요.',
  },
  rate_limited: {
    happened: '한꺼번에 너무 많은 요청을 보냈습니다.',
    safe: '선점한 좌석은 그대로입니다.',
    todo: '몇 초 기다린 뒤 다시 시도하세요.',
  },
  internal: {
    happened: '서버에 문제가 생겼습니다.',
    safe: '선점한 좌석은 그대로이며 두 번 결제되지 않습니다.',
    todo: '잠시 뒤 다시 시도하세요.',
  },
  unavailable: {
    happened: '지금은 서비스를 이용할 수 없습니다.',
    safe: '선점한 좌석은 그대로이며 두 번 결제되지 않습니다.',
    todo: '잠시 뒤 다시 시도하세요.',
  },
};
