//! What a letter says, as plain text and as HTML.
//!
//! Invariant: what somebody typed stands in HTML as text, and in a subject on one line.

use std::fmt::Write;

use jiff::tz::TimeZone;
use onsale_app::{
    cards::UnitLabel,
    letters::{CurrentContents, OfferContents},
    ports::ledger::LetterKind,
};
use onsale_domain::money::Money;

use super::words::{Words, greeting};
use crate::{
    language::Language,
    tickets::words::{Words as TicketWords, date_time, price},
};

/// The longest title in a subject; mail programs show less.
const MAX_TITLE: usize = 100;

/// A letter, ready to be laid out.
pub(super) struct Text {
    language: Language,
    subject: String,
    greeting: String,
    /// What happened, in sentences.
    news: Vec<String>,
    title: String,
    starts_at: String,
    seats: Vec<String>,
    /// What the sum is called, and how much it is.
    total: (&'static str, String),
    /// The number of the order, where there is one.
    order: Option<String>,
    link: String,
    /// What the link leads to.
    look: &'static str,
    /// What to mind.
    advice: Vec<&'static str>,
}

impl Text {
    pub(super) fn new(
        kind: LetterKind,
        language: Language,
        zone: &TimeZone,
        contents: &CurrentContents,
        public_url: &str,
    ) -> Self {
        let (words, of_tickets) = (Words::of(language), TicketWords::of(language));
        let title = one_line(&contents.tickets.card.event.title);
        let (subject, news, advice) = match kind {
            LetterKind::Tickets => (
                words.tickets_subject,
                vec![words.tickets.to_owned()],
                vec![of_tickets.once, of_tickets.secret],
            ),
            LetterKind::Refund if contents.is_in_part => (
                words.refund_subject,
                vec![words.refund_in_part.to_owned(), words.void_in_part.to_owned()],
                vec![],
            ),
            LetterKind::Refund => {
                let news = if contents.is_in_part {
                    [words.refund_in_part, words.void_in_part]
                } else {
                    [words.refund, words.void]
                };
                (words.refund_subject, news.map(str::to_owned).to_vec(), vec![])
            }
        };
        let short: String = title.chars().take(MAX_TITLE).collect();
        let units = contents.tickets.units.iter();
        let seats = units.map(|(unit, _, label)| priced(language, label, unit.price));
        Self {
            language,
            subject: format!("{subject}: {short}"),
            greeting: greeting(language, &one_line(&contents.tickets.buyer_name)),
            news,
            starts_at: date_time(language, contents.tickets.card.performance.starts_at, zone),
            title,
            seats: seats.collect(),
            total: (
                match kind {
                    LetterKind::Tickets => words.total,
                    LetterKind::Refund => words.given_back,
                },
                price(language, contents.total),
            ),
            order: Some(contents.order.to_string()),
            link: format!("{public_url}/#/orders/{}", contents.order),
            look: words.look,
            advice,
        }
    }

    /// That something which came back is held for somebody.
    pub(super) fn of_offer(
        language: Language,
        zone: &TimeZone,
        contents: &OfferContents,
        public_url: &str,
    ) -> Self {
        let words = Words::of(language);
        let title = one_line(&contents.card.event.title);
        let short: String = title.chars().take(MAX_TITLE).collect();
        let held = &contents.reservation;
        let name = contents.name.as_deref().map(one_line);
        let until = date_time(language, held.expires_at, zone);
        let seats = held.units.iter().map(|unit| priced(language, &unit.label, unit.price));
        Self {
            language,
            subject: format!("{}: {short}", words.offer_subject),
            greeting: name.map_or_else(|| words.hello.to_owned(), |name| greeting(language, &name)),
            news: vec![words.offer.to_owned(), format!("{}: {until}", words.held_until)],
            starts_at: date_time(language, contents.card.performance.starts_at, zone),
            title,
            seats: seats.collect(),
            total: (words.total, price(language, held.total)),
            order: None,
            link: format!("{public_url}/#/reservations/{}", held.id),
            look: words.take,
            advice: vec![words.same_browser],
        }
    }

    pub(super) fn subject(&self) -> String {
        self.subject.clone()
    }

