/** For each reason code: what happened, what is safe, and what to do. In English. */
export interface Reason {
  happened: string;
  safe: string;
  todo: string;
}

const nothingCharged = 'Nothing was charged.';
const nothingChanged = 'Nothing was changed.';

export const reasons = {
  network: {
    happened: 'No answer came from the server.',
    safe: 'Nothing is done twice when you try again.',
    todo: 'Check your connection and try again.',
  },
  card_form_unavailable: {
    happened: 'The payment provider’s card form cannot be reached.',
    safe: 'Nothing was charged, and your seats are still held for you.',
    todo: 'Try again, or pay another way.',
  },
  card_incomplete: {
    happened: 'The card details are not complete.',
    safe: nothingCharged,
    todo: 'Look at what the card form has marked, and try again.',
  },
  validation: {
    happened: 'Something in the request is not accepted.',
    safe: nothingChanged,
    todo: 'Check what you entered and try again.',
  },
  invalid_plan: {
    happened: 'The seating plan cannot be used.',
    safe: nothingChanged,
    todo: 'Correct the plan and send it again.',
  },
  unauthenticated: {
    happened: 'You are not logged in any more.',
    safe: 'Seats and orders of your account are kept.',
    todo: 'Log in and try again.',
  },
  bad_credentials: {
    happened: 'E-mail address or password is wrong.',
    safe: nothingChanged,
    todo: 'Check both and try again.',
  },
  payment_declined: {
    happened: 'The payment was declined.',
    safe: 'Nothing was charged, and your seats are still held for you.',
    todo: 'Try again, or pay another way.',
  },
  forbidden: {
    happened: 'This is not allowed for you.',
    safe: nothingChanged,
    todo: 'This event may be for signed-up buyers only: log in and try again.',
  },
  pass_required: {
    happened: 'This event has a waiting room, and you have not been let in yet.',
    safe: nothingCharged,
    todo: 'Join the waiting room first.',
  },
  pass_invalid: {
    happened: 'Your admission is not valid for this event.',
    safe: nothingCharged,
    todo: 'Join the waiting room again.',
  },
  pass_expired: {
    happened: 'Your admission has run out.',
    safe: 'What you have paid for is yours.',
    todo: 'Join the waiting room again.',
  },
  pass_used: {
    happened: 'Your admission has been used.',
    safe: 'What you have paid for is yours.',
    todo: 'To buy more, join the waiting room again.',
  },
  ticket_invalid: {
    happened: 'Your place in the queue could not be recognised.',
    safe: nothingCharged,
    todo: 'Join the waiting room again.',
  },
  not_found: {
    happened: 'This does not exist, or belongs to another buyer.',
    safe: nothingChanged,
    todo: 'Check the address. If you bought as a guest or with another account, use that one.',
  },
  seat_not_found: {
    happened: 'There is no such seat.',
    safe: nothingChanged,
    todo: 'Load the page again and choose from the map.',
  },
  method_not_allowed: {
    happened: 'The server does not offer this here.',
    safe: nothingChanged,
    todo: 'Load the page again; it may be out of date.',
  },
  seat_taken: {
    happened: 'Somebody else was faster.',
    safe: 'Nothing is held and nothing was charged; your other seats are still picked.',
    todo: 'Choose other seats.',
  },
  sold_out: {
    happened: 'There are not as many left as you asked for.',
    safe: nothingCharged,
    todo: 'Try fewer, or look again later: held seats may come back.',
  },
  limit_exceeded: {
    happened: 'That is more than one buyer may have on this date.',
    safe: 'What you already have stays yours.',
    todo: 'Choose fewer seats.',
  },
  duplicate: {
    happened: 'There is a place in the queue already.',
    safe: 'The first place is kept.',
    todo: 'Go on in the window where you joined.',
  },
  email_taken: {
    happened: 'There is an account with this e-mail address already.',
    safe: nothingChanged,
    todo: 'Log in, or use another address.',
  },
  in_flight: {
    happened: 'Your first try is still being worked on.',
    safe: 'It is done once, and you are not charged twice.',
    todo: 'Wait a moment, then try again.',
  },
  already_confirmed: {
    happened: 'This is paid already.',
    safe: 'You were charged once, and the seats are yours.',
    todo: 'Find the tickets under “My tickets”.',
  },
  payment_under_way: {
    happened: 'A payment for these seats is under way.',
    safe: 'Your seats stay yours until it is known how it ends.',
    todo: 'Wait a moment.',
  },
  extension_used: {
    happened: 'You have already had the extra time.',
    safe: 'The seats are yours for the time shown.',
    todo: 'Finish before it runs out.',
  },
  has_orders: {
    happened: 'Seats of this have been sold.',
    safe: nothingChanged,
    todo: 'Refund the orders first.',
  },
  sale_not_open: {
    happened: 'The sale has not opened yet.',
    safe: nothingCharged,
    todo: 'Come back when it opens.',
  },
  order_state: {
    happened: 'The order does not allow this any more.',
    safe: nothingChanged,
    todo: 'Load the page again to see how the order stands.',
  },
  already_used: {
    happened: 'Somebody has been let in with this ticket.',
    safe: 'The ticket was used once; this scan changed nothing.',
    todo: 'Compare the name and the time of the first scan.',
  },
  ticket_void: {
    happened: 'This ticket is void: it was refunded, or never paid for.',
    safe: nothingChanged,
    todo: 'Ask to see the order, or send its bearer to the box office.',
  },
  wrong_performance: {
    happened: 'This ticket is for another performance.',
    safe: 'It has not been used up.',
    todo: 'Show its bearer the date on the ticket.',
  },
  wallet_not_empty: {
    happened: 'There is money in your wallet.',
    safe: 'Nothing was erased.',
    todo: 'Spend it, or ask the box office to give it back.',
  },
  no_return_line: {
    happened: 'Nothing that comes back is held for those who wait here.',
    safe: nothingChanged,
    todo: 'Look at the event again later.',
  },
  offer_open: {
    happened: 'Something is held for you already.',
    safe: 'It is yours for the time shown.',
    todo: 'Pay for it, or give it back first.',
  },
  sale_closed: {
    happened: 'The sale is closed.',
    safe: 'What you have paid for is yours.',
    todo: 'See whether there is another date.',
  },
  hold_expired: {
    happened: 'Your time ran out and the seats went back on sale.',
    safe: nothingCharged,
    todo: 'Choose seats again.',
  },
  turn_missed: {
    happened: 'Your turn in the queue has passed.',
    safe: nothingCharged,
    todo: 'Join the waiting room again.',
  },
  body_too_large: {
    happened: 'What was sent is too large.',
    safe: nothingChanged,
    todo: 'Send less at once.',
  },
  unsupported_media_type: {
    happened: 'The server could not read the request.',
    safe: nothingChanged,
    todo: 'Load the page again; it may be out of date.',
  },
  idempotency_mismatch: {
    happened: 'This try was mixed up with an earlier one.',
    safe: 'Nothing was done twice.',
    todo: 'Try again.',
  },
  not_your_turn: {
    happened: 'It is not your turn yet.',
    safe: 'Your place in the queue is kept.',
    todo: 'Wait until you are called.',
  },
  work_required: {
    happened: 'Joining asks your device for a little work first, to keep robots out.',
    safe: 'You have lost nothing; you are not in the line yet.',
    todo: 'Join again and keep this page open for a moment.',
  },
  no_mail: {
    happened: 'The tickets cannot be sent by e-mail.',
    safe: 'They are on the page of the order all the same.',
    todo: 'Download them there.',
  },
  delivery_state: {
    happened: 'That message is not one that was given up.',
    safe: 'Nothing was sent twice.',
    todo: 'Load the list again.',
  },
  rate_limited: {
    happened: 'Too many requests came from you at once.',
    safe: 'What you hold stays held.',
    todo: 'Wait a few seconds and try again.',
  },
  internal: {
    happened: 'Something went wrong on our side.',
    safe: 'What you hold stays held, and nothing is charged twice.',
    todo: 'Try again in a moment.',
  },
  unavailable: {
    happened: 'The service cannot answer right now.',
    safe: 'What you hold stays held, and nothing is charged twice.',
    todo: 'Try again in a moment.',
  },
} satisfies Record<string, Reason>;
