//! A certificate and its key, as they stand in two files.
//!
//! Invariant: what is given out can be served with: there is a certificate, and the key belongs to it. Whether it is
//! time for it is said and not decided here: to a browser an old certificate is a warning, none is the end.

use std::{fmt, fs::File, io::Read, path::Path, sync::Arc};

use jiff::Timestamp;
use rustls::{
    InconsistentKeys,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use x509_cert::{
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

use crate::settings::{BadSetting, Tls, bad};

/// What one file may have in it; a chain of a few certificates is some kilobytes.
const MOST_BYTES: u64 = 1 << 20;

/// What the two settings name.
const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";

/// The contents of both files, whatever they are.
pub(crate) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    /// Blocks for as long as the disk does.
    pub(crate) fn read(settings: &Tls) -> Result<Self, BadSetting> {
        Ok(Self {
            certificate: contents(CERTIFICATE, &settings.certificate)?,
            key: contents(KEY, &settings.key)?,
        })
    }

    /// Tells other contents apart, and keeps none of them.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(Sha256::digest(&self.certificate))
            .chain_update(&self.key)
            .finalize()
            .into()
    }
}

fn contents(setting: &str, path: &Path) -> Result<Vec<u8>, BadSetting> {
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut contents));
    match read {
        Ok(_) if contents.len() as u64 > MOST_BYTES => {
            Err(bad(setting, path.display(), "a PEM file; this one is larger than 1 MiB"))
        }
        Ok(_) => Ok(contents),
        Err(error) => Err(bad(
            setting,
            path.display(),
            &format!("a PEM file that can be read, and it cannot ({error})"),
        )),
    }
}

/// A certificate that can be served with.
pub(crate) struct Certificate {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The host names and addresses it is for.
    pub(crate) names: Vec<String>,
    /// Whether it vouches for itself.
    pub(crate) is_self_signed: bool,
}

impl Certificate {
    /// What is in the files of the settings.
    pub(crate) fn of(settings: &Tls, files: &Files) -> Result<Self, BadSetting> {
        let of_certificate = |what: &str| bad(CERTIFICATE, settings.certificate.display(), what);
        let of_key = |what: &str| bad(KEY, settings.key.display(), what);
        let chain = CertificateDer::pem_slice_iter(&files.certificate).collect::<Result<Vec<_>, _>>();
        let chain =
            chain.map_err(|error| of_certificate(&format!("PEM, and this is not ({})", said(&error))))?;
        let Some(first) = chain.first() else {
            return Err(of_certificate("a PEM file with a certificate, and there is none in it"));
        };
        let leaf = x509_cert::Certificate::from_der(first).map_err(|error| {
            of_certificate(&format!("a certificate, and what stands first cannot be read as one ({error})"))
        })?;
        let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|error| match error {
            pem::Error::NoItemsFound if is_encrypted(&files.key) => {
                of_key("a private key that is not encrypted, and this one is")
            }
            pem::Error::NoItemsFound => of_key("a PEM file with a private key, and there is none in it"),
            error => of_key(&format!("PEM, and this is not ({})", said(&error))),
        })?;
        let provider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => of_key(
                "the private key of the certificate that stands first in tls.certificate, and this is another's",
            ),
            rustls::Error::InvalidCertificate(flaw) => {
                of_certificate(&format!("a certificate that can be used, and this one cannot ({flaw:?})"))
            }
            error => {
                of_key(&format!("RSA of 2048 bits or more, ECDSA over P-256 or P-384, or Ed25519 ({error})"))
            }
        })?;
        let body = &leaf.tbs_certificate;
        Ok(Self {
            certified: Arc::new(certified),
            not_before: timestamp(body.validity.not_before),
            not_after: timestamp(body.validity.not_after),
            names: names(body),
            is_self_signed: body.issuer == body.subject,
        })
    }

    /// Why browsers refuse it at this time, if they do.
    pub(crate) fn untimely(&self, now: Timestamp) -> Option<Untimely> {
        if now > self.not_after {
            return Some(Untimely::Lapsed(self.not_after));
        }
        (now < self.not_before).then_some(Untimely::Early(self.not_before))
    }
}

/// What is wrong with the time of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untimely {
    Lapsed(Timestamp),
    Early(Timestamp),
}

impl fmt::Display for Untimely {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lapsed(at) => write!(f, "it lapsed at {at}; browsers refuse the pages"),
            Self::Early(at) => write!(f, "it is good from {at} on; until then browsers refuse the pages"),
        }
    }
}

/// What is wrong with the form of a file; lines of it, which may be parts of a key, are left out.
fn said(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "an END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "what stands between BEGIN and END is not base64",
        _ => "its form is unknown",
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    pem.windows(9).any(|word| word == b"ENCRYPTED")
}

fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    // Until the end of the year 9999, which is also where the other ends.
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn names(body: &x509_cert::TbsCertificate) -> Vec<String> {
    let Ok(Some((_, SubjectAltName(names)))) = body.get::<SubjectAltName>() else { return Vec::new() };
    let address = |bytes: &[u8]| -> Option<std::net::IpAddr> {
        let v4 = <[u8; 4]>::try_from(bytes).map(Into::into);
        v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(Into::into)).ok()
    };
    let name = |name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()).map(|address| address.to_string()),
        _ => None,
    };
    names.into_iter().filter_map(name).collect()
}

#[cfg(test)]
pub(crate) mod tests;
