/** Texts of the seat map and the seat list, in Korean. */
import type { seats as english } from '../en/seats';
import { pluralsOf } from '../plural';

const plural = pluralsOf('ko');

export const seats: typeof english = {
  states: {
    available: '선택 가능',
    held: '다른 분이 선점',
    sold: '판매 완료',
    blocked: '판매하지 않음',
    picked: '선택함',
    mine: '내 좌석',
  },
  spaces: { accessible: '휠체어석', companion: '동반자석' },
  showSpaces: '휠체어석',
  spacesFree: (count) => plural(count, { other: '휠체어석 #석 남음' }),
  reminders: {
    accessible:
      '휠체어석은 꼭 필요한 분을 위한 자리입니다. 일행 중에 필요한 분이 없다면 다른 좌석을 선택해 주세요.',
    companion:
      '동반자석은 휠체어석을 이용하시는 분과 함께 오는 분을 위한 자리입니다. 휠체어석도 함께 선택하시거나 다른 좌석을 선택해 주세요.',
  },
  reasons: {
    available: '선택할 수 있는 좌석입니다.',
    held: '다른 분이 선점한 좌석입니다. 다시 나올 수 있습니다.',
    sold: '이미 판매된 좌석입니다.',
    blocked: '판매하지 않는 좌석입니다.',
    picked: '선택한 좌석입니다.',
    mine: '이미 고객님의 좌석입니다.',
  },
  full: '더 이상 선택할 수 없습니다. 먼저 선택한 좌석을 하나 빼 주세요.',
  free: (count) => plural(count, { other: '#석 남음' }),
  freeOf: (free, all) => `${all}석 중 ${free}석 남음`,
  map: (count, free) =>
    plural(count, { other: '전체 #석의 좌석도, ' }) +
    plural(free, { other: '#석 남음.' }) +
    ' 더하기, 빼기, 0, 방향키로 움직입니다. 목록에 같은 좌석이 있습니다.',
  controls: '좌석도 움직이기',
  zoomIn: '확대',
  zoomOut: '축소',
  whole: '전체 보기',
  legend: '모양 설명',
  filter: '이 좌석만 보기',
  mostPrice: '최고 가격',
  anyPrice: '모든 가격',
  upTo: (price) => `${price} 이하`,
  onlyAvailable: '선택 가능한 좌석만',
  row: (label) => `${label}열`,
  rowTitle: (label) => `${label}열`,
  rowName: (label, section) => (section ? `${section} ${label}열` : `${label}열`),
  seatsOf: '좌석',
  nothing: '조건에 맞는 좌석이 없습니다.',
  noneInRow: '이 열에는 조건에 맞는 좌석이 없습니다.',
  keys: '방향키로 좌석 사이를, Home과 End로 열의 양 끝으로 이동합니다.',
  offer: (label, price) => `대신 ${label} 선택 (${price})`,
  offerHint: '같은 등급에서 가장 가까운 좌석:',
  offerTaken: (label) => `${label} 좌석을 선택했습니다.`,
};
