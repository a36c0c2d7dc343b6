//! Settings of TLS, where this server ends it itself.
//!
//! Invariant: a certificate comes with its key. What is in the files is looked at by whoever serves with them, because
//! only that user has to be able to read the key.

use std::path::PathBuf;

use serde::Deserialize;

use super::{BadSetting, bad, within};

/// Browsers are not asked to remember anything for longer than two years.
const LONGEST_HSTS_S: u64 = 63_072_000;

/// How this server speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The certificate and those that vouch for it, as PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, as PEM.
    pub(crate) key: PathBuf,
    /// For how long browsers are to come over TLS only; 0: they are not told.
    pub(crate) hsts_max_age_s: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTls {
    certificate: Option<String>,
    key: Option<String>,
    hsts_max_age_s: Option<String>,
}

impl RawTls {
    pub(super) fn checked(self) -> Result<Option<Tls>, BadSetting> {
        let hsts_max_age_s = within("tls.hsts_max_age_s", self.hsts_max_age_s, 0, 0..=LONGEST_HSTS_S)?;
        match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(Tls { certificate: certificate.into(), key: key.into(), hsts_max_age_s }))
            }
            (None, None) if hsts_max_age_s > 0 => {
                let allowed = "0 without tls.certificate: browsers heed it over TLS only";
                Err(bad("tls.hsts_max_age_s", hsts_max_age_s, allowed))
            }
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(bad("tls.key", "missing", "the PEM file with the private key of tls.certificate"))
            }
            (None, Some(_)) => {
                Err(bad("tls.certificate", "missing", "the PEM file with the certificate of tls.key"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(certificate: Option<&str>, key: Option<&str>, hsts: Option<&str>) -> RawTls {
        let text = |value: Option<&str>| value.map(str::to_owned);
        RawTls { certificate: text(certificate), key: text(key), hsts_max_age_s: text(hsts) }
    }

    #[test]
    fn both_files_or_neither() {
        assert_eq!(raw(None, None, None).checked().unwrap(), None);
        let tls = raw(Some("chain.pem"), Some("key.pem"), Some("31536000")).checked().unwrap().unwrap();
        assert_eq!((tls.certificate, tls.key), ("chain.pem".into(), "key.pem".into()));
        assert_eq!(tls.hsts_max_age_s, 31_536_000);
        let nothing_told = raw(Some("chain.pem"), Some("key.pem"), None).checked().unwrap().unwrap();
        assert_eq!(nothing_told.hsts_max_age_s, 0);
    }

    #[test]
    fn half_of_it_is_refused_and_the_other_half_named() {
        for (raw, expected) in [
            (raw(Some("chain.pem"), None, None), "setting tls.key is missing; allowed is the PEM file"),
            (raw(None, Some("key.pem"), None), "setting tls.certificate is missing; allowed is the PEM file"),
            (raw(None, None, Some("300")), "setting tls.hsts_max_age_s is 300; allowed is 0 without"),
            (
                raw(Some("a"), Some("b"), Some("63072001")),
                "tls.hsts_max_age_s is 63072001; allowed is from 0 to 63072000",
            ),
            (raw(Some("a"), Some("b"), Some("a year")), "is a year; allowed is a whole number"),
        ] {
            let message = raw.checked().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(expected), "{message}");
        }
    }
}
