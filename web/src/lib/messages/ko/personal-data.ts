/** Texts of the page about what is kept of somebody, in Korean. */
import type { personalData as English } from '../en/personal-data';
import { pluralsOf } from '../plural';

const plural = pluralsOf('ko');

export const personalData: typeof English = {
  title: '내 정보',
  lead: '이곳에 보관된 고객님의 정보를 확인하고, 내려받고, 삭제할 수 있습니다.',
  nobody: '이 브라우저에는 보관된 정보가 없습니다',
  nobodyHint: '로그인하면 회원 계정에 보관된 정보를 볼 수 있습니다.',

  kept: '보관된 정보',
  who: '고객 구분',
  guest: '이 기기의 비회원',
  name: '이름',
  email: '이메일 주소',
  external: '로그인 서비스의 이름',
  since: '가입일',
  balance: '지갑 잔액',
  orders: '주문',
  orderCount: (count) => plural(count, { other: '주문 #건' }),
  noOrders: '주문 없음',
  toOrders: '주문 보기',
  reservations: '선점 내역',
  reservationCount: (count) => plural(count, { other: '선점 #건' }),
  noReservations: '선점 내역 없음',
  toReservations: '선점 내역 보기',
  wishes: '취소표 대기',
  wishCount: (count) => plural(count, { other: '신청 #건' }),
  noWishes: '신청 없음',
  andMore: (counted) => `${counted} 이상`,
  ordersHint: '주문에는 결제할 때 적으신 이름, 전화번호, 이메일 주소가 들어 있습니다.',

  logIns: '로그인 기록',
  noLogIns: '없음: 비회원은 로그인하지 않습니다.',
  noneKept: '보관된 로그인 기록이 없습니다.',
  logInsHint: '어느 기기에서 로그인했는지는 아무도 읽을 수 없는 값으로만 보관합니다.',
  open: '로그인 중',
  ended: '종료됨',

  takeAlong: '내려받기',
  download: '전체 내려받기',
  downloadHint: '모든 정보를 프로그램도 읽을 수 있는 파일 하나(JSON)로 저장합니다.',
  gathering: (count) => plural(count, { other: '파일을 만드는 중: 주문과 선점 내역 #건…' }),
  saved: (file) => `${file} 파일로 저장했습니다.`,

  erase: '내 정보 삭제',
  goes: '삭제되는 정보',
  goesAccount: '이름, 이메일 주소, 비밀번호를 포함한 계정과 모든 로그인 기록.',
  goesGuest: '이 기기의 비회원 정보.',
  goesWishes: '취소표 신청.',
  goesOrders: '주문에 적힌 이름, 전화번호, 이메일 주소와 주문에 관한 이메일.',
  stays: '남는 정보',
  staysOrders: '이름 없는 주문의 좌석과 금액. 회계 장부에 필요합니다.',
  staysTickets:
    '앞으로 있을 공연의 티켓은 그대로 유효합니다. 티켓의 이름은 공연 다음 날 삭제됩니다.',
  saveFirst:
    '앞으로 있을 공연의 티켓을 먼저 저장하거나 인쇄하세요. 삭제한 뒤에는 주문을 열 수 없습니다.',
  noWayBack: '되돌릴 수 없습니다.',
  erasing: '삭제하는 중…',
  askTitle: '정보를 완전히 삭제할까요?',
  ask: '되돌릴 수 없습니다. 저장하거나 인쇄하지 않은 티켓은 더 이상 열 수 없습니다.',
  yes: '삭제하기',
  no: '삭제하지 않기',
  organizer: '주최자 계정은 삭제할 수 없습니다. 먼저 운영자가 주최자 권한을 해제해야 합니다.',
  toWallet: '지갑 보기',
  changed:
    '그사이 이 브라우저에서 다른 사람이 로그인했습니다. 아무것도 삭제되지 않았으며 지금 보이는 것은 그 사람의 정보입니다.',

  erased: '정보가 삭제되었습니다',
  goneAccount: '계정이 삭제되어 로그아웃되었습니다. 이제 아무도 이 계정으로 로그인할 수 없습니다.',
  goneGuest: '이 기기의 비회원 정보가 삭제되었습니다.',
  nameless: (count) => plural(count, { other: '주문 #건에서 이름이 삭제되었습니다.' }),
  noneNames: '이름이 남은 주문은 없습니다.',
  follow: (count) => plural(count, { other: '주문 #건의 이름은 공연 다음 날 삭제됩니다.' }),
  stillGood: '그 티켓은 그대로 유효합니다. 저장하거나 인쇄한 티켓을 보여 주세요.',
  asGuest: '이 브라우저에서 비회원으로 구매한 내역은 계정과 따로 보관됩니다.',
  seeGuest: '비회원 정보 보기',
};
