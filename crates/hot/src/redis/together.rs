//! Holds that are asked for at the same time go to Redis together: what a script costs before it decides anything, and
//! what a command costs on its way, is then paid once for many.
//!
//! Invariants:
//! - an idle store is asked at once; who comes while it is being asked goes with the next script, in the order of coming;
//! - nobody waits longer than [`WITHIN`], and what nobody waits for any more is not asked;
//! - a script is bounded in who asks and in how many units they ask for.

use std::{collections::VecDeque, sync::Arc};

use onsale_app::ports::{StoreError, hot::HotError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    Inner, Performance, WITHIN,
    scripts::{self, Answer},
};

/// How many ask in one script, so that others who use this Redis are not kept waiting: some half a millisecond.
const MOST_TOGETHER: usize = 64;

/// How many units they ask for altogether; one may ask for more.
const MOST_UNITS: u32 = 512;

/// How many scripts are under way at once: while Redis is at one, the other is on its way to it.
const UNDER_WAY: usize = 2;

/// Who comes when so many wait is sent away at once; Redis would not be through with them in time.
const MOST_WAITING: usize = 20_000;

/// How many arguments `hold.lua` takes for each who asks.
pub(super) const ARGUMENTS: usize = 10;

/// What somebody asks for, as `hold.lua` takes it.
pub(super) type Arguments = [Vec<u8>; ARGUMENTS];

struct Asked {
    arguments: Arguments,
    units: u32,
    answer: oneshot::Sender<Result<Answer, HotError>>,
}

/// Those who ask for holds of one performance.
#[derive(Default)]
pub(super) struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    asked: VecDeque<Asked>,
    under_way: usize,
}

impl Line {
    /// Joins the line. `true`: somebody has to see to it.
    fn join(&self, asked: Asked) -> Result<bool, HotError> {
        let mut waiting = self.0.lock();
        if waiting.asked.len() >= MOST_WAITING {
            return Err(StoreError::unavailable("too many wait for Redis").into());
        }
        waiting.asked.push_back(asked);
        let is_wanted = waiting.under_way < UNDER_WAY;
        waiting.under_way += usize::from(is_wanted);
        Ok(is_wanted)
    }
}

/// One who sees to a line until it is empty.
struct Turn<'a> {
    line: &'a Line,
    is_over: bool,
}

impl Turn<'_> {
    /// The next who go together. Empty: nobody waits, and the turn is over.
    fn next(&mut self) -> Vec<Asked> {
        let mut waiting = self.line.0.lock();
        let (mut together, mut units) = (Vec::new(), 0_u32);
        while let Some(asked) = waiting.asked.pop_front() {
            if asked.answer.is_closed() {
                continue;
            }
            let more = units.saturating_add(asked.units);
            if together.len() == MOST_TOGETHER || (more > MOST_UNITS && !together.is_empty()) {
                waiting.asked.push_front(asked);
                break;
            }
            units = more;
            together.push(asked);
        }
        if together.is_empty() {
            waiting.under_way -= 1;
            self.is_over = true;
        }
        together
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Ended in the middle, with its runtime: the next who comes sees to those who wait.
        if !self.is_over {
            self.line.0.lock().under_way -= 1;
        }
    }
}

impl Inner {
    /// What `hold.lua` answers to one who asks for so many units.
    pub(super) async fn ask_together(
        self: &Arc<Self>,
        performance: &Arc<Performance>,
        arguments: Arguments,
        units: u32,
    ) -> Result<Answer, HotError> {
        let (answer, answered) = oneshot::channel();
        if performance.line.join(Asked { arguments, units, answer })? {
            let (inner, performance) = (Arc::clone(self), Arc::clone(performance));
            tokio::spawn(async move {
                let mut turn = Turn { line: &performance.line, is_over: false };
                loop {
                    let together = turn.next();
                    if together.is_empty() {
                        break;
                    }
                    inner.hold_for(&performance, together).await;
                }
            });
        }
        match tokio::time::timeout(WITHIN, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::unavailable("shutting down").into()),
            Err(_) => Err(StoreError::unavailable("Redis did not answer in time").into()),
        }
    }

    async fn hold_for(&self, performance: &Performance, together: Vec<Asked>) {
        let arguments: Vec<&[u8]> =
            together.iter().flat_map(|asked| asked.arguments.iter().map(Vec::as_slice)).collect();
        let answers = self.commands(performance, &scripts::HOLD, &arguments, together.len()).await;
        match answers {
            Ok(answers) => {
                for (asked, answer) in together.into_iter().zip(answers) {
                    // Whoever does not wait any more learns of it by asking again.
                    let _ = asked.answer.send(Ok(answer));
                }
            }
            Err(error) => {
                for asked in together {
                    let _ = asked.answer.send(Err(error.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(units: u32) -> (Asked, oneshot::Receiver<Result<Answer, HotError>>) {
        let (answer, answered) = oneshot::channel();
        (Asked { arguments: Arguments::default(), units, answer }, answered)
    }

    #[test]
    fn those_who_wait_go_in_bounded_portions_and_the_line_is_left_when_it_is_empty() {
        let line = Line::default();
        let mut waiting = Vec::new();
        let wishes = std::iter::repeat_n(1, MOST_TOGETHER + 3).chain([MOST_UNITS + 1, MOST_UNITS, 1]);
        for (at, units) in wishes.enumerate() {
            let (one, answered) = asked(units);
            assert_eq!(line.join(one).unwrap(), at < UNDER_WAY);
            // One does not wait any more.
            if at != 1 {
                waiting.push(answered);
            }
        }
        let mut turn = Turn { line: &line, is_over: false };
        let portions: Vec<usize> =
            std::iter::from_fn(|| Some(turn.next().len()).filter(|n| *n > 0)).collect();
        assert_eq!(portions, [MOST_TOGETHER, 2, 1, 1, 1]);
        drop(turn);
        drop(Turn { line: &line, is_over: false });
        assert_eq!(line.0.lock().under_way, 0);
        assert!(line.join(asked(1).0).unwrap());
    }

    #[test]
    fn a_line_is_bounded() {
        let line = Line::default();
        let waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let (one, answered) = asked(1);
                line.join(one).unwrap();
                answered
            })
            .collect();
        assert!(matches!(line.join(asked(1).0), Err(HotError::Store(StoreError::Unavailable(_)))));
        drop(waiting);
    }
}
