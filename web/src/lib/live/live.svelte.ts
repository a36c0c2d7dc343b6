/** The feed of a performance for a page: how it stands, and how many are looking. */
import { type Condition, Feed, type States } from './feed';
import { askAvailability, eventsLine, socketLine } from './lines';

export class Live {
  condition = $state<Condition>('mending');
  viewers = $state<number>();
  /** Whether it has been live at all; before, there is nothing to mend. */
  begun = $state(false);
  readonly #feed: Feed;

  constructor(performance: string, states: States) {
    this.#feed = new Feed(
      performance,
      states,
      {
        oncondition: (condition) => {
          this.condition = condition;
          if (condition === 'live' || condition === 'polling') this.begun = true;
        },
        onviewers: (viewers) => {
          this.viewers = viewers;
        },
      },
      {
        openSocket: socketLine,
        openEvents: eventsLine,
        ask: askAvailability,
        setTimer: (run, ms) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
        random: () => Math.random(),
        visible: () => document.visibilityState !== 'hidden',
        online: () => navigator.onLine,
      },
    );
  }

  /** Follows the performance until what is given back is called. */
  follow(): () => void {
    const look = () => this.#feed.look();
    document.addEventListener('visibilitychange', look);
    addEventListener('online', look);
    addEventListener('offline', look);
    this.#feed.start();
    return () => {
      this.#feed.stop();
      document.removeEventListener('visibilitychange', look);
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }
}
