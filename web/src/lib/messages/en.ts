/** Every text of the pages in English; the type that the other catalogues satisfy. */
import { mail, manage, refunds } from './en/manage';
import { queue } from './en/queue';
import { reasons } from './en/reasons';
import { seats } from './en/seats';
import { pluralsOf } from './plural';

const plural = pluralsOf('en');

export const en = {
  name: 'onsale',
  /** The title of the window: page first. */
  windowTitle: (page: string) => `${page} · onsale`,

  common: {
    retry: 'Try again',
    close: 'Close',
    cancel: 'Cancel',
    loading: 'Loading…',
    working: 'One moment…',
    more: 'Show more',
    optional: 'optional',
    seats: (count: number) => plural(count, { one: '# seat', other: '# seats' }),
    places: (count: number) => plural(count, { one: '# place', other: '# places' }),
    tickets: (count: number) => plural(count, { one: '# ticket', other: '# tickets' }),
    total: 'Total',
    noFees: 'No booking fee is added.',
    free: 'Free of charge',
  },

  layout: {
    skip: 'Skip to the content',
    home: 'onsale, to all events',
    main: 'Main menu',
    events: 'Events',
    orders: 'My tickets',
    logIn: 'Log in',
    signUp: 'Sign up',
    account: 'Account',
    wallet: 'Wallet',
    data: 'Your data',
    logOut: 'Log out',
    loggedOut: 'You are logged out.',
    language: 'Language',
    theme: 'Appearance',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    settings: 'Language and appearance',
    footer: 'Every seat is sold once. What you hold is yours until the clock runs out.',
  },

  events: {
    title: 'Events',
    lead: 'Pick a date, choose your seats on the map, and they are yours while you pay.',
    empty: 'Nothing is on sale yet',
    emptyHint: 'As soon as an event is announced it appears here.',
    from: (price: string) => `from ${price}`,
    dates: (count: number) => plural(count, { one: '# date', other: '# dates' }),
    noDates: 'No dates yet',
    moreDates: (count: number) =>
      plural(count, { one: 'and # more date', other: 'and # more dates' }),
    waitingRoom: 'Waiting room',
  },

  event: {
    performances: 'Dates',
    none: 'No dates have been announced yet.',
    choose: 'Choose seats',
    chooseFor: (when: string) => `Choose seats for ${when}`,
    look: 'See the seats',
    lookFor: (when: string) => `See the seats for ${when}`,
    zone: (zone: string) => `Times are in your time zone: ${zone}.`,
    accountNeeded: 'Only signed-up buyers can buy here.',
    waitingRoom:
      'This event has a waiting room: when it opens, buyers are let in one after another.',
  },

  sale: {
    left: (count: string) => `${count} available`,
    few: (count: string) => `Only ${count} left`,
    soldOut: 'Sold out',
    /** Nothing is free now, but what is held may come back. */
    noneFree: 'None free right now',
    opens: (when: string) => `On sale from ${when}`,
    closed: 'Sale closed',
    past: 'Over',
  },

  performance: {
    title: (event: string) => `Choose seats: ${event}`,
    view: 'Show the seats as',
    map: 'Map',
    list: 'List',
    mapName: 'Seat map',
    listName: 'List of seats',
    viewers: (count: number) =>
      plural(count, { one: '# person is looking', other: '# people are looking' }),
    limit: (count: number) =>
      plural(count, {
        one: 'You can have # seat in all.',
        other: 'You can have up to # seats in all.',
      }),
    limitReached: (count: number) =>
      plural(count, {
        one: 'You have picked the # seat you can have.',
        other: 'You have picked all # seats you can have.',
      }),
    limitUsed: 'You already have as many seats as one buyer may have on this date.',
    areas: 'Standing and free seating',
    areaLeft: (count: string) => `${count} places left`,
    areaNone: 'None left',
    areaHold: (quantity: number, label: string) =>
      plural(quantity, { one: `Hold # place in ${label}`, other: `Hold # places in ${label}` }),
    quantity: 'How many',
    quantityOf: (label: string) => `How many in ${label}`,
    fewer: (label: string) => `One fewer: ${label}`,
    more: (label: string) => `One more: ${label}`,
    best: 'Best available',
    bestHint: 'We pick the best free seats and hold them for you.',
    bestWithoutSpaces:
      'Wheelchair spaces and companion seats are left out; pick those on the map or in the list.',
    bestHold: (quantity: number) =>
      plural(quantity, { one: 'Find and hold # seat', other: 'Find and hold # seats' }),
    category: 'Category',
    anyCategory: 'Any category',
    together: 'Side by side',
    heldAlready: (count: number) =>
      plural(count, {
        one: 'You are holding # seat here.',
        other: 'You are holding # seats here.',
      }),
    heldUntil: (time: string) => `Yours until ${time}, whatever else you look at.`,
    resume: 'Continue to payment',
  },

  selection: {
    title: 'Your seats',
    empty: 'Pick seats on the map or in the list. You can also let us find the best ones.',
    picked: (count: number) => plural(count, { one: '# seat picked', other: '# seats picked' }),
    none: 'No seats picked',
    remove: (label: string) => `Remove ${label}`,
    gone: 'Taken by somebody else',
    clear: 'Clear',
    hold: (count: number) => plural(count, { one: 'Hold # seat', other: 'Hold # seats' }),
    holdNone: 'Hold seats',
    holding: 'Holding your seats…',
    lost: (labels: string, count: number) =>
      count === 1
        ? `${labels} was just taken by somebody else.`
        : `${labels} were just taken by somebody else.`,
    asGuest: 'No account needed: you continue as a guest.',
    heldFor: (minutes: string) => `Held seats are yours for ${minutes}.`,
    minutes: (count: number) => plural(count, { one: '# minute', other: '# minutes' }),
    seconds: (count: number) => plural(count, { one: '# second', other: '# seconds' }),
  },

  steps: { name: 'Steps', seats: 'Seats', details: 'Details', tickets: 'Tickets', done: 'done' },

  checkout: {
    title: 'Your details',
    details: 'Who are the tickets for?',
    name: 'Name',
    email: 'E-mail address',
    emailHint: 'For questions about your order.',
    phone: 'Phone number',
    phoneHint: 'With country or area code.',
    payment: 'How do you want to pay?',
    simulated: 'Test card',
    simulatedHint: 'A simulated payment: no real money is taken.',
    wallet: 'Wallet',
    walletBalance: (balance: string) => `Balance: ${balance}`,
    walletShort: (missing: string) => `${missing} short. Top up first, or pay another way.`,
    walletGuest: 'Wallets belong to accounts; you are buying as a guest.',
    topUp: 'Top up the wallet',
    topUpBy: (amount: string) => `Top up ${amount}`,
    cardHint: 'What you type goes straight to the payment provider.',
    cardForm: 'Card details',
    cardLoading: 'Getting the card form…',
    cardPrivate: 'This form is the payment provider’s own; we never see your card.',
    pay: (total: string) => `Pay ${total}`,
    payNothing: 'Confirm, free of charge',
    paying: 'Paying…',
    payingHint:
      'Waiting for the bank’s answer. Please do not close this page; your seats are safe meanwhile.',
    paid: 'Paid. Here come your tickets…',
    checking: 'Checking what became of your payment…',
    checkingHint: 'Your seats stay yours until it is known. You are not charged twice.',
    toSeats: 'Back to the seats',
    toSeatsHint: 'These seats stay yours until the time is up, also while you look around.',
    back: 'Give the seats back',
    backTitle: 'Give these seats back?',
    backText: 'They go back on sale at once and somebody else may take them.',
    backConfirm: 'Give back',
    backStay: 'Keep my seats',
    summary: 'Your seats',
    timeLeft: 'Time left',
    timeLeftHint: 'The seats are yours until then.',
    timeSoon: 'Less than two minutes left.',
    timeLow: 'Not much time left.',
    timeMore: 'You can have more.',
    extend: 'More time',
    extended: (time: string) => `You now have ${time}.`,
    announce: (time: string) => `${time} left to pay.`,
    expiredTitle: 'Your time is up',
    expired: (labels: string) => `Back on sale: ${labels}. Nothing was charged.`,
    expiredTodo: 'What is still free you can hold again.',
    expiredBack: 'Choose seats again',
    cancelledTitle: 'You gave these seats back',
    cancelled: 'They are on sale again. Nothing was charged.',
    confirmedTitle: 'These seats are paid',
    confirmed: 'Your tickets are in your order.',
    toOrder: 'See the tickets',
    declinedTitle: 'The payment was declined',
    declined:
      'Nothing was charged, and your seats are still held for you. You can try again or pay another way.',
    declines: {
      insufficient_funds: 'There is not enough money for this payment.',
      expired_card: 'The card has expired.',
      incorrect_details: 'The number, the date or the security code of the card is not right.',
      limit_exceeded: 'The card has reached its limit. Try another one.',
      not_authenticated: 'Your bank did not get a confirmation from you.',
      amount_not_accepted: 'This amount cannot be paid this way.',
      try_again: 'The bank could not answer just now. A little later it may work.',
      declined: 'The bank gives no reason; it may tell you when you ask.',
    } as Record<string, string>,
    retry: 'Try the payment again',
    actionTitle: 'Your bank needs you',
    action:
      'Confirm the payment with your provider, then come back here. Your seats stay held meanwhile.',
    actionLink: 'Continue at the provider',
    actionHere: 'Your bank wants to know that it is you. Your seats stay held meanwhile.',
    actionGo: 'Confirm with my bank',
    acting: 'Waiting for your bank…',
    actingHint: 'Answer your bank in the window that has opened.',
    actionWait:
      'Follow the steps your provider shows you. This page notices when the payment is through.',
  },

  order: {
    title: 'Your order',
    success: 'You are going!',
    successText: 'Paid and confirmed. Your tickets are below; keep the codes to yourself.',
    tickets: 'Tickets',
    ticketCode: 'Ticket code',
    qrCode: (seat: string) => `QR code of the ticket for ${seat}`,
    qrMissing: 'The QR code is missing just now; the written code lets you in too.',
    savePaper: 'Save as PDF',
    savePicture: 'Save QR code',
    savePictureOf: (seat: string) => `Save the QR code for ${seat}`,
    receipt: 'Receipt',
    number: 'Order number',
    buyer: 'Buyer',
    /** In the place of a name that is not known any more. */
    erased: 'Erased',
    placed: 'Ordered on',
    paidWith: 'Paid with',
    methods: { simulated: 'Test card', wallet: 'Wallet', stripe: 'Card' } as Record<string, string>,
    statuses: {
      paying: 'Payment under way',
      paid: 'Paid',
      failed: 'Payment failed',
      refunded: 'Refunded',
    } as Record<string, string>,
    paying: 'The payment is under way. This page notices when it is through.',
    failed: 'This payment did not go through, and nothing was charged.',
    refunded: 'The money has been given back; the tickets are no longer valid.',
    toReservation: 'To the held seats',
    print: 'Print',
    more: 'Find more events',
    guest:
      'You bought as a guest. This page can be opened in this browser for one day; print the tickets or write the codes down.',
  },

  scan: {
    title: 'Scan tickets',
    logIn: 'Log in as the organizer of the event to let people in.',
    ready: 'Ready to scan',
    entered: 'Let in',
    unknown: 'No such ticket for your events.',
    undone: 'Taken back',
    usedAt: (when: string, who: string) => `First scanned ${when}${who ? ` (${who})` : ''}`,
    isFor: (when: string) => `It is for ${when}.`,
    code: 'Ticket code',
    hint: '16 characters; capitals, spaces and dashes do not matter. Hand scanners type here too.',
    check: 'Check',
    cameraOn: 'Use the camera',
    cameraOff: 'Stop the camera',
    noCamera: 'Cameras work on pages served over HTTPS; type the code instead.',
    cameraFailed: 'The camera cannot be used. Allow it for this page, or type the code.',
    picture: 'What the camera sees',
    sound: 'Sound',
    only: (title: string, when: string) => `Only let in to ${title}, ${when}`,
    onlyThis: 'Only let in to this performance',
    counts: (come: string, sold: string) => `${come} of ${sold} are in`,
    last: 'Last scans',
    undo: 'Take back',
    undoOf: (seat: string) => `Take back the scan of ${seat}`,
  },

  mine: {
    title: 'My tickets',
    tabs: 'My tickets',
    orders: 'Orders',
    reservations: 'Reservations',
    noOrders: 'No orders yet',
    noOrdersHint: 'Tickets you buy appear here.',
    noReservations: 'No reservations yet',
    noReservationsHint: 'Seats you hold appear here until they are paid.',
    nobody: 'Nothing bought in this browser yet',
    nobodyHint: 'Log in to see the tickets of your account.',
    browse: 'See the events',
    resume: 'Continue to payment',
    open: 'Open',
    openOrder: (title: string) => `Open the order for ${title}`,
    resumeFor: (title: string) => `Continue to payment for ${title}`,
    guest: 'You are a guest in this browser. Orders made as a guest are shown here for one day.',
    statuses: {
      held: 'Held for you',
      paying: 'Payment under way',
      confirmed: 'Paid',
      cancelled: 'Given back',
      expired: 'Time ran out',
    } as Record<string, string>,
    until: (time: string) => `until ${time}`,
  },

  account: {
    logIn: 'Log in',
    signUp: 'Sign up',
    email: 'E-mail address',
    password: 'Password',
    passwordHint: 'At least 8 characters.',
    name: 'Name',
    doLogIn: 'Log in',
    doSignUp: 'Create account',
    loggingIn: 'Logging in…',
    signingUp: 'Creating your account…',
    noAccount: 'No account yet?',
    haveAccount: 'Already have an account?',
    guest: 'Continue as a guest',
    guestHint:
      'You can buy without an account. Seats you hold as a guest stay with the guest: pay for them before you log in.',
    already: (name: string) => `You are logged in as ${name}.`,
    ended: 'Your log-in has ended. Please log in again.',
    showPassword: 'Show password',
  },

  wallet: {
    title: 'Wallet',
    balance: 'Balance',
    topUp: 'Top up',
    topUpHint: 'Simulated: no real money is taken.',
    toppingUp: 'Topping up…',
    toppedUp: (amount: string) => `${amount} added.`,
    guest: 'Wallets belong to accounts. Log in to use yours.',
  },

  forms: {
    required: (label: string) => `${label}: please fill this in.`,
    email: 'Write an address such as name@example.com.',
    tooLong: (count: number) =>
      plural(count, { one: 'At most # character.', other: 'At most # characters.' }),
    tooShort: (count: number) =>
      plural(count, { one: 'At least # character.', other: 'At least # characters.' }),
    invalid: 'This is not accepted. Please check it.',
    check: (count: number) =>
      plural(count, { one: 'Please check # entry.', other: 'Please check # entries.' }),
  },

  live: {
    mending: 'Reconnecting… What you see may be a few seconds old.',
    polling: 'Live updates are blocked on this network. The seats are refreshed every few seconds.',
    offline: 'You are offline. The seats are refreshed as soon as you are back.',
    mended: 'Connected again.',
  },

  problem: {
    title: 'That did not work',
    safe: 'What is safe:',
    request: (id: string) => `Request ${id}`,
    brokenTitle: 'Something broke on this page',
    broken:
      'It is our fault, not yours. Seats you hold are still held; loading the page again usually helps.',
    reload: 'Load the page again',
    chunkTitle: 'This page could not be loaded',
    chunk:
      'The connection broke, or a new version has been put in place. Nothing you hold is lost.',
  },

  notFound: {
    title: 'There is nothing here',
    text: 'The address may be mistyped, or what it showed is gone.',
    home: 'To all events',
  },

  seats,
  queue,
  mail,
  refunds,
  manage,
  reasons,
};

export type Catalogue = typeof en;
