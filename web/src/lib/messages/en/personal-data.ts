/** Texts of the page about what is kept of somebody, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

export const personalData = {
  title: 'Your data',
  lead: 'What is kept of you here: look at it, take it along, or have it erased.',
  nobody: 'Nobody is known in this browser',
  nobodyHint: 'Log in to see what is kept of your account.',

  kept: 'What is kept',
  who: 'You are',
  guest: 'A guest on this device',
  name: 'Name',
  email: 'E-mail address',
  external: 'Known to your log-in service as',
  since: 'Account since',
  balance: 'In the wallet',
  orders: 'Orders',
  orderCount: (count: number) => plural(count, { one: '# order', other: '# orders' }),
  noOrders: 'No orders',
  toOrders: 'See the orders',
  reservations: 'Reservations',
  reservationCount: (count: number) =>
    plural(count, { one: '# reservation', other: '# reservations' }),
  noReservations: 'No reservations',
  toReservations: 'See the reservations',
  wishes: 'Waiting for returns',
  wishCount: (count: number) => plural(count, { one: '# wish', other: '# wishes' }),
  noWishes: 'No wishes',
  /** A list that goes on beyond what is counted. */
  andMore: (counted: string) => `${counted} and more`,
  ordersHint:
    'In your orders are the names, phone numbers and e-mail addresses that you gave when you paid.',

  logIns: 'Log-ins',
  noLogIns: 'None: guests do not log in.',
  noneKept: 'No log-ins are kept.',
  logInsHint: 'Which device each came from is kept as a digest that nobody can read.',
  open: 'Open',
  ended: 'Ended',

  takeAlong: 'Take it along',
  download: 'Download everything',
  downloadHint: 'All of it in one file, which programs can read too (JSON).',
  gathering: (count: number) =>
    plural(count, {
      one: 'Putting your file together: # order or reservation so far…',
      other: 'Putting your file together: # orders and reservations so far…',
    }),
  saved: (file: string) => `Saved as ${file}.`,

  erase: 'Erase me',
  goes: 'This goes',
  goesAccount: 'Your account with your name, e-mail address and password, and all log-ins.',
  goesGuest: 'The guest that you are on this device.',
  goesWishes: 'Your wishes for returned seats.',
  goesOrders:
    'Your name, phone number and e-mail address in your orders, and the e-mails about them.',
  stays: 'This stays',
  staysOrders: 'Orders with their seats and their money, without a name. The books need them.',
  staysTickets:
    'Tickets for what is to come stay good. Who they are for is erased the day after the event.',
  saveFirst:
    'Save or print tickets for what is to come first: you cannot open these orders any more once you are erased.',
  noWayBack: 'There is no way back.',
  erasing: 'Erasing…',
  askTitle: 'Erase you for good?',
  ask: 'There is no way back. Tickets that you have not saved or printed you cannot open any more.',
  yes: 'Erase me',
  no: 'Erase nothing',
  organizer:
    'Organizers’ accounts are not erased. Whoever runs this shop has to take the role back first.',
  toWallet: 'To the wallet',
  changed:
    'Somebody else has logged in in this browser meanwhile. Nothing was erased; what you see now is theirs.',

  erased: 'You are erased',
  goneAccount: 'The account is gone and you are logged out. Nobody can log in to it any more.',
  goneGuest: 'The guest that you were on this device is gone.',
  nameless: (count: number) =>
    plural(count, { one: '# order no longer names you.', other: '# orders no longer name you.' }),
  noneNames: 'No order names you.',
  follow: (count: number) =>
    plural(count, {
      one: '# order names you until the day after the event, then no longer.',
      other: '# orders name you until the day after their event, then no longer.',
    }),
  stillGood: 'The tickets stay good: show what you have saved or printed.',
  asGuest: 'What you bought as a guest in this browser is kept apart from the account.',
  seeGuest: 'See what is kept of the guest',
};
