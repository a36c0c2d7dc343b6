/** Texts of the waiting room and its draw, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

export const queue = {
  title: (event: string) => `Waiting room: ${event}`,
  toRoom: 'To the waiting room',
  toRoomFor: (when: string) => `To the waiting room for ${when}`,
  joining: 'You are being put in the line…',
  working: 'Your device is doing a little work first, which keeps robots out of the line.',
  workName: 'Work done',
  workHint: 'This usually takes a few seconds. You can leave this page open and do other things.',
  lobby: 'You are in the waiting room',
  lobbyText:
    'The waiting room has not opened yet. When it does, the order of everybody here is drawn by lot: coming earlier is no advantage, and reloading is none either.',
  opensIn: 'Opens in',
  opensAt: (when: string) => `It opens on ${when}.`,
  opening: 'It is opening now. The order is being drawn…',
  howDrawn: 'How the order is drawn, and how to check it',
  position: 'Your place',
  positionNote: 'Your place never changes; the line in front of you gets shorter.',
  ahead: 'Ahead of you',
  people: (count: number) => plural(count, { one: '# person', other: '# people' }),
  nobody: 'Nobody',
  eta: 'Your turn comes in',
  etaSoon: 'less than a minute',
  etaMinutes: (count: number) => plural(count, { one: 'about # minute', other: 'about # minutes' }),
  etaHours: (count: number) => plural(count, { one: 'about # hour', other: 'about # hours' }),
  etaUnknown: 'not known right now',
  still: 'Nobody is being let in at the moment. Your place is kept.',
  progressName: 'How far the line has moved',
  moved: (count: number) =>
    plural(count, {
      one: '# person ahead of you has gone since you came.',
      other: '# people ahead of you have gone since you came.',
    }),
  notMoved: 'The line has not moved since you came.',
  reached: (count: string) => `About ${count} of those waiting will be reached with what is left.`,
  likely: 'You are likely to be among them.',
  unlikely:
    'Your place will probably not be reached. You may wait all the same: seats that are given back go to the line.',
  stay: 'You can reload this page, open it in a second tab, or let the device sleep: your place is kept. Be here when your turn comes.',
  mending: 'Connection lost. Trying again… Your place is kept.',
  mended: 'Connected again.',
  leave: 'Leave the line',
  leaveTitle: 'Give up your place?',
  leaveText: 'If you come back later, you start at the end of the line.',
  leaveLobby: 'If you come back before it opens, you have the same chance as now.',
  leaveYes: 'Leave the line',
  leaveNo: 'Stay in the line',
  leftTitle: 'You have left the line',
  leftText: 'Nothing was charged.',
  joinAgain: 'Join again',
  toEvent: 'To the event',
  remind: 'Tell me when it is my turn',
  reminding: 'You will get a message on this device when it is your turn.',
  reminderTitle: 'It is your turn',
  reminderText: (event: string) => `${event}: go in before your time is up.`,
  ready: 'It is your turn!',
  readyText: 'Go in now. When the time is up, the next person is called.',
  readyLeft: 'Time left to go in',
  readyAnnounce: (time: string) => `It is your turn. ${time} left to go in.`,
  enter: 'Go in',
  entering: 'Going in…',
  atDoor: 'You are at the door',
  atDoorText:
    'It is full inside just now. You are let in as soon as somebody leaves, before everybody who waits behind you. Keep this page open.',
  missed: 'Your turn has passed',
  missedText:
    'You did not go in within the time. As long as there is room, you can still go in: try it.',
  missedEnter: 'Try to go in',
  missedFull:
    'There is no room just now. Try again in a moment, or join again at the end of the line.',
  inside: 'You are in',
  insideText: (when: string) =>
    `Choose your seats until ${when}. Seats that you hold by then are yours to pay for.`,
  choose: 'Choose seats',
  soldOut: 'Sold out',
  soldOutText:
    'Everything was sold before your turn came. Nothing was charged. Sometimes seats come back: look at the event again later, or see what else is on.',
  closed: 'The waiting room is closed',
  closedText:
    'The organizer has closed it. If it opens again, you have the place that you had: leave this page open, or come back later.',
  closedJoin: 'The organizer has closed it, so nobody can join right now. Try again later.',
  otherEvents: 'See other events',
  again: 'Look again',
  gone: 'You have no place any more',
  notHere: 'This event has no waiting room: go straight to the seats.',
  goneText:
    'It was given up, has been used to buy, or its time is over. What you have paid for is yours.',
  guest:
    'You are waiting as a guest. If you log in, the place stays with the guest: go in and buy before you log in.',
  notCarried:
    'Somebody else is already buying in this browser, so the place from the page without JavaScript could not be taken over. It is still yours there.',
  needed: 'To hold seats here, go through the waiting room first. You can look around meanwhile.',
  insideLeft: 'Time left inside',
  insideLow: 'Hold your seats before it is over; what you hold by then stays yours to pay for.',
  insideAnnounce: (time: string) => `${time} left to choose seats.`,
  statusLine: (ahead: string, eta: string) => `${ahead} ahead of you. Your turn comes in ${eta}.`,

  draw: {
    title: (event: string) => `The draw: ${event}`,
    how: 'How it works',
    steps: [
      'Before anybody could join, the server chose a secret and published its fingerprint, the commitment below. It cannot change the secret any more without everybody noticing.',
      'Everybody who came before the opening was written down in one list. When it closed, the list got a fingerprint of its own, the root.',
      'Secret and root together give the order, by a public formula. Whoever made the secret did not know the list, and whoever joined did not know the secret.',
      'Now the secret is published, and anybody can compute the order again.',
    ],
    commitment: 'Commitment',
    commitmentHint: 'Published from the beginning on. Note it now, to compare it after the draw.',
    lobby: 'People in the draw',
    lobbySoFar: 'People so far',
    opens: 'Drawn on',
    root: 'Root of the list',
    secret: 'Secret',
    notYet: 'Not drawn yet. Root and secret are published when the waiting room opens.',
    noLobby:
      'Here nobody could join before the opening, so nothing is drawn: first come, first served.',
    mine: 'My receipt',
    mineText:
      'The receipt proves that your place in the list got its place in the line by the draw.',
    noTicket: 'This browser has no place in this waiting room, so there is no receipt to show.',
    notInDraw:
      'You joined after the opening, so you were not in the draw: you stand behind it in the order of joining.',
    download: 'Download the receipt',
    check: 'Check it here',
    checkOk: (place: string, position: string) =>
      `All is right: number ${place} of the list drew place ${position} in the line.`,
    flaws: {
      form: 'This is not a receipt that this page can read.',
      commitment: 'The secret does not fit the commitment.',
      path: 'Your entry is not in the list that was published.',
      position: 'The draw gives another place than the receipt says.',
    },
    elsewhere: 'To check it without this page, on a computer of your own:',
    everything: 'Download the whole draw',
    everythingHint: 'With everybody in it, without names; the same command checks it.',
  },
};
