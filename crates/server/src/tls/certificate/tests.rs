//! Certificates as operators have them, and as they should not have them.

use std::{fs, path::PathBuf};

use rcgen::{CertificateParams, KeyPair};
use rstest::rstest;
use tempfile::TempDir;

use super::*;

/// The names in certificates that are made here.
pub(crate) const NAMES: [&str; 2] = ["tickets.example.com", "127.0.0.1"];

/// A folder with the two files.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// With a certificate for [`NAMES`] that vouches for itself, and its key.
    pub(crate) fn with_certificate() -> Self {
        Self::with_certificate_for(&NAMES)
    }

    pub(crate) fn with_certificate_for(names: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let (certificate, key) = pair(names);
        folder.put(&certificate, &key);
        folder
    }

    pub(crate) fn put(&self, certificate: &str, key: &str) {
        fs::write(self.path("chain.pem"), certificate).unwrap();
        fs::write(self.path("key.pem"), key).unwrap();
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls { certificate: self.path("chain.pem"), key: self.path("key.pem"), hsts_max_age_s: 0 }
    }

    pub(crate) fn certificate(&self) -> Result<Certificate, BadSetting> {
        Files::read(&self.tls()).and_then(|files| Certificate::of(&self.tls(), &files))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A certificate and its key, as PEM.
pub(crate) fn pair(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    signed(CertificateParams::new(names).unwrap())
}

fn signed(mut params: CertificateParams) -> (String, String) {
    params.not_after = rcgen::date_time_ymd(2040, 2, 29);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// What is said where these are the files.
fn refusal(certificate: &str, key: &str) -> String {
    let folder = Folder::with_certificate();
    folder.put(certificate, key);
    folder.certificate().err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn names_and_times_are_read_out_of_it() {
    let certificate = Folder::with_certificate().certificate().unwrap();
    assert_eq!(certificate.names, NAMES);
    assert_eq!(certificate.not_after, "2040-02-29T00:00:00Z".parse().unwrap());
    assert!(certificate.is_self_signed);
    assert_eq!(certificate.untimely(Timestamp::now()), None);
    let lapsed = certificate.untimely("2040-03-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(lapsed, Untimely::Lapsed(certificate.not_after));
}

#[test]
fn a_chain_is_served_whole() {
    let folder = Folder::with_certificate();
    let (leaf, key) = pair(&NAMES);
    let (other, _) = pair(&["authority.example.com"]);
    folder.put(&format!("{leaf}{other}"), &key);
    assert_eq!(folder.certificate().unwrap().certified.cert.len(), 2);
    // The other way round the key belongs to none of what counts.
    folder.put(&format!("{other}{leaf}"), &key);
    assert!(folder.certificate().err().unwrap().to_string().contains("stands first"));
}

#[rstest]
#[case::empty("", "a PEM file with a certificate, and there is none in it")]
#[case::no_pem("\u{1}\u{2} not at all", "there is none in it")]
#[case::cut_off("-----BEGIN CERTIFICATE-----\nMIIB", "PEM, and this is not (an END line is missing)")]
#[case::not_base64("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "is not base64")]
#[case::something_else(
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "cannot be read as one"
)]
fn files_without_a_certificate_are_refused(#[case] certificate: &str, #[case] expected: &str) {
    let said = refusal(certificate, &pair(&NAMES).1);
    assert!(said.starts_with("setting tls.certificate is /") && said.contains(expected), "{said}");
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let (certificate, key) = pair(&NAMES);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    for (wrong, expected) in [
        (pair(&NAMES).1.as_str(), "and this is another's"),
        (certificate.as_str(), "a private key, and there is none in it"),
        (encrypted, "that is not encrypted, and this one is"),
        (nonsense, "ECDSA over P-256"),
        (&key[..key.len() / 2], "PEM, and this is not"),
    ] {
        let said = refusal(&certificate, wrong);
        assert!(said.starts_with("setting tls.key is /") && said.contains(expected), "{said}");
        assert!(!said.contains("MIIB"), "{said}");
    }
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let folder = Folder::with_certificate();
    let missing = Tls { key: folder.path("nowhere.pem"), ..folder.tls() };
    let said = Files::read(&missing).err().unwrap().to_string();
    assert!(said.contains("setting tls.key is /") && said.contains("nowhere.pem"), "{said}");
    assert!(said.contains("it cannot (No such file"), "{said}");
    fs::write(folder.path("chain.pem"), vec![b'\n'; (1 << 20) + 1]).unwrap();
    assert!(Files::read(&folder.tls()).err().unwrap().to_string().contains("larger than 1 MiB"));
}

#[test]
fn other_contents_have_another_digest() {
    let folder = Folder::with_certificate();
    let digest = || Files::read(&folder.tls()).unwrap().digest();
    folder.put("ab", "c");
    let before = digest();
    assert_eq!(before, digest());
    folder.put("a", "bc");
    assert_ne!(before, digest());
}
