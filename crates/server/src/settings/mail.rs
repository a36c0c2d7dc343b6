//! Settings of e-mail: which server takes it, from whom it is, and where its links lead.
//!
//! Invariants: without a server there is no mail, and nothing of the rest is set; the password goes over an encrypted
//! connection or stays on this machine, and is never printed.

use jiff::tz::TimeZone;
use lettre::message::Mailbox;
use serde::Deserialize;

use super::{BadSetting, Secret, bad, within};

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailTls {
    /// From its first byte.
    Implicit,
    /// From the server's greeting on, or not at all.
    StartTls,
    /// Not.
    None,
}

/// How e-mail is sent.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: MailTls,
    /// Who logs in there, with what.
    pub(crate) login: Option<(String, Secret)>,
    pub(crate) from: Mailbox,
    /// Where the pages are, as buyers reach them; without a slash at its end.
    pub(crate) public_url: String,
    /// The zone of times in letters to buyers who named none.
    pub(crate) time_zone: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMail {
    host: Option<String>,
    port: Option<String>,
    tls: Option<String>,
    user: Option<String>,
    password: Option<String>,
    from: Option<String>,
    public_url: Option<String>,
    time_zone: Option<String>,
}

impl RawMail {
    pub(super) fn checked(self) -> Result<Option<Mail>, BadSetting> {
        let given = [&self.port, &self.tls, &self.user, &self.password, &self.from, &self.public_url];
        let Some(host) = self.host else {
            if given.into_iter().any(Option::is_some) {
                let allowed = "the name of the mail server, or none of mail.*";
                return Err(bad("mail.host", "missing", allowed));
            }
            return Ok(None);
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(bad("mail.host", host, "a host name or an address, without a scheme or a port"));
        }
        let (tls, usual_port) = match self.tls.as_deref() {
            Some("implicit") => (MailTls::Implicit, 465),
            None | Some("starttls") => (MailTls::StartTls, 587),
            Some("none") => (MailTls::None, 25),
            Some(other) => return Err(bad("mail.tls", other, "implicit, starttls or none")),
        };
        let port = within("mail.port", self.port, usual_port, 1..=65_535)?;
        let login = match (self.user, self.password) {
            (Some(user), Some(password)) => Some((user, Secret(password.into_bytes()))),
            (None, None) => None,
            _ => return Err(bad("mail.user", "alone", "together with mail.password, or neither")),
        };
        let is_here = host == "localhost" || host.starts_with("127.") || host == "::1";
        if login.is_some() && tls == MailTls::None && !is_here {
            let allowed = "implicit or starttls where mail.password is set: it would be readable on the way";
            return Err(bad("mail.tls", "none", allowed));
        }
        let from = self.from.unwrap_or_default();
        let from: Mailbox = from
            .parse()
            .map_err(|_| bad("mail.from", from, "an address, such as Tickets <tickets@example.com>"))?;
        let public_url = self.public_url.unwrap_or_default();
        let time_zone = self.time_zone.unwrap_or_else(|| "UTC".to_owned());
        if TimeZone::get(&time_zone).is_err() {
            return Err(bad(
                "mail.time_zone",
                time_zone,
                "the IANA's name of a time zone, such as Asia/Seoul",
            ));
        }
        Ok(Some(Mail { host, port, tls, login, from, public_url: checked_url(&public_url)?, time_zone }))
    }
}

fn checked_url(url: &str) -> Result<String, BadSetting> {
    let trimmed = url.trim_end_matches('/');
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_plain)) {
        return Ok(trimmed.to_owned());
    }
    let allowed = "where buyers reach the pages, such as https://tickets.example.com";
    Err(bad("mail.public_url", url, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "a setting that is there, of those that need not be")]
    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn complete() -> RawMail {
        RawMail {
            host: text("mail.example.com"),
            from: text("Tickets <tickets@example.com>"),
            public_url: text("https://tickets.example.com/"),
            ..RawMail::default()
        }
    }

    fn said(settings: RawMail) -> String {
        settings.checked().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn without_a_server_there_is_no_mail() {
        assert!(RawMail::default().checked().unwrap().is_none());
        let without = said(RawMail { host: None, ..complete() });
        assert!(without.contains("setting mail.host is missing"), "{without}");
    }

    #[test]
    fn a_host_a_sender_and_an_address_for_links_are_enough() {
        let mail = complete().checked().unwrap().unwrap();
        assert_eq!((mail.tls, mail.port, mail.login.is_none()), (MailTls::StartTls, 587, true));
        assert_eq!(mail.public_url, "https://tickets.example.com");
        assert_eq!(mail.time_zone, "UTC");
        let implicit = RawMail { tls: text("implicit"), ..complete() }.checked().unwrap().unwrap();
        assert_eq!(implicit.port, 465);
        let login = RawMail { user: text("onsale"), password: text("very secret"), ..complete() };
        let login = login.checked().unwrap().unwrap();
        assert!(!format!("{login:?}").contains("very secret"), "{login:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let cases = [
            (RawMail { host: text("smtp://mail.example.com"), ..complete() }, "mail.host is smtp://"),
            (RawMail { host: text("mail\r\nQUIT"), ..complete() }, "mail.host is"),
            (RawMail { port: text("0"), ..complete() }, "mail.port is 0; allowed is from 1 to 65535"),
            (RawMail { tls: text("maybe"), ..complete() }, "mail.tls is maybe"),
            (RawMail { user: text("onsale"), ..complete() }, "mail.user is alone"),
            (
                RawMail { tls: text("none"), user: text("a"), password: text("b"), ..complete() },
                "mail.tls is none",
            ),
            (RawMail { from: text("nobody"), ..complete() }, "mail.from is nobody"),
            (RawMail { from: text("a@b.c\r\nBcc: d@e.f"), ..complete() }, "mail.from is"),
            (RawMail { from: None, ..complete() }, "mail.from is ;"),
            (RawMail { public_url: None, ..complete() }, "mail.public_url is ;"),
            (RawMail { public_url: text("tickets.example.com"), ..complete() }, "mail.public_url is"),
            (RawMail { public_url: text("https://a/?b=\"c"), ..complete() }, "mail.public_url is"),
            (RawMail { time_zone: text("Mars/Base"), ..complete() }, "mail.time_zone is Mars/Base"),
        ];
        for (settings, expected) in cases {
            let message = said(settings);
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}
