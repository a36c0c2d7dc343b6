/** Texts of the organizers' pages about sale, in Korean. */
import type { sale as English } from '../en/sale';
import { pluralsOf } from '../plural';

const plural = pluralsOf('ko');

/** A question before something is changed, and what is said when it is done. */
const ask = (title: string, yes: string, done: string, ...effects: string[]) => ({
  title,
  yes,
  done,
  effects,
});

export const sale: typeof English = {
  title: '판매 현황',
  titleOf: (event) => `판매 현황: ${event}`,
  choose: '공연 일시',
  all: (count) => plural(count, { other: '전체 #회' }),
  toEvent: '이벤트 관리로',
  zone: (zone) => `시각은 이 기기의 시간대(${zone})로 표시됩니다.`,

  states: {
    sold: '판매 완료',
    paying: '결제 중',
    held: '선점',
    blocked: '판매 제외',
    available: '잔여',
  },

  stock: {
    title: '좌석 수 검증',
    addsUp: (capacity) => `이상 없음: ${capacity}석 모두 한 가지 상태에만 있습니다.`,
    off: (units, missing) =>
      missing
        ? plural(units, { other: '수량 불일치: #석이 어느 상태에도 없습니다.' })
        : plural(units, { other: '수량 불일치: #석이 중복으로 집계되었습니다.' }),
    performances: '공연 일시별',
    performance: '공연 일시',
    sections: '구역별',
    section: '구역',
    unnamed: '이름 없음',
    sectionOf: (section, date) => `${section} · ${date}`,
    capacity: '총좌석',
    check: '검증',
    fine: '이상 없음',
    driftOf: (drift) => `${drift} 차이`,
    someShown: (shown, of) => `전체 ${of}개 중 가장 많이 찬 ${shown}개입니다.`,
    allShown: '많이 찬 순서로 표시합니다.',
    all: (count) => `${count}개 모두 보기`,
    fewer: '줄여서 보기',
  },

  alarm: {
    title: '경보: 좌석 수가 맞지 않습니다',
    line: (name, units, missing) =>
      missing
        ? plural(units, { other: `${name}: #석 누락` })
        : plural(units, { other: `${name}: #석 중복` }),
    more: (count) => plural(count, { other: '그 외 #건' }),
    todo: '좌석이 두 번 판매되었거나 사라졌을 수 있습니다. 해당 공연의 판매를 중단하고 서버 담당자에게 대조를 요청하세요.',
    past: '좌석 수가 잠시 맞지 않았습니다',
    pastLine: (line, from, to) => `${line} (${from}~${to})`,
    forget: '확인했습니다',
    windowTitle: (count, title) => plural(count, { other: `⚠ 경보 #건 – ${title}` }),
  },

  fresh: {
    live: '실시간',
    at: (time) => `${time} 기준`,
    old: '지난 수치입니다.',
    silent: '서버에서 새 수치가 오지 않습니다.',
    age: (span) => `${span} 전 수치입니다.`,
    trying: '자동으로 다시 시도하고 있습니다.',
    again: '다시 요청',
    windowTitle: (title) => `⚠ 지난 수치 – ${title}`,
  },

  charts: {
    title: '추이',
    span: '표시 기간',
    minutes: (count) => (count < 60 ? `${count}분` : `${count / 60}시간`),
    ofAll: '그래프는 모든 공연 일시를 합한 것입니다.',
    stock: '판매와 선점',
    people: '인원',
    requests: '요청과 오류',
    latency: '응답 시간',
    summary: (title, at, values) => `${title}. ${at} 기준: ${values.join(', ')}.`,
    none: '아직 기록이 없습니다. 누군가 보기 시작하면 기록됩니다.',
    table: '표로 보기',
    when: '시점',
    ago: (minutes) => (minutes === 0 ? '지금' : plural(minutes, { other: '#분 전' })),
  },

  people: {
    title: '인원',
    waiting: '대기',
    inside: '입장 중',
    insideNote: (most) => `최대 ${most}명`,
    joined: '줄 선 인원',
    entered: '누적 입장',
    enteredNote: (rate) => `초당 약 ${rate}명 호출`,
    noShows: '미입장',
    noShowsNote: (share) => `차례가 된 인원의 ${share}`,
    ofHolds: '선점 후 결제',
    ofHoldsNote: (orders, holds) => `선점 ${holds}건 중 주문 ${orders}건`,
    ofEntered: '입장 후 구매',
    ofEnteredNote: (orders, entered) => `입장 ${entered}명 중 주문 ${orders}건`,
    viewers: '보고 있는 인원',
    paused: '입장이 일시 중지되어 아무도 호출하지 않습니다.',
    sinceLooked: '누적 입장, 미입장, 선점, 주문은 누군가 이 화면을 보기 시작한 때부터 집계됩니다.',
    elsewhere:
      '이 이벤트의 대기실은 다른 서버에서 운영합니다. 그 서버에서 이 화면을 열어 확인하고 조작하세요.',
    noRoom: '이 이벤트는 대기실을 운영하지 않아 대기하거나 순서대로 입장하는 인원이 없습니다.',
  },

  traffic: {
    title: '요청',
    requests: '초당 요청',
    errors: '오류율',
    p50: '응답 시간 p50',
    p95: '응답 시간 p95',
    p99: '응답 시간 p99',
    refusals: (seconds) => plural(seconds, { other: '최근 #초간 거절' }),
    noRefusals: '거절된 요청이 없습니다.',
    unnamed: '기타 사유',
    others: '그 밖의 사유',
    oneProcess: '요청, 거절, 보고 있는 인원은 이 화면에 응답하는 서버의 수치입니다.',
  },

  levers: {
    title: '조작',
    lead: '1초 안에 적용됩니다. 실행 전에 확인하며 아래 기록에 남습니다.',
    ofRoom: '대기실',
    noRoom: '이 이벤트는 대기실을 운영하지 않아 중지하거나 조절하거나 닫을 것이 없습니다.',
    ofPerformance: '판매',
    reason: '사유',
    reasonHint: (most) => `기록에 남습니다. 최대 ${most}자.`,
    unknown: '실제로는 적용되었을 수 있습니다. 위의 수치와 아래 기록에서 확인하세요.',
    set: '적용',
    setOf: (label) => `적용: ${label}`,
    back: (own) => `기본값 ${own}(으)로`,
    backOf: (label, own) => `${label}: 이벤트 기본값 ${own}(으)로 되돌리기`,
    ownValue: (value) => `${value} (이벤트 기본값)`,
    handValue: (value, own) => `${value} (직접 설정, 기본값 ${own})`,
    wrongNumber: (most) => `0부터 ${most}까지의 정수를 입력하세요.`,

    admission: '입장',
    isPaused: '일시 중지: 아무도 호출하지 않음',
    isAdmitting: '진행 중',
    admissionHint:
      '중지하면 더 이상 호출하지 않습니다. 이미 입장했거나 호출된 분은 계속 구매할 수 있습니다.',
    pause: '입장 일시 중지',
    pauseAsk: (waiting) =>
      ask(
        '입장을 일시 중지할까요?',
        '일시 중지',
        '입장을 일시 중지했습니다.',
        `더 이상 호출하지 않으며 대기 중인 ${waiting}명의 순번은 유지됩니다.`,
        '이미 입장했거나 호출된 분은 계속 구매할 수 있습니다.',
      ),
    resume: '입장 재개',
    resumeAsk: (rate) =>
      ask(
        '입장을 재개할까요?',
        '재개',
        '입장을 재개했습니다.',
        `줄의 앞에서부터 다시 초당 최대 ${rate}명을 호출합니다.`,
      ),

    rate: '호출 속도',
    rateLabel: '초당 호출 인원',
    rateHint: '1초에 호출하는 최대 인원입니다. 0이면 아무도 호출하지 않습니다.',
    rateAsk: (before, value, isNone) =>
      ask(
        `초당 ${value}명을 호출할까요?`,
        '속도 적용',
        `이제 초당 최대 ${value}명을 호출합니다.`,
        `지금은 ${before}명이며, 다시 바꿀 때까지 ${value}명으로 유지됩니다.`,
        ...(isNone ? ['0이면 아무도 호출하지 않습니다.'] : []),
      ),
    rateOwnAsk: (own) =>
      ask(
        '이벤트의 기본 속도로 되돌릴까요?',
        '되돌리기',
        `기본 속도인 초당 ${own}명으로 되돌렸습니다.`,
        `초당 최대 ${own}명을 호출합니다.`,
      ),

    inside: '동시 입장',
    insideLabel: '동시 입장 인원',
    insideHint: '동시에 좌석을 고르고 결제할 수 있는 인원입니다.',
    insideAsk: (before, value, isFull) =>
      ask(
        `동시에 ${value}명까지 입장하게 할까요?`,
        '인원 적용',
        `이제 동시에 ${value}명까지 입장할 수 있습니다.`,
        `지금은 ${before}명이며, 다시 바꿀 때까지 ${value}명으로 유지됩니다.`,
        ...(isFull
          ? [
              '지금 그보다 많은 분이 안에 있습니다. 내보내지 않으며, 자리가 날 때까지 새로 입장하지 않습니다.',
            ]
          : []),
      ),
    insideOwnAsk: (own) =>
      ask(
        '이벤트의 기본 인원으로 되돌릴까요?',
        '되돌리기',
        `기본 동시 입장 인원인 ${own}명으로 되돌렸습니다.`,
        `동시에 ${own}명까지 입장할 수 있습니다.`,
      ),

    line: '줄',
    isOpen: '열림',
    isClosed: '닫힘: 줄을 서거나 입장할 수 없음',
    lineHint: '닫으면 줄 선 모든 분에게 알립니다. 다시 열면 순번은 그대로입니다.',
    close: '대기실 닫기',
    closeAsk: (waiting) =>
      ask(
        '대기실을 닫을까요?',
        '닫기',
        '대기실을 닫았습니다.',
        `아무도 줄을 서거나 입장할 수 없으며, 대기 중인 ${waiting}명에게 닫혔다고 알립니다.`,
        '다시 열면 순번은 그대로입니다.',
      ),
    reopen: '대기실 다시 열기',
    reopenAsk: ask(
      '대기실을 다시 열까요?',
      '다시 열기',
      '대기실을 다시 열었습니다.',
      '모두 원래 순번 그대로입니다.',
    ),

    which: '어느 공연 일시',
    holds: '선점',
    holdsNow: (held, paying) => `선점 ${held}석, 결제 중 ${paying}석`,
    holdsHint:
      '결제가 느릴 때처럼, 좌석을 선점한 모든 분에게 시간을 더 드립니다. 줄어드는 경우는 없습니다.',
    atLeast: '지금부터 최소',
    minutes: (count) => plural(count, { other: '#분' }),
    extend: '모든 선점 연장',
    extendAsk: (minutes, held, when) => ({
      title: plural(minutes, { other: '모든 선점을 최소 #분 유지할까요?' }),
      yes: '연장',
      effects: [
        `${when}: 지금 ${held}석이 선점되어 있으며, 그만큼 늦게 다시 판매됩니다.`,
        '이미 그보다 오래 남은 선점은 그대로입니다. 구매자마다 한 번 쓸 수 있는 연장으로 계산됩니다.',
      ],
    }),
    extended: (holds, minutes) =>
      `선점 ${plural(holds, { other: '#건' })}을 연장했습니다. 지금부터 최소 ${plural(minutes, { other: '#분' })}간 유지됩니다.`,

    sale: '판매',
    saleIs: (standing, opens, closes) =>
      ({
        upcoming: `${opens} 판매 시작`,
        open: closes ? `${closes}까지 판매 중` : '판매 중',
        closed: `${closes ?? ''}부터 판매 종료`,
        past: '종료: 공연이 시작되었습니다',
      })[standing],
    saleHint: '중단하면 더 이상 좌석을 선점할 수 없습니다. 이미 선점한 좌석은 결제할 수 있습니다.',
    stop: '지금 판매 중단',
    stopAsk: (when, planned) =>
      ask(
        '지금 판매를 중단할까요?',
        '판매 중단',
        `${when} 공연의 판매를 중단했습니다.`,
        `${when} 공연의 좌석을 더 이상 선점할 수 없습니다. 이미 선점한 좌석은 결제할 수 있습니다.`,
        ...(planned ? [`예정된 종료 시각(${planned})은 지금으로 바뀝니다.`] : []),
      ),
    openNow: '지금 판매 시작',
    openAsk: (when) =>
      ask(
        '지금 판매를 시작할까요?',
        '판매 시작',
        `${when} 공연을 판매 중입니다.`,
        `${when} 공연의 좌석을 바로 다시 선점할 수 있으며, 새로 정할 때까지 종료 시각이 없습니다.`,
      ),
    earlyAsk: (when, planned) =>
      ask(
        '지금 판매를 시작할까요?',
        '판매 시작',
        `${when} 공연을 판매 중입니다.`,
        `${when} 공연의 좌석을 바로 선점할 수 있습니다. 예정된 시작 시각(${planned})은 없어집니다.`,
      ),
  },

  log: {
    title: '조작 기록',
    none: '직접 바꾼 것이 없습니다.',
    zone: (zone) => `시간대: ${zone}`,
    why: (reason) => `“${reason}”`,
    somebody: '삭제된 계정',
    pause: '입장 일시 중지',
    resume: '입장 재개',
    rate: (rate) => `호출 속도를 초당 ${rate}명으로 설정`,
    rateOwn: '호출 속도를 이벤트 기본값으로 되돌림',
    room: (most) => `동시 입장을 ${most}명으로 설정`,
    roomOwn: '동시 입장을 이벤트 기본값으로 되돌림',
    close: '대기실 닫음',
    reopen: '대기실 다시 엶',
    extend: (seconds, holds) =>
      [
        '모든 선점 연장',
        ...(seconds === undefined
          ? []
          : [seconds % 60 === 0 ? `최소 ${seconds / 60}분` : `최소 ${seconds}초`]),
        ...(holds === undefined ? [] : [`(${plural(holds, { other: '#건' })})`]),
      ].join(' '),
    block: (seats) =>
      seats === undefined ? '좌석 판매 제외' : plural(seats, { other: '좌석 #석 판매 제외' }),
    unblock: (seats) =>
      seats === undefined
        ? '좌석 판매 제외 해제'
        : plural(seats, { other: '좌석 #석 판매 제외 해제' }),
    reschedule: '시각을 바꿨습니다.',
    times: {
      starts_at: (when) => `공연 시작: ${when}.`,
      sale_opens_at: (when) => `판매 시작: ${when}.`,
      sale_closes_at: (when) => `판매 종료: ${when}.`,
    },
    noTime: {
      starts_at: '공연 시작: 시각 없음.',
      sale_opens_at: '판매 시작: 시각 없음(바로 시작).',
      sale_closes_at: '판매 종료: 시각 없음.',
    },
  },

  wall: {
    button: '벽면 화면',
    fill: '전체 화면',
    leave: '벽면 화면 나가기',
  },

  empty: {
    title: '아직 판매할 좌석이 없습니다',
    text: '이벤트에 공연 일시와 좌석이 생기면 여기에 수치가 표시됩니다.',
  },
  others: {
    title: '다른 주최자의 이벤트입니다',
    text: '판매 현황은 이벤트를 만든 주최자만 볼 수 있습니다. 그 계정으로 로그인하세요.',
  },
  unknown: {
    title: '그런 이벤트가 없습니다',
    text: '주소를 확인하거나 목록에서 이벤트를 고르세요.',
  },
  notYet: {
    title: '아직 판매가 시작되지 않았습니다. 시작까지',
    days: (count) => plural(count, { other: '#일' }),
    at: (when) => `${when} 시작`,
  },
};
