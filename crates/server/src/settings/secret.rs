//! What tokens are signed with.
//!
//! Invariant: it is long enough, and never printed.

use std::fmt;

use super::{BadSetting, bad};

/// The shortest secret that is accepted, in bytes.
pub(crate) const MIN_SECRET_BYTES: usize = 32;

/// A secret; never printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A secret, if it is long enough.
pub(super) fn checked_secret(setting: &str, secret: String) -> Result<Secret, BadSetting> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(bad(setting, format!("{} bytes long", secret.len()), "at least 32 bytes"));
    }
    Ok(Secret(secret.into_bytes()))
}
