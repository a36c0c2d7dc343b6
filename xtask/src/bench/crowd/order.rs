//! Whether people were called in the order in which they stood, judged by what they saw.
//!
//! Invariant: only what cannot be otherwise counts as wrong. An answer speaks of a moment between sending and
//! answering, so two of them tell an order only where one was there before the other was asked for.

use std::time::Instant;

/// What one person saw of the line.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// From 1.
    pub(super) position: Option<u32>,
    /// When joining was sent and answered, of those who joined behind the lobby.
    pub(super) joined: Option<(Instant, Instant)>,
    /// When the last request was sent whose answer was that others are ahead.
    pub(super) waiting: Option<Instant>,
    /// When the first answer was there that told of the turn.
    pub(super) called: Option<Instant>,
}

impl Seen {
    pub(super) fn note_waiting(&mut self, sent: Instant) {
        self.waiting = self.waiting.max(Some(sent));
    }

    pub(super) fn note_called(&mut self, answered: Instant) {
        self.called.get_or_insert(answered);
    }
}

/// How many still waited although somebody behind them had been called before they asked.
pub(super) fn overtaken(crowd: &[Seen]) -> usize {
    let mut line: Vec<&Seen> = crowd.iter().filter(|seen| seen.position.is_some()).collect();
    line.sort_unstable_by_key(|seen| seen.position);
    let mut first_called_behind: Option<Instant> = None;
    let mut overtaken = 0;
    for seen in line.into_iter().rev() {
        if let (Some(waiting), Some(called)) = (seen.waiting, first_called_behind)
            && called < waiting
        {
            overtaken += 1;
        }
        first_called_behind = match (first_called_behind, seen.called) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    overtaken
}

/// How many stand before somebody who had been answered before they asked; and how many were compared.
pub(super) fn joined_out_of_order(crowd: &[Seen]) -> (usize, usize) {
    let joined = |seen: &Seen| seen.joined.zip(seen.position);
    let mut by_sent: Vec<_> = crowd.iter().filter_map(joined).collect();
    by_sent.sort_unstable_by_key(|((sent, _), _)| *sent);
    let mut by_answered = by_sent.clone();
    by_answered.sort_unstable_by_key(|((_, answered), _)| *answered);
    let mut before = by_answered.into_iter().peekable();
    let (mut last, mut wrong) = (0, 0);
    for ((sent, _), position) in &by_sent {
        while let Some((_, earlier)) = before.next_if(|((_, answered), _)| answered < sent) {
            last = last.max(earlier);
        }
        if *position < last {
            wrong += 1;
        }
    }
    (wrong, by_sent.len())
}

/// Whether each position from 1 on was given once.
pub(super) fn each_position_once(crowd: &[Seen]) -> bool {
    let mut positions: Vec<u32> = crowd.iter().filter_map(|seen| seen.position).collect();
    positions.sort_unstable();
    positions.iter().copied().eq(1..=positions.len() as u32)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn crowd(people: &[(u32, Option<u64>, Option<u64>)]) -> Vec<Seen> {
        let start = Instant::now();
        let at = |ms: &Option<u64>| ms.map(|ms| start + Duration::from_millis(ms));
        let seen = |(position, waiting, called): &(u32, Option<u64>, Option<u64>)| Seen {
            position: Some(*position),
            waiting: at(waiting),
            called: at(called),
            joined: None,
        };
        people.iter().map(seen).collect()
    }

    #[test]
    fn who_waits_while_somebody_behind_has_been_called_was_overtaken() {
        assert_eq!(overtaken(&crowd(&[(1, Some(10), Some(20)), (2, Some(25), Some(30))])), 0);
        assert_eq!(overtaken(&crowd(&[(2, None, Some(5)), (1, Some(4), Some(20))])), 0, "asked before that");
        assert_eq!(overtaken(&crowd(&[(2, None, Some(5)), (1, Some(6), Some(20))])), 1);
        assert_eq!(overtaken(&crowd(&[(1, Some(9), None), (2, Some(9), None), (3, None, Some(8))])), 2);
    }

    #[test]
    fn who_asked_after_an_answer_stands_behind_it() {
        let start = Instant::now();
        let join = |sent, answered, position| Seen {
            position: Some(position),
            joined: Some((start + Duration::from_millis(sent), start + Duration::from_millis(answered))),
            ..Seen::default()
        };
        assert_eq!(joined_out_of_order(&[join(0, 5, 1), join(6, 9, 2)]), (0, 2));
        assert_eq!(joined_out_of_order(&[join(0, 5, 2), join(4, 9, 1)]), (0, 2), "at the same time");
        assert_eq!(joined_out_of_order(&[join(6, 9, 1), join(0, 5, 2)]), (1, 2));
        assert!(each_position_once(&[join(0, 1, 2), join(0, 1, 1), Seen::default()]));
        assert!(!each_position_once(&[join(0, 1, 2), join(0, 1, 2)]));
        assert!(!each_position_once(&[join(0, 1, 2)]));
    }
}
