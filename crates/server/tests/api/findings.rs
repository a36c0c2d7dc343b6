//! What tests over all endpoints find.
//!
//! Invariant: one finding does not hide the next.

use serde_json::Value;

use crate::{
    calls::Call,
    endpoints::{Endpoint, World},
};

/// What is not as it should be, endpoint after endpoint, so that the first finding does not hide the second.
#[derive(Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    pub(crate) async fn refused(&mut self, call: Call, status: u16, code: &str) {
        self.0.extend(call.await.refusal(status, code).err());
    }

    pub(crate) fn add(&mut self, finding: Option<String>) {
        self.0.extend(finding);
    }

    pub(crate) fn check(&mut self, right: bool, finding: impl FnOnce() -> String) {
        if !right {
            self.0.push(finding());
        }
    }

    /// Ends a test.
    #[track_caller]
    pub(crate) fn none(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }

    pub(crate) async fn unchanged(&mut self, world: &World<'_>, endpoint: &Endpoint, before: &[Value]) {
        for (before, after) in before.iter().zip(world.state().await) {
            let name = (endpoint.method, endpoint.path);
            self.check(*before == after, || format!("{name:?} changed {before} into {after}"));
        }
    }

    /// After the bad calls: nothing has changed, and the good one is accepted.
    pub(crate) async fn still_good(&mut self, world: &World<'_>, endpoint: &Endpoint, before: &[Value]) {
        self.unchanged(world, endpoint, before).await;
        let answer = world.call(endpoint).await;
        self.check(answer.status == endpoint.good, || format!("a good call was refused: {answer:?}"));
    }
}
