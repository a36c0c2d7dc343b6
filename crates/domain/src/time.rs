//! Points in time and spans, in milliseconds. Where "now" comes from is the caller's affair.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// This many milliseconds later; stops at the end of representable time.
    #[must_use]
    pub fn plus_ms(self, span_ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(span_ms).unwrap_or(i64::MAX)))
    }

    /// This many milliseconds earlier; stops at the beginning of representable time.
    #[must_use]
    pub fn minus_ms(self, span_ms: u64) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span_ms).unwrap_or(i64::MAX)))
    }

    /// Seconds since the Unix epoch, for figures.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// How many milliseconds passed since `earlier`; 0 where it is not earlier.
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}
