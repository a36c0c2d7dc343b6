//! W3C Trace Context, level 1: the header `traceparent`, which says to which trace a request belongs.
//!
//! Invariant: what is not letter for letter as the recommendation has it is taken for nothing; so is a header that is there
//! twice. What is taken over is of a fixed size and has nothing in it but hexadecimal digits.

use std::fmt;

use axum::http::{HeaderMap, HeaderName};

/// Where it stands.
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `00-` trace `-` span `-` flags.
const LENGTH: usize = 55;

/// Names a trace; not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(pub(crate) u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Names a step of a trace; not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(pub(crate) u64);

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The step that asked, and whether it is recorded there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) sampled: bool,
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl TraceParent {
    /// What the headers say.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut said = headers.get_all(&TRACEPARENT).iter();
        let (Some(said), None) = (said.next(), said.next()) else { return None };
        Self::parsed(said.as_bytes())
    }

    fn parsed(text: &[u8]) -> Option<Self> {
        let version = hexadecimal(text.get(..2)?)?;
        // Later versions may have more behind the flags; 255 is none.
        let ends = match version {
            0 => text.len() == LENGTH,
            255 => false,
            _ => text.len() == LENGTH || text.get(LENGTH) == Some(&b'-'),
        };
        let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        if !ends || !dashes {
            return None;
        }
        let trace = hexadecimal(text.get(3..35)?)?;
        let span = u64::try_from(hexadecimal(text.get(36..52)?)?).ok()?;
        let flags = hexadecimal(text.get(53..LENGTH)?)?;
        (trace != 0 && span != 0).then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            sampled: flags & 1 == 1,
        })
    }
}

/// Up to 32 digits, in lower case.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// From the recommendation.
    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(lines: &[&str]) -> Option<TraceParent> {
        let lines = lines.iter().map(|line| (TRACEPARENT.clone(), line.parse().unwrap()));
        TraceParent::of(&lines.collect())
    }

    #[test]
    fn what_is_well_formed_is_taken_over() {
        let given = of(&[GIVEN]).unwrap();
        assert_eq!(given.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(given.span.to_string(), "b7ad6b7169203331");
        assert!(given.sampled);
        assert_eq!(given.to_string(), GIVEN);
        assert!(!of(&["00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00"]).unwrap().sampled);
        assert_eq!(
            of(&["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-will-be"]),
            Some(given)
        );
        assert_eq!(of(&["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"]), Some(given));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::cut("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331")]
    #[case::upper_case("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    #[case::no_trace("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    #[case::no_span("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    #[case::no_version("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    #[case::more_than_this_version_has("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x")]
    #[case::longer_flags("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011")]
    #[case::no_digits("00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01")]
    #[case::no_dashes("00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01")]
    #[case::spaces(" 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0")]
    fn anything_else_is_nothing(#[case] text: &str) {
        assert_eq!(of(&[text]), None);
    }

    #[test]
    fn two_of_them_are_none() {
        assert_eq!(of(&[GIVEN, GIVEN]), None);
    }
}
