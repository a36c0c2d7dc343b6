//! Settings of webhooks to organizers' programs.
//!
//! Invariant: unless told, they go to the public Internet only, and encrypted.

use serde::Deserialize;

use super::{BadSetting, parsed};

/// How organizers' programs are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Webhooks {
    /// Whether they may be on this machine or in a private network, and spoken to without TLS.
    pub(crate) allow_private: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawWebhooks {
    allow_private: Option<String>,
}

impl RawWebhooks {
    pub(super) fn checked(self) -> Result<Webhooks, BadSetting> {
        Ok(Webhooks { allow_private: parsed("webhooks.allow_private", self.allow_private, false)? })
    }
}
