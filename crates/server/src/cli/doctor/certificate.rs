//! What the doctor says of the certificate, where this server ends TLS itself.
//!
//! Invariant: what browsers would refuse is wrong, what they will refuse soon is said in time to renew it.

use jiff::{SignedDuration, Timestamp};
use rustls::{pki_types::ServerName, server::ParsedCertificate};

use super::Report;
use crate::{
    settings::{Settings, Tls},
    tls::certificate::{Certificate, Files},
};

const CHECK: &str = "certificate";

/// As the first alarm has it.
const LAPSES_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Looks at the files of the settings, as the server would if it began now.
pub(super) fn look_at(settings: &Settings, report: &mut Report) {
    let Some(tls) = &settings.tls else { return };
    private(tls, report);
    let certificate = match Files::read(tls).and_then(|files| Certificate::of(tls, &files)) {
        Ok(certificate) => certificate,
        Err(error) => return report.wrong(CHECK, error.to_string()),
    };
    lasting(&certificate, Timestamp::now(), report);
    named(&certificate, settings.mail.as_ref().map(|mail| mail.public_url.as_str()), report);
    if certificate.certified.cert.len() == 1 && !certificate.is_self_signed {
        let words = "it stands alone: many clients refuse it without those between it and their authority; put them behind it \
                     in tls.certificate, as `fullchain.pem` has it";
        report.advice(CHECK, words);
    }
    if tls.hsts_max_age_s == 0 {
        let words = "tls.hsts_max_age_s is 0: a browser may be led to come without TLS the next time; once everything under this \
                     name is served over TLS, set it to 31536000";
        report.advice(CHECK, words);
    }
}

#[cfg(unix)]
fn private(tls: &Tls, report: &mut Report) {
    if super::mode(&tls.key).is_some_and(|mode| mode & 0o007 != 0) {
        let words =
            "everybody on this machine may read the key; `chmod o=`, and have it renewed if they may have";
        report.wrong(CHECK, format!("{}: {words}", tls.key.display()));
    }
}

#[cfg(not(unix))]
fn private(_: &Tls, _: &mut Report) {}

fn lasting(certificate: &Certificate, now: Timestamp, report: &mut Report) {
    if let Some(untimely) = certificate.untimely(now) {
        return report.wrong(CHECK, untimely.to_string());
    }
    let until = certificate.not_after;
    let left = until.duration_since(now);
    let days = left.as_hours() / 24;
    if left <= LAPSES_SOON {
        return report
            .advice(CHECK, format!("it lapses at {until}, in {days} days: see why it is not renewed"));
    }
    report.fine(CHECK, format!("good for another {days} days, until {until}"));
}

/// `public_url`: where buyers reach the pages, as far as it is known.
fn named(certificate: &Certificate, public_url: Option<&str>, report: &mut Report) {
    if certificate.names.is_empty() {
        let words =
            "it names no host (subjectAltName), and browsers look nowhere else: they refuse it everywhere";
        return report.wrong(CHECK, words);
    }
    let names = certificate.names.join(", ");
    let host = public_url.and_then(|url| url.parse::<axum::http::Uri>().ok());
    let host = host.as_ref().and_then(axum::http::Uri::host).map(|host| host.trim_matches(['[', ']']));
    match host.filter(|host| !is_for(certificate, host)) {
        Some(host) => {
            let words = format!("it is for {names}, and not for {host}, where mail.public_url sends buyers");
            report.advice(CHECK, words);
        }
        None => report.fine(CHECK, format!("for {names}")),
    }
}

fn is_for(certificate: &Certificate, host: &str) -> bool {
    let name = ServerName::try_from(host);
    let parsed = certificate.certified.end_entity_cert().and_then(ParsedCertificate::try_from);
    let (Ok(name), Ok(parsed)) = (name, parsed) else { return false };
    rustls::client::verify_server_name(&parsed, &name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};
    use crate::tls::certificate::tests::{Folder, NAMES};

    fn found(look: impl FnOnce(&mut Report)) -> Vec<(State, String)> {
        let mut report = Report::default();
        look(&mut report);
        report.0.into_iter().map(|finding| (finding.state, finding.says)).collect()
    }

    #[test]
    fn a_certificate_is_graded_by_the_time_it_has_left() {
        let certificate = Folder::with_certificate().certificate().unwrap();
        let day = SignedDuration::from_hours(24);
        for (now, state, words) in [
            (certificate.not_after - day * 15, State::Fine, "good for another 15 days"),
            (certificate.not_after - day * 14, State::Advice, "in 14 days"),
            (certificate.not_after - day / 2, State::Advice, "in 0 days"),
            (certificate.not_after + day, State::Wrong, "it lapsed at "),
            (certificate.not_before - day, State::Wrong, "it is good from "),
        ] {
            let found = found(|report| lasting(&certificate, now, report));
            assert!(
                found.len() == 1 && found[0].0 == state && found[0].1.contains(words),
                "{now}: {found:?}"
            );
        }
    }

    #[test]
    fn it_has_to_name_where_buyers_are_sent() {
        let certificate = Folder::with_certificate().certificate().unwrap();
        for (public_url, state) in [
            (None, State::Fine),
            (Some("https://tickets.example.com/shop"), State::Fine),
            (Some("https://127.0.0.1:8443"), State::Fine),
            (Some("https://other.example.com"), State::Advice),
        ] {
            let found = found(|report| named(&certificate, public_url, report));
            assert!(found.len() == 1 && found[0].0 == state, "{public_url:?}: {found:?}");
            assert!(found[0].1.contains(NAMES[0]), "{found:?}");
        }
        let nameless = Folder::with_certificate_for(&[]).certificate().unwrap();
        assert_eq!(found(|report| named(&nameless, None, report))[0].0, State::Wrong);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_everybody_may_read_is_wrong() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::with_certificate();
        for (mode, is_wrong) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&folder.tls().key, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = found(|report| private(&folder.tls(), report));
            assert_eq!(!found.is_empty(), is_wrong, "{mode:o}: {found:?}");
        }
    }
}
