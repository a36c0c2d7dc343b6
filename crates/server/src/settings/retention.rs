//! Settings of how long personal data is kept.

use serde::Deserialize;

use super::{BadSetting, within};

/// A year: what a buyer may still complain about, and a law that wants it for longer is the operator's to know.
const GUESTS_DAYS: u32 = 365;

const DAY_MS: u64 = 24 * 3_600_000;

/// How long personal data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// After what they bought has begun, who guests are; `None`: for ever.
    pub(crate) guests_ms: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRetention {
    guests_days: Option<String>,
}

impl RawRetention {
    pub(super) fn checked(self) -> Result<Retention, BadSetting> {
        let days = within("retention.guests_days", self.guests_days, GUESTS_DAYS, 0..=36_500)?;
        Ok(Retention { guests_ms: (days > 0).then(|| u64::from(days) * DAY_MS) })
    }
}
