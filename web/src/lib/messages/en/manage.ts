/** Texts of what becomes of an order afterwards, and of the organizers' pages, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

export const mail = {
  title: 'Tickets by e-mail',
  none: 'The tickets have not been sent by e-mail.',
  sent: (to: string, when: string) => `Sent to ${to} on ${when}.`,
  sentHint: 'If it is not there, look among the unwanted mail, or send it again.',
  waiting: (to: string) => `On its way to ${to}…`,
  withdrawn: 'Not sent: the order was refunded before.',
  dead: (to: string) =>
    `The e-mail to ${to} could not be delivered. The tickets are good all the same: save or print them here.`,
  elsewhere: 'an address that the organizer gave',
  send: 'Send the tickets',
  again: 'Send again',
  queued: 'The tickets are on their way.',
  tooSoon: (when: string) => `The tickets were sent a moment ago. You can send them again ${when}.`,
  in: (seconds: number) =>
    seconds < 120
      ? plural(seconds, { one: 'in # second', other: 'in # seconds' })
      : seconds < 7_200
        ? plural(Math.ceil(seconds / 60), { one: 'in # minute', other: 'in # minutes' })
        : plural(Math.ceil(seconds / 3_600), { one: 'in # hour', other: 'in # hours' }),
};

export const refunds = {
  states: { refunding: 'Being refunded', refunded: 'Refunded' } as Record<string, string>,
  back: 'Refunded',
  kept: 'Still paid for',
  some: (labels: string, amount: string) =>
    `The money for ${labels} has been given back: ${amount}. Those tickets are void; the others stay good.`,
  underWay: (labels: string) =>
    `The money for ${labels} is being given back. The tickets for it are void already.`,
  slow: 'Depending on how you paid, it takes a few days until you have it.',
};

export const manage = {
  name: 'For organizers',
  logIn: 'Log in as the organizer of the event.',
  events: 'Events',
  plans: 'Seating plans',
  orders: 'Orders',
  webhooks: 'Webhooks',
  payments: 'Payments',
  find: 'Order number',
  findHint: 'Paste the number from the order page or the e-mail; a link to the order will do too.',
  open: 'Open the order',
  mistyped: 'That is not an order number.',
  unknown: 'There is no such order for your events.',
  refund: 'Refund',
  notPaid: 'Only paid orders can be refunded.',
  which: 'Which seats?',
  toSale: 'Put the seats back on sale',
  choose: 'Choose seats to refund',
  giveBack: (seats: number, amount: string) =>
    plural(seats, { one: `Refund # seat: ${amount}`, other: `Refund # seats: ${amount}` }),
  askTitle: (amount: string) => `Give ${amount} back?`,
  askToSale: (labels: string) =>
    `The tickets for ${labels} become void and the seats go back on sale. This cannot be undone.`,
  askKept: (labels: string) =>
    `The tickets for ${labels} become void; the seats stay off sale. This cannot be undone.`,
  askYes: 'Refund',
  refunded: (labels: string, amount: string) => `${amount} for ${labels} has been given back.`,
  elsewhere: 'Another address',
  elsewhereHint: 'Left empty, they go to the buyer.',
  unsettled: 'Not over yet',
  unsettledHint:
    'Payments and refunds that were left in the middle, by a connection that broke or a bank that does not answer. The provider is asked about each until it is known whether money was taken; until then its seats are neither sold nor free.',
  settled: 'Every payment and every refund is over.',
  overdue: (count: number) =>
    plural(count, {
      one: '# has not been settled for half an hour. Look at it with the payment provider.',
      other: '# have not been settled for half an hour. Look at them with the payment provider.',
    }),
  kinds: { payment: 'Payment', refund: 'Refund' } as Record<string, string>,
  standings: {
    awaits_buyer: 'Waits for the buyer, who has to confirm it.',
    retried: 'The provider is being asked.',
    overdue: 'The provider has not said for half an hour how it stands.',
  } as Record<string, string>,
  since: (when: string) => `Since ${when}`,
  method: (name: string) => `by ${name}`,
  reference: 'Known there as',
  orderOf: (amount: string, event: string) => `The order: ${amount}, ${event}`,
  toOrder: 'The order',
  endpoints: 'Endpoints',
  noEndpoints:
    'No program of yours is told of anything. Endpoints are added through the interface.',
  dead: 'Given up',
  deadHint: 'Messages that your programs did not take for three days, or refused for good.',
  noDead: 'Everything was delivered, or is still being tried.',
  attempts: (count: number) => plural(count, { one: '# attempt', other: '# attempts' }),
  replay: 'Send off again',
  replayOf: (type: string, when: string) => `Send off again: ${type}, ${when}`,
  replayed: 'It is being sent again.',
};
