/** Texts of the seat map and the seat list, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

export const seats = {
  states: {
    available: 'Available',
    held: 'Held by others',
    sold: 'Sold',
    blocked: 'Not for sale',
    picked: 'Picked',
    mine: 'Yours',
  },
  /** What a seat may be kept for. */
  spaces: { accessible: 'Wheelchair space', companion: 'Companion seat' },
  showSpaces: 'Wheelchair spaces',
  spacesFree: (count: number) =>
    plural(count, { one: '# wheelchair space free', other: '# wheelchair spaces free' }),
  reminders: {
    accessible:
      'Wheelchair spaces are kept for people who need them. If nobody in your party does, please pick another seat.',
    companion:
      'A companion seat is for whoever comes along with somebody in a wheelchair space. Please pick that space as well, or another seat.',
  },
  /** Why a seat cannot be picked. */
  reasons: {
    available: 'You can pick this seat.',
    held: 'Somebody else is holding it. It may come back.',
    sold: 'It is already sold.',
    blocked: 'It is not for sale.',
    picked: 'You have picked this seat.',
    mine: 'It is already yours.',
  },
  full: 'You have picked as many seats as you can have. Take one out first.',
  free: (count: number) => plural(count, { one: '# seat free', other: '# seats free' }),
  freeOf: (free: string, all: string) => `${free} of ${all} free`,
  map: (count: number, free: number) =>
    plural(count, { one: 'Map of # seat, ', other: 'Map of # seats, ' }) +
    plural(free, { one: '# of them free.', other: '# of them free.' }) +
    ' Plus, minus, zero and the arrow keys move it. The list has the same seats.',
  controls: 'Move the map',
  zoomIn: 'Closer',
  zoomOut: 'Further away',
  whole: 'The whole plan',
  legend: 'What the shapes mean',
  filter: 'Show only these seats',
  mostPrice: 'Highest price',
  anyPrice: 'Any price',
  upTo: (price: string) => `Up to ${price}`,
  onlyAvailable: 'Only available seats',
  row: (label: string) => `row ${label}`,
  rowTitle: (label: string) => `Row ${label}`,
  rowName: (label: string, section: string) =>
    section ? `Row ${label}, ${section}` : `Row ${label}`,
  seatsOf: 'Seats',
  nothing: 'No seat fits what you chose.',
  noneInRow: 'No seat of this row fits what you chose.',
  keys: 'Arrow keys go from seat to seat, Home and End to the ends of the row.',
  offer: (label: string, price: string) => `Take ${label} instead (${price})`,
  offerHint: 'The nearest free seats of the same category:',
  offerTaken: (label: string) => `${label} is in your selection.`,
};
