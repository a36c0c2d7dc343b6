//! What many ask for at the same time goes to Redis together: what a script costs before it decides anything, and what a
//! command costs on its way, is then paid once for many.
//!
//! Invariants:
//! - an idle store is asked at once; who comes while it is being asked goes with the next script, in the order of coming;
//! - nobody waits longer than [`WITHIN`], and what nobody waits for any more is not asked;
//! - a script is bounded in who asks and in how much they ask for.

use std::{collections::VecDeque, sync::Arc};

use onsale_app::ports::StoreError;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{WITHIN, scripts::Answer};

/// How many ask in one script, so that others who use this Redis are not kept waiting: some half a millisecond.
const MOST_TOGETHER: usize = 64;

/// How much they ask for altogether; one may ask for more.
const MOST_WEIGHT: u32 = 512;

/// How many scripts are under way at once: while Redis is at one, the next gathers and is on its way to it.
const UNDER_WAY: usize = 2;

/// Who comes when so many wait is sent away at once; Redis would not be through with them in time.
const MOST_WAITING: usize = 20_000;

/// What somebody asks for.
pub(super) trait Wish: Send + 'static {
    /// How much it is, such as units to hold.
    fn weight(&self) -> u32 {
        1
    }

    /// Whether one script can be about both.
    fn goes_with(&self, _other: &Self) -> bool {
        true
    }
}

/// Those who ask for the same kind of thing.
pub(super) struct Line<W, E>(Mutex<Waiting<W, E>>);

struct Waiting<W, E> {
    line: VecDeque<Asked<W, E>>,
    under_way: usize,
}

struct Asked<W, E> {
    wish: W,
    answer: oneshot::Sender<Result<Answer, E>>,
}

impl<W, E> Default for Line<W, E> {
    fn default() -> Self {
        Self(Mutex::new(Waiting { line: VecDeque::new(), under_way: 0 }))
    }
}

impl<W: Wish, E: Clone + From<StoreError> + Send + 'static> Line<W, E> {
    /// Asks, with whoever asks now. `run` is how: it answers the wishes in their order.
    pub(super) async fn ask<Run, Answers>(self: &Arc<Self>, wish: W, run: Run) -> Result<Answer, E>
    where
        Run: Fn(Vec<W>) -> Answers + Send + 'static,
        Answers: Future<Output = Result<Vec<Answer>, E>> + Send,
    {
        let (answer, answered) = oneshot::channel();
        if self.join(Asked { wish, answer })? {
            let mut turn = Turn { line: Arc::clone(self), is_over: false };
            tokio::spawn(async move {
                loop {
                    // Whoever is about to ask as well does so now, and goes along.
                    tokio::task::yield_now().await;
                    let (wishes, waiting) = turn.next();
                    if wishes.is_empty() {
                        return;
                    }
                    tell(waiting, run(wishes).await);
                }
            });
        }
        match tokio::time::timeout(WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::unavailable("shutting down").into()),
            Err(_) => Err(StoreError::unavailable("Redis did not answer in time").into()),
        }
    }

    /// Joins the line. `true`: somebody has to see to it.
    fn join(&self, asked: Asked<W, E>) -> Result<bool, E> {
        let mut waiting = self.0.lock();
        if waiting.line.len() >= MOST_WAITING {
            return Err(StoreError::unavailable("too many wait for Redis").into());
        }
        waiting.line.push_back(asked);
        let is_wanted = waiting.under_way < UNDER_WAY;
        waiting.under_way += usize::from(is_wanted);
        Ok(is_wanted)
    }
}

/// Those who wait for an answer.
type Waiters<E> = Vec<oneshot::Sender<Result<Answer, E>>>;

/// Whoever does not wait any more learns of it by asking again.
fn tell<E: Clone>(waiting: Waiters<E>, answers: Result<Vec<Answer>, E>) {
    match answers {
        Ok(answers) => {
            for (waiter, answer) in waiting.into_iter().zip(answers) {
                let _ = waiter.send(Ok(answer));
            }
        }
        Err(error) => {
            for waiter in waiting {
                let _ = waiter.send(Err(error.clone()));
            }
        }
    }
}

/// One who sees to a line until it is empty.
struct Turn<W, E> {
    line: Arc<Line<W, E>>,
    is_over: bool,
}

impl<W: Wish, E> Turn<W, E> {
    /// The next who go together. None: nobody waits, and the turn is over.
    fn next(&mut self) -> (Vec<W>, Waiters<E>) {
        let mut waiting = self.line.0.lock();
        let (mut together, mut waiters, mut weight) = (Vec::<W>::new(), Vec::new(), 0_u32);
        while let Some(Asked { wish, answer }) = waiting.line.pop_front() {
            if answer.is_closed() {
                continue;
            }
            let more = weight.saturating_add(wish.weight());
            let fits = together.first().is_none_or(|first| {
                together.len() < MOST_TOGETHER && more <= MOST_WEIGHT && wish.goes_with(first)
            });
            if !fits {
                waiting.line.push_front(Asked { wish, answer });
                break;
            }
            weight = more;
            together.push(wish);
            waiters.push(answer);
        }
        if together.is_empty() {
            waiting.under_way -= 1;
            self.is_over = true;
        }
        (together, waiters)
    }
}

impl<W, E> Drop for Turn<W, E> {
    fn drop(&mut self) {
        // Ended in the middle, with its runtime: the next who comes sees to those who wait.
        if !self.is_over {
            self.line.0.lock().under_way -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_app::ports::hot::HotError;

    use super::*;

    /// So many units of a kind.
    struct Units(u32, char);

    impl Wish for Units {
        fn weight(&self) -> u32 {
            self.0
        }

        fn goes_with(&self, other: &Self) -> bool {
            self.1 == other.1
        }
    }

    type Answered = oneshot::Receiver<Result<Answer, HotError>>;

    fn asked(units: u32, kind: char) -> (Asked<Units, HotError>, Answered) {
        let (answer, answered) = oneshot::channel();
        (Asked { wish: Units(units, kind), answer }, answered)
    }

    #[test]
    fn those_who_wait_go_in_bounded_portions_and_the_line_is_left_when_it_is_empty() {
        let line = Arc::new(Line::default());
        let mut waiting = Vec::new();
        let many = std::iter::repeat_n((1, 'a'), MOST_TOGETHER + 3);
        let few = [(MOST_WEIGHT + 1, 'a'), (MOST_WEIGHT, 'a'), (1, 'a'), (1, 'b'), (1, 'a')];
        for (at, (units, kind)) in many.chain(few).enumerate() {
            let (one, answered) = asked(units, kind);
            assert_eq!(line.join(one).unwrap(), at < UNDER_WAY);
            // One does not wait any more.
            if at != 1 {
                waiting.push(answered);
            }
        }
        let turn = || Turn { line: Arc::clone(&line), is_over: false };
        let mut first = turn();
        let portions = std::iter::from_fn(|| Some(first.next().0.len()).filter(|portion| *portion > 0));
        assert_eq!(portions.collect::<Vec<_>>(), [MOST_TOGETHER, 2, 1, 1, 1, 1, 1]);
        drop(first);
        drop(turn());
        assert_eq!(line.0.lock().under_way, 0);
        assert!(line.join(asked(1, 'a').0).unwrap());
    }

    #[test]
    fn a_line_is_bounded() {
        let line = Line::default();
        for _ in 0..MOST_WAITING {
            line.join(asked(1, 'a').0).unwrap();
        }
        assert!(matches!(line.join(asked(1, 'a').0), Err(HotError::Store(StoreError::Unavailable(_)))));
    }
}
