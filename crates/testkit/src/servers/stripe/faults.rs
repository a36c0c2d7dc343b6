//! What goes wrong between Stripe and its client, by plan or by chance.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: for leaving one out.
    None,
    /// It does not arrive; the connection breaks.
    LostRequest,
    /// It is carried out; the connection breaks before the answer.
    LostAnswer,
    /// It is carried out; the answer comes so much later.
    LateAnswer(Duration),
    /// It is not carried out; the answer is this status.
    Status(u16),
}

/// What becomes of webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookFate {
    /// Delivered, again and again until taken.
    #[default]
    Delivered,
    /// Delivered twice.
    Twice,
    /// Never delivered.
    Lost,
    /// Kept until they are released.
    Kept,
}

/// Shares, 0 to 1, of what goes wrong by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chances {
    /// Requests that do not arrive.
    pub lost_request: f64,
    /// Answers that do not arrive.
    pub lost_answer: f64,
    /// Answers that come later, up to half a second.
    pub late_answer: f64,
    /// Webhooks that are never delivered.
    pub lost_webhook: f64,
    /// Webhooks that are delivered twice.
    pub webhook_twice: f64,
}

/// Decides.
#[derive(Default)]
pub(super) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    next: BTreeMap<&'static str, VecDeque<Fault>>,
    chance: Option<(Chances, StdRng)>,
    is_down: bool,
    webhooks: WebhookFate,
    kept: Vec<Bytes>,
    target: Option<String>,
    calls: BTreeMap<String, u64>,
    delivered: Vec<u16>,
}

impl Faults {
    pub(super) fn deliver_to(&self, url: &str) {
        self.0.lock().target = Some(url.to_owned());
    }

    pub(super) fn target(&self) -> Option<String> {
        self.0.lock().target.clone()
    }

    pub(super) fn fail_next(&self, kind: &'static str, faults: &[Fault]) {
        self.0.lock().next.entry(kind).or_default().extend(faults);
    }

    pub(super) fn forget(&self) {
        self.0.lock().next.clear();
    }

    pub(super) fn fail_by_chance(&self, chances: Option<(Chances, u64)>) {
        self.0.lock().chance = chances.map(|(chances, seed)| (chances, StdRng::seed_from_u64(seed)));
    }

    pub(super) fn set_down(&self, down: bool) {
        self.0.lock().is_down = down;
    }

    pub(super) fn set_webhooks(&self, fate: WebhookFate) {
        self.0.lock().webhooks = fate;
    }

    /// What goes wrong with a call that has just come.
    pub(super) fn of_call(&self, kind: &str) -> Fault {
        let mut state = self.0.lock();
        *state.calls.entry(kind.to_owned()).or_default() += 1;
        if state.is_down {
            return Fault::LostRequest;
        }
        if let Some(fault) = state.next.get_mut(kind).and_then(VecDeque::pop_front) {
            return fault;
        }
        let Some((chances, rng)) = &mut state.chance else { return Fault::None };
        let (drawn, late_ms) = (rng.random::<f64>(), rng.random_range(0..500));
        let lost = chances.lost_request;
        let unanswered = lost + chances.lost_answer;
        if drawn < lost {
            Fault::LostRequest
        } else if drawn < unanswered {
            Fault::LostAnswer
        } else if drawn < unanswered + chances.late_answer {
            Fault::LateAnswer(Duration::from_millis(late_ms))
        } else {
            Fault::None
        }
    }

    /// How often to deliver a webhook that was just sent.
    pub(super) fn of_webhook(&self, body: &Bytes) -> u32 {
        let mut state = self.0.lock();
        let told = state.webhooks;
        let fate = match (&mut state.chance, told) {
            (Some((chances, rng)), WebhookFate::Delivered) => {
                let drawn = rng.random::<f64>();
                if drawn < chances.lost_webhook {
                    WebhookFate::Lost
                } else if drawn < chances.lost_webhook + chances.webhook_twice {
                    WebhookFate::Twice
                } else {
                    WebhookFate::Delivered
                }
            }
            (_, fate) => fate,
        };
        match fate {
            WebhookFate::Delivered => 1,
            WebhookFate::Twice => 2,
            WebhookFate::Lost => 0,
            WebhookFate::Kept => {
                state.kept.push(body.clone());
                0
            }
        }
    }

    pub(super) fn kept(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.0.lock().kept)
    }

    pub(super) fn count_kept(&self) -> usize {
        self.0.lock().kept.len()
    }

    pub(super) fn note_delivered(&self, status: u16) {
        self.0.lock().delivered.push(status);
    }

    pub(super) fn delivered(&self) -> Vec<u16> {
        self.0.lock().delivered.clone()
    }

    pub(super) fn calls(&self, kind: &str) -> u64 {
        self.0.lock().calls.get(kind).copied().unwrap_or(0)
    }
}
