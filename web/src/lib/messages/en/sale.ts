/** Texts of the organizers' pages about sale, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

/** A question before something is changed, and what is said when it is done. */
const ask = (title: string, yes: string, done: string, ...effects: string[]) => ({
  title,
  yes,
  done,
  effects,
});

export const sale = {
  title: 'On sale',
  titleOf: (event: string) => `On sale: ${event}`,
  choose: 'Date',
  all: (count: number) => plural(count, { one: 'The only date', other: 'All # dates' }),
  toEvent: 'To the event',
  zone: (zone: string) => `Times are those of your time zone: ${zone}.`,

  states: {
    sold: 'Sold',
    paying: 'Paying',
    held: 'Held',
    blocked: 'Blocked',
    available: 'Available',
  },

  stock: {
    title: 'Every seat accounted for',
    addsUp: (capacity: string) => `Adds up: all ${capacity} are in exactly one state.`,
    off: (units: number, missing: boolean) =>
      missing
        ? plural(units, {
            one: 'Does not add up: # is in no state at all.',
            other: 'Does not add up: # are in no state at all.',
          })
        : plural(units, {
            one: 'Does not add up: # is counted twice.',
            other: 'Does not add up: # are counted twice.',
          }),
    performances: 'Dates',
    performance: 'Date',
    sections: 'Sections',
    section: 'Section',
    unnamed: 'Without a name',
    sectionOf: (section: string, date: string) => `${section} · ${date}`,
    capacity: 'Capacity',
    check: 'Check',
    fine: 'adds up',
    driftOf: (drift: string) => `off by ${drift}`,
    someShown: (shown: number, of: number) => `The ${shown} fullest of ${of}.`,
    allShown: 'The fullest first.',
    all: (count: number) => `Show all ${count}`,
    fewer: 'Show fewer',
  },

  alarm: {
    title: 'Alarm: the figures do not add up',
    line: (name: string, units: number, missing: boolean) =>
      missing
        ? plural(units, { one: `${name}: # missing`, other: `${name}: # missing` })
        : plural(units, { one: `${name}: # counted twice`, other: `${name}: # counted twice` }),
    more: (count: number) => plural(count, { one: 'and # more', other: 'and # more' }),
    todo: 'A seat may have been sold twice or lost. Stop the sale of that date, and have whoever runs the server reconcile it.',
    past: 'The figures did not add up for a while',
    pastLine: (line: string, from: string, to: string) => `${line}, from ${from} to ${to}`,
    forget: 'I have seen it',
    windowTitle: (count: number, title: string) =>
      plural(count, { one: `⚠ # ALARM – ${title}`, other: `⚠ # ALARMS – ${title}` }),
  },

  fresh: {
    live: 'Live',
    at: (time: string) => `as of ${time}`,
    old: 'These figures are old.',
    silent: 'Nothing newer came from the server.',
    age: (span: string) => `${span} old.`,
    trying: 'It is being tried again by itself.',
    again: 'Ask again',
    windowTitle: (title: string) => `⚠ OLD FIGURES – ${title}`,
  },

  charts: {
    title: 'How it went',
    span: 'How far back',
    minutes: (count: number) => (count < 60 ? `${count} min` : `${count / 60} h`),
    ofAll: 'The charts are of all dates together.',
    stock: 'Sold and held',
    people: 'People',
    requests: 'Requests and errors',
    latency: 'Time to answer',
    summary: (title: string, at: string, values: readonly string[]) =>
      `${title}. At ${at}: ${values.join(', ')}.`,
    none: 'Nothing is recorded yet. Recording begins when somebody looks.',
    table: 'As a table',
    when: 'When',
    ago: (minutes: number) =>
      minutes === 0 ? 'Now' : plural(minutes, { one: '# minute ago', other: '# minutes ago' }),
  },

  people: {
    title: 'People',
    waiting: 'Waiting',
    inside: 'Inside',
    insideNote: (most: string) => `of ${most} at most`,
    joined: 'Joined',
    entered: 'Entered',
    enteredNote: (rate: string) => `about ${rate} called a second`,
    noShows: 'No-shows',
    noShowsNote: (share: string) => `${share} of those whose turn came`,
    ofHolds: 'Holds paid for',
    ofHoldsNote: (orders: string, holds: string) => `${orders} orders of ${holds} holds`,
    ofEntered: 'Bought',
    ofEnteredNote: (orders: string, entered: string) =>
      `${orders} orders of ${entered} who entered`,
    viewers: 'Viewers',
    paused: 'Admission is paused: nobody is being called.',
    sinceLooked:
      'Entered, no-shows, holds and orders are counted since somebody began to look at this page.',
    elsewhere:
      'The waiting room of this event is looked after by another server: open this page there to see and steer it.',
    noRoom: 'This event has no waiting room, so nobody waits and nobody is let in by turns.',
  },

  traffic: {
    title: 'Requests',
    requests: 'Requests/s',
    errors: 'Errors',
    p50: 'Latency p50',
    p95: 'Latency p95',
    p99: 'Latency p99',
    refusals: (seconds: number) =>
      plural(seconds, {
        one: 'Refused in the last second',
        other: 'Refused in the last # seconds',
      }),
    noRefusals: 'Nothing was refused.',
    unnamed: 'Another reason',
    others: 'for other reasons',
    oneProcess: 'Requests, refusals and viewers are those of the server that answers this page.',
  },

  levers: {
    title: 'Levers',
    lead: 'They act within a second. Each is asked about first and written into the log below.',
    ofRoom: 'Waiting room',
    noRoom: 'This event has no waiting room, so there is nothing to pause, pace or close here.',
    ofPerformance: 'Sale',
    reason: 'Reason',
    reasonHint: (most: number) => `For the log; up to ${most} letters.`,
    unknown: 'It may have been done all the same: the figures above and the log below show it.',
    set: 'Set',
    setOf: (label: string) => `Set: ${label}`,
    back: (own: string) => `Back to ${own}`,
    backOf: (label: string, own: string) => `${label}: back to the event’s own, ${own}`,
    ownValue: (value: string) => `${value}, as the event says`,
    handValue: (value: string, own: string) => `${value} by hand; the event says ${own}`,
    wrongNumber: (most: string) => `Enter a whole number from 0 to ${most}.`,

    admission: 'Admission',
    isPaused: 'Paused: nobody is being called',
    isAdmitting: 'Running',
    admissionHint: 'Pausing calls nobody further. Who is inside or has been called goes on buying.',
    pause: 'Pause admission',
    pauseAsk: (waiting: string) =>
      ask(
        'Pause admission?',
        'Pause',
        'Admission is paused.',
        `Nobody further is called; ${waiting} waiting keep their places.`,
        'Who is inside or has been called goes on buying.',
      ),
    resume: 'Resume admission',
    resumeAsk: (rate: string) =>
      ask(
        'Resume admission?',
        'Resume',
        'Admission goes on.',
        `Up to ${rate} are called a second again, from the front of the line.`,
      ),

    rate: 'Rate',
    rateLabel: 'Called a second',
    rateHint: 'How many are called at most each second. 0 calls nobody.',
    rateAsk: (before: string, value: string, isNone: boolean) =>
      ask(
        `Call ${value} a second?`,
        'Set the rate',
        `Up to ${value} are called a second now.`,
        `It is ${before} now, and stays at ${value} until it is changed again.`,
        ...(isNone ? ['With 0 nobody is called.'] : []),
      ),
    rateOwnAsk: (own: string) =>
      ask(
        'Go back to the event’s own rate?',
        'Go back',
        `The rate is the event’s own again: ${own} a second.`,
        `Up to ${own} are called a second.`,
      ),

    inside: 'Room inside',
    insideLabel: 'Inside at once',
    insideHint: 'How many may be choosing and paying at the same time.',
    insideAsk: (before: string, value: string, isFull: boolean) =>
      ask(
        `Let ${value} be inside at once?`,
        'Set the room',
        `Up to ${value} may be inside at once now.`,
        `It is ${before} now, and stays at ${value} until it is changed again.`,
        ...(isFull
          ? [
              'There are more inside than that: nobody is sent out, and nobody enters until there is room.',
            ]
          : []),
      ),
    insideOwnAsk: (own: string) =>
      ask(
        'Go back to the event’s own room?',
        'Go back',
        `The room inside is the event’s own again: ${own}.`,
        `Up to ${own} may be inside at once.`,
      ),

    line: 'Line',
    isOpen: 'Open',
    isClosed: 'Closed: nobody can join or enter',
    lineHint: 'Closing tells everybody in line. They keep their places if it is opened again.',
    close: 'Close the waiting room',
    closeAsk: (waiting: string) =>
      ask(
        'Close the waiting room?',
        'Close it',
        'The waiting room is closed.',
        `Nobody can join or enter, and the ${waiting} waiting are told that it is closed.`,
        'They keep their places if you reopen it.',
      ),
    reopen: 'Reopen the waiting room',
    reopenAsk: ask(
      'Reopen the waiting room?',
      'Reopen it',
      'The waiting room is open again.',
      'Everybody has the place that they had.',
    ),

    which: 'Which date',
    holds: 'Holds',
    holdsNow: (held: string, paying: string) => `${held} held, ${paying} being paid for`,
    holdsHint:
      'Gives everybody who holds seats more time, such as when payments are slow. Nobody’s time gets shorter.',
    atLeast: 'At least, from now',
    minutes: (count: number) => plural(count, { one: '# minute', other: '# minutes' }),
    extend: 'Extend all holds',
    extendAsk: (minutes: number, held: string, when: string) => ({
      title: plural(minutes, {
        one: 'Have all holds last at least # minute?',
        other: 'Have all holds last at least # minutes?',
      }),
      yes: 'Extend',
      effects: [
        `${when}: ${held} are held now. They come back on sale that much later.`,
        'Holds that last longer anyway stay as they are. It counts as the one extension that each buyer has.',
      ],
    }),
    extended: (holds: number, minutes: number) =>
      `${plural(holds, { one: '# hold was extended', other: '# holds were extended' })}: at least ${plural(minutes, { one: '# minute', other: '# minutes' })} from now.`,

    sale: 'Sale',
    saleIs: (
      standing: 'upcoming' | 'open' | 'closed' | 'past',
      opens: string,
      closes: string | undefined,
    ) =>
      ({
        upcoming: `Opens on ${opens}`,
        open: closes ? `Open until ${closes}` : 'Open',
        closed: `Closed since ${closes ?? ''}`,
        past: 'Over: the performance has begun',
      })[standing],
    saleHint:
      'Stopping lets nobody hold further seats. Who holds some already can still pay for them.',
    stop: 'Stop the sale now',
    stopAsk: (when: string, planned: string | undefined) =>
      ask(
        'Stop the sale now?',
        'Stop the sale',
        `The sale of ${when} is stopped.`,
        `Nobody can hold further seats of ${when}. Who holds some already can still pay for them.`,
        ...(planned ? [`It was going to close on ${planned}; that time is replaced.`] : []),
      ),
    openNow: 'Open the sale now',
    openAsk: (when: string) =>
      ask(
        'Open the sale now?',
        'Open the sale',
        `The sale of ${when} is open.`,
        `Seats of ${when} can be held again at once, and the sale has no time of closing until you set one.`,
      ),
    earlyAsk: (when: string, planned: string) =>
      ask(
        'Open the sale now?',
        'Open the sale',
        `The sale of ${when} is open.`,
        `Seats of ${when} can be held at once. It was going to open on ${planned}; that time is taken away.`,
      ),
  },

  log: {
    title: 'Done by hand',
    none: 'Nothing has been changed by hand.',
    zone: (zone: string) => `Times: ${zone}`,
    why: (reason: string) => `“${reason}”`,
    somebody: 'An account that is gone',
    pause: 'Paused admission',
    resume: 'Resumed admission',
    rate: (rate: string) => `Set the rate to ${rate} a second`,
    rateOwn: 'Set the rate back to the event’s own',
    room: (most: string) => `Set the room inside to ${most}`,
    roomOwn: 'Set the room inside back to the event’s own',
    close: 'Closed the waiting room',
    reopen: 'Reopened the waiting room',
    extend: (seconds: number | undefined, holds: number | undefined) =>
      [
        'Extended all holds',
        ...(seconds === undefined
          ? []
          : [
              seconds % 60 === 0
                ? plural(seconds / 60, {
                    one: 'to at least # minute',
                    other: 'to at least # minutes',
                  })
                : plural(seconds, { one: 'to at least # second', other: 'to at least # seconds' }),
            ]),
        ...(holds === undefined ? [] : [`(${plural(holds, { one: '# hold', other: '# holds' })})`]),
      ].join(' '),
    block: (seats: number | undefined) =>
      seats === undefined
        ? 'Blocked seats'
        : plural(seats, { one: 'Blocked # seat', other: 'Blocked # seats' }),
    unblock: (seats: number | undefined) =>
      seats === undefined
        ? 'Unblocked seats'
        : plural(seats, { one: 'Unblocked # seat', other: 'Unblocked # seats' }),
    reschedule: 'Changed the times.',
    times: {
      starts_at: (when: string) => `Begins: ${when}.`,
      sale_opens_at: (when: string) => `Sale opens: ${when}.`,
      sale_closes_at: (when: string) => `Sale closes: ${when}.`,
    },
    noTime: {
      starts_at: 'Begins: no time.',
      sale_opens_at: 'Sale opens: no time, so at once.',
      sale_closes_at: 'Sale closes: no time.',
    },
  },

  wall: {
    button: 'Wall screen',
    fill: 'Fill the screen',
    leave: 'Leave the wall screen',
  },

  empty: {
    title: 'There is nothing to sell yet',
    text: 'Figures show here when the event has a date with seats.',
  },
  others: {
    title: 'This event is somebody else’s',
    text: 'Its sale can be watched by the organizer who made it. Log in with that account.',
  },
  unknown: {
    title: 'There is no such event',
    text: 'Check the address, or choose the event from your list.',
  },
  notYet: {
    title: 'The sale has not opened yet. It opens in',
    days: (count: number) => plural(count, { one: '# day', other: '# days' }),
    at: (when: string) => `on ${when}`,
  },
};
