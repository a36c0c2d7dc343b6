//! E-mail: letters as a mail server takes them, over SMTP.
//!
//! Invariants: nothing that somebody typed gets into a header or a command but through lettre's types; a letter has the
//! same Message-ID each time it is sent; a connection is used for one letter, so that no late answer is taken for
//! another's.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use onsale_app::{
    App,
    errors::AppError,
    letters::Contents,
    ports::{
        carriers::{Carrier, Undelivered},
        ledger::{Content, Delivery, Letter, LetterKind, OfferLetter, Writing},
    },
};

use crate::{
    language::Language,
    settings::{Mail, MailTls},
    tickets::{paper::Sheet, press::Press},
};

mod letters;
#[cfg(test)]
mod tests;
mod words;

/// How long the mail server may take for one letter, connecting included.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// How long it may take to be reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Answers that say something about the server or about how it is used here, not about the letter: not logged in
/// (530, 534, 535, 538), no mail taken (521), a command not understood (500 to 504). 554 says either.
const NOT_THE_LETTERS: [u16; 11] = [500, 501, 502, 503, 504, 521, 530, 534, 535, 538, 554];

/// Why the mail server cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the mail server cannot be set up: {0}")]
pub(crate) struct MailError(#[from] lettre::transport::smtp::Error);

/// Sends letters.
pub(crate) struct MailCarrier {
    app: Arc<App>,
    press: Arc<Press>,
    server: AsyncSmtpTransport<Tokio1Executor>,
    settings: Mail,
    send_within: Duration,
}

impl MailCarrier {
    pub(crate) fn new(app: Arc<App>, press: Arc<Press>, settings: Mail) -> Result<Self, MailError> {
        let parameters = || TlsParameters::new_rustls(settings.host.clone());
        let tls = match settings.tls {
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .timeout(Some(CONNECT_WITHIN))
            .tls(tls);
        if let Some((user, password)) = &settings.login {
            let password = String::from_utf8_lossy(&password.0).into_owned();
            server = server.credentials(Credentials::new(user.clone(), password));
        }
        let server = server.build();
        Ok(Self { app, press, server, settings, send_within: SEND_WITHIN })
    }

    async fn written(&self, delivery: &Delivery, letter: &Letter) -> Result<Message, Undelivered> {
        let contents = self.app.letter_contents(letter).await.map_err(|error| not_now(&error))?;
        let contents = match contents {
            Contents::Current(contents) => *contents,
            Contents::Outdated(why) => return Err(Undelivered::Withdrawn(why)),
        };
        let (language, zone) = reading(&letter.writing);
        let text = letters::Text::new(letter.kind, language, &zone, &contents, &self.settings.public_url);
        let body = MultiPart::alternative_plain_html(text.plain(), text.html());
        let parts = match letter.kind {
            LetterKind::Refund => body,
            LetterKind::Tickets => {
                let name = format!("tickets-{}.pdf", letter.order);
                let sheet = Sheet::of(contents.tickets, letter.order, language, zone);
                let paper = self.press.print(sheet).await.map_err(|error| not_now(&error))?;
                MultiPart::mixed().multipart(body).singlepart(attached(name, paper)?)
            }
        };
        self.message(delivery, &letter.to, text.subject(), parts)
    }

    async fn written_offer(&self, delivery: &Delivery, letter: &OfferLetter) -> Result<Message, Undelivered> {
        let contents = self.app.offer_contents(letter).await.map_err(|error| not_now(&error))?;
        let contents = contents.map_err(Undelivered::Withdrawn)?;
        let (language, zone) = reading(&letter.writing);
        let text = letters::Text::of_offer(language, &zone, &contents, &self.settings.public_url);
        let body = MultiPart::alternative_plain_html(text.plain(), text.html());
        self.message(delivery, &letter.to, text.subject(), body)
    }

    fn message(
        &self,
        delivery: &Delivery,
        to: &str,
        subject: String,
        parts: MultiPart,
    ) -> Result<Message, Undelivered> {
        let to: Address = to.parse().map_err(|error| never(&error))?;
        let from = &self.settings.from;
        Message::builder()
            .message_id(Some(format!("<{}@{}>", delivery.id, from.email.domain())))
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(parts)
            .map_err(|error| never(&error))
    }
}

#[async_trait]
impl Carrier for MailCarrier {
    async fn carry(&self, delivery: &Delivery) -> Result<(), Undelivered> {
        let (message, to) = match &delivery.content {
            Content::Letter(letter) => (self.written(delivery, letter).await?, &letter.to),
            Content::Offer(letter) => (self.written_offer(delivery, letter).await?, &letter.to),
            Content::Notice(_) => return Err(Undelivered::Never("not a letter".into())),
        };
        match tokio::time::timeout(self.send_within, self.server.send(message)).await {
            Err(_) => Err(Undelivered::Away(format!(
                "the mail server did not answer within {:?}",
                self.send_within
            ))),
            Ok(Err(error)) => Err(refused(&error, to)),
            Ok(Ok(_)) => Ok(()),
        }
    }
}

/// The language and the zone of a letter.
fn reading(writing: &Writing) -> (Language, TimeZone) {
    let language = Language::named(&writing.language).unwrap_or(Language::English);
    (language, TimeZone::get(&writing.time_zone).unwrap_or(TimeZone::UTC))
}

fn attached(name: String, paper: Vec<u8>) -> Result<SinglePart, Undelivered> {
    let kind = ContentType::parse("application/pdf").map_err(|error| never(&error))?;
    Ok(Attachment::new(name).body(paper, kind))
}

/// What the mail server's refusal means for a letter.
fn refused(error: &lettre::transport::smtp::Error, to: &str) -> Undelivered {
    let said = with_cause(error);
    match error.status().map(u16::from) {
        Some(421) => Undelivered::Away(said),
        Some(code) if NOT_THE_LETTERS.contains(&code) => Undelivered::NotNow(said),
        Some(_) if error.is_permanent() => Undelivered::Never(said),
        Some(_) => Undelivered::NotNow(said),
        // It takes no such addresses, and will not tomorrow.
        None if error.is_client() && !to.is_ascii() => Undelivered::Never(said),
        None => Undelivered::Away(said),
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    let said = error.to_string();
    match error.source().map(ToString::to_string) {
        Some(cause) if !said.contains(&cause) => format!("{said}: {cause}"),
        _ => said,
    }
}

fn not_now(error: &AppError) -> Undelivered {
    Undelivered::NotNow(error.to_string())
}

fn never(error: &impl std::fmt::Display) -> Undelivered {
    Undelivered::Never(error.to_string())
}
