/** Texts of what becomes of an order afterwards, and of the organizers' pages, in Korean. */
import type { Catalogue } from '../en';
import { pluralsOf } from '../plural';

const plural = pluralsOf('ko');

export const mail: Catalogue['mail'] = {
  title: '이메일 티켓',
  none: '티켓을 이메일로 보내지 않았습니다.',
  sent: (to, when) => `${when}에 ${to}(으)로 보냈습니다.`,
  sentHint: '보이지 않으면 스팸함을 확인하거나 다시 보내세요.',
  waiting: (to) => `${to}(으)로 보내는 중…`,
  withdrawn: '먼저 환불되어 보내지 않았습니다.',
  dead: (to) =>
    `${to}(으)로 이메일을 전달하지 못했습니다. 티켓은 그대로 유효하니 여기에서 저장하거나 인쇄하세요.`,
  elsewhere: '주최자가 지정한 주소',
  send: '티켓 보내기',
  again: '다시 보내기',
  queued: '티켓을 보내고 있습니다.',
  tooSoon: (when) => `조금 전에 티켓을 보냈습니다. ${when} 다시 보낼 수 있습니다.`,
  in: (seconds) =>
    seconds < 120
      ? plural(seconds, { other: '#초 뒤에' })
      : seconds < 7_200
        ? plural(Math.ceil(seconds / 60), { other: '#분 뒤에' })
        : plural(Math.ceil(seconds / 3_600), { other: '#시간 뒤에' }),
};

export const refunds: Catalogue['refunds'] = {
  states: { refunding: '환불 중', refunded: '환불 완료' },
  back: '환불 금액',
  kept: '남은 결제 금액',
  some: (labels, amount) =>
    `${labels} 좌석의 금액 ${amount}이 환불되었습니다. 그 티켓은 사용할 수 없으며 나머지는 그대로 유효합니다.`,
  underWay: (labels) =>
    `${labels} 좌석의 금액을 환불하는 중입니다. 그 티켓은 이미 사용할 수 없습니다.`,
  slow: '결제 수단에 따라 돌려받기까지 며칠이 걸릴 수 있습니다.',
};

export const manage: Catalogue['manage'] = {
  name: '주최자 메뉴',
  logIn: '공연 주최자 계정으로 로그인하세요.',
  events: '이벤트',
  plans: '좌석 배치도',
  orders: '주문',
  webhooks: '웹훅',
  payments: '결제',
  find: '주문 번호',
  findHint: '주문 화면이나 이메일의 번호를 붙여 넣으세요. 주문 링크도 됩니다.',
  open: '주문 열기',
  mistyped: '주문 번호가 아닙니다.',
  unknown: '주최하는 공연에 그런 주문이 없습니다.',
  refund: '환불',
  notPaid: '결제된 주문만 환불할 수 있습니다.',
  which: '어느 좌석인가요?',
  toSale: '좌석을 다시 판매하기',
  choose: '환불할 좌석을 고르세요',
  giveBack: (seats, amount) => plural(seats, { other: `#석 환불: ${amount}` }),
  askTitle: (amount) => `${amount}을 환불할까요?`,
  askToSale: (labels) =>
    `${labels} 티켓은 사용할 수 없게 되고 좌석은 다시 판매됩니다. 되돌릴 수 없습니다.`,
  askKept: (labels) =>
    `${labels} 티켓은 사용할 수 없게 되며 좌석은 판매하지 않습니다. 되돌릴 수 없습니다.`,
  askYes: '환불하기',
  refunded: (labels, amount) => `${labels} 좌석의 금액 ${amount}을 환불했습니다.`,
  elsewhere: '다른 주소',
  elsewhereHint: '비워 두면 예매자에게 보냅니다.',
  unsettled: '끝나지 않은 결제',
  unsettledHint:
    '연결이 끊기거나 은행이 응답하지 않아 중간에 멈춘 결제와 환불입니다. 금액이 결제되었는지 확인될 때까지 결제사에 계속 문의하며, 그동안 좌석은 판매되지도 풀리지도 않습니다.',
  settled: '모든 결제와 환불이 끝났습니다.',
  overdue: (count) =>
    plural(count, { other: '#건이 30분 넘게 처리되지 않았습니다. 결제사에서 확인하세요.' }),
  kinds: { payment: '결제', refund: '환불' },
  standings: {
    awaits_buyer: '예매자의 확인을 기다리고 있습니다.',
    retried: '결제사에 확인하고 있습니다.',
    overdue: '결제사가 30분 넘게 결과를 알려 주지 않았습니다.',
  },
  since: (when) => `${when}부터`,
  method: (name) => `결제 수단: ${name}`,
  reference: '결제사 번호',
  orderOf: (amount, event) => `주문: ${amount}, ${event}`,
  toOrder: '주문 보기',
  endpoints: '수신 주소',
  noEndpoints: '알림을 받는 프로그램이 없습니다. 수신 주소는 API로 추가합니다.',
  dead: '보내기를 포기한 알림',
  deadHint: '사흘 동안 받지 않았거나 완전히 거절한 알림입니다.',
  noDead: '모두 전달되었거나 아직 보내는 중입니다.',
  attempts: (count) => plural(count, { other: '#번 시도' }),
  replay: '다시 보내기',
  replayOf: (type, when) => `다시 보내기: ${type}, ${when}`,
  replayed: '다시 보내고 있습니다.',
};
