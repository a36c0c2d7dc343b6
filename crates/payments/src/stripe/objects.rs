//! Stripe's objects, as far as they matter here.
//!
//! Invariant: what Stripe leaves out is left out here, or has the meaning that its documentation gives to that.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{BUYER, client::ErrorBody};

/// A PaymentIntent.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) amount: i64,
    pub(super) client_secret: Option<String>,
    pub(super) last_payment_error: Option<ErrorBody>,
    pub(super) next_action: Option<NextAction>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

impl Intent {
    /// Whether it waits for something to be paid with.
    pub(super) fn is_unpaid(&self) -> bool {
        self.status == "requires_payment_method"
    }

    /// Whether it is the buyer who says what it is paid with.
    pub(super) fn is_confirmed_by_buyer(&self) -> bool {
        self.metadata.get("confirmed_by").is_some_and(|who| who == BUYER)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct NextAction {
    pub(super) redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RedirectToUrl {
    pub(super) url: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RefundObject {
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

impl RefundObject {
    /// The money stays where it was.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RefundList {
    pub(super) data: Vec<RefundObject>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) data: EventData,
}

#[derive(Deserialize)]
pub(super) struct EventData {
    pub(super) object: EventObject,
}

#[derive(Deserialize)]
pub(super) struct EventObject {
    pub(super) object: Option<String>,
    #[serde(default)]
    pub(super) metadata: serde_json::Map<String, serde_json::Value>,
}
