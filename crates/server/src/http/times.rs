//! Points in time as they stand in requests: RFC 3339, with any offset.

use onsale_app::errors::AppError;
use onsale_domain::time::Timestamp;

use super::problem::Problem;

/// Reads an RFC 3339 time.
pub(crate) fn parse(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed
        .map(|at| Timestamp(at.as_millisecond()))
        .map_err(|_| AppError::invalid(field, "must be a time such as 2026-12-24T20:00:00Z").into())
}

/// Reads an RFC 3339 time that may be absent.
pub(crate) fn parse_optional(field: &str, text: Option<&String>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| parse(field, text)).transpose()
}