    pub(super) fn plain(&self) -> String {
        let words = Words::of(self.language);
        let mut text = format!("{}\n\n", self.greeting);
        for sentence in &self.news {
            let _ = writeln!(text, "{sentence}");
        }
        let _ = write!(text, "\n{}\n{}\n\n{}:\n", self.title, self.starts_at, words.seats);
        for seat in &self.seats {
            let _ = writeln!(text, "- {seat}");
        }
        let _ = writeln!(text, "\n{}: {}", self.total.0, self.total.1);
        if let Some(order) = &self.order {
            let _ = writeln!(text, "{}: {order}", TicketWords::of(self.language).order);
        }
        let _ = writeln!(text, "{}: {}", self.look, self.link);
        for sentence in &self.advice {
            let _ = write!(text, "\n{sentence}");
        }
        text.push('\n');
        text
    }

    pub(super) fn html(&self) -> String {
        let words = Words::of(self.language);
        let paragraph = |text: &str| format!("<p>{}</p>", escaped(text));
        let news: String = self.news.iter().map(|sentence| paragraph(sentence)).collect();
        let advice: String = self.advice.iter().map(|sentence| paragraph(sentence)).collect();
        let seats: Vec<String> =
            self.seats.iter().map(|seat| format!("<li>{}</li>", escaped(seat))).collect();
        let seats = seats.concat();
        let name = TicketWords::of(self.language).order;
        let order = self.order.as_ref().map(|order| format!("<br>{name}: {}", escaped(order)));
        format!(
            "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
             <body style=\"font-family:sans-serif;line-height:1.5;max-width:36em;margin:0 auto;padding:1em\">\
             {}{news}<h1 style=\"font-size:1.4em;margin-bottom:0\">{}</h1>{}<p>{}:</p><ul>{seats}</ul>\
             <p>{}: {}{}</p><p><a href=\"{}\">{}</a></p>{advice}</body></html>",
            self.language.tag(),
            escaped(&self.subject),
            paragraph(&self.greeting),
            escaped(&self.title),
            paragraph(&self.starts_at),
            escaped(words.seats),
            escaped(self.total.0),
            escaped(&self.total.1),
            order.unwrap_or_default(),
            escaped(&self.link),
            escaped(self.look),
        )
    }
}

/// A unit in words, and what it costs.
fn priced(language: Language, label: &UnitLabel, money: Money) -> String {
    let section = label.section.as_ref().map(|section| format!("{}, ", one_line(section)));
    let place = format!("{}{}", section.unwrap_or_default(), one_line(&label.label));
    format!("{place} ({})", price(language, money))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Without line breaks and whatever else is not to be seen.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        Text {
            language: Language::Korean,
            subject: one_line("제목: <b>\r\nBcc: x@y.z"),
            greeting: greeting(Language::Korean, "김 <script>"),
            news: vec![Words::of(Language::Korean).tickets.to_owned()],
            title: "A & \"B\"".into(),
            starts_at: "오늘".into(),
            seats: vec!["A-1 (KRW 1)".into(), "A-2 (KRW 1)".into()],
            total: (Words::of(Language::Korean).total, "KRW 2".into()),
            order: Some("0190".into()),
            link: "https://tickets.example.com/#/orders/0190".into(),
            look: Words::of(Language::Korean).look,
            advice: vec![],
        }
    }

    #[test]
    fn what_was_typed_is_text_in_html() {
        let html = text().html();
        assert!(html.starts_with("<!doctype html><html lang=\"ko\">"), "{html}");
        assert!(html.contains("김 &lt;script&gt; 님") && html.contains("A &amp; &quot;B&quot;"), "{html}");
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("<a href=\"https://tickets.example.com/#/orders/0190\">"), "{html}");
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(text().subject(), "제목: <b>  Bcc: x@y.z");
    }

    #[test]
    fn plain_text_says_the_same() {
        let plain = text().plain();
        for part in ["김 <script> 님", "A & \"B\"\n오늘", "- A-1 (KRW 1)\n- A-2", "KRW 2", "/#/orders/0190"]
        {
            assert!(plain.contains(part), "{part}: {plain}");
        }
    }
}
