//! The waiting page as HTML, in every state one can be in.
//!
//! Invariants: everything that came from somebody is escaped; the page has no script, and looks again by itself as long
//! as there is something to wait for.

use std::fmt::Write as _;

use onsale_domain::{
    ids::EventId,
    time::Timestamp,
    waiting_room::{Progress, summary::Status},
};

use super::words::Words;
use crate::language::{Language, grouped};

const STYLE: &str = include_str!("page.css");
/// The page looks again no sooner and no later than this, seconds: who reads or presses a button is not to be
/// interrupted every second, and who does not look at it is to be called in time.
const LOOK_AGAIN_S: (u64, u64) = (3, 30);

/// What there is to show.
pub(super) enum View<'a> {
    /// Titles and ids of the events with a waiting room.
    List(&'a [(EventId, String)]),
    /// Nobody is waiting here yet.
    Join {
        /// Until it opens, where it has not.
        opens_in_ms: Option<u64>,
        /// They were in the line until just now.
        has_left: bool,
    },
    Place {
        progress: &'a Progress,
        is_paused: bool,
        /// They tried to go in late, and there was no room.
        was_full: bool,
    },
    SoldOut,
    Closed,
    Gone,
    NeedsWork,
    NeedsAccount,
    NoRoom,
    Duplicate,
    TooMany {
        wait_ms: u64,
    },
    Unavailable,
    Elsewhere,
}

/// A page in the making.
pub(super) struct Page {
    language: Language,
    words: &'static Words,
    /// Of the event, where it is one's.
    event: Option<(EventId, String)>,
    now: Timestamp,
    body: String,
    heading: String,
    refresh_s: Option<u64>,
    is_turn: bool,
}

impl Page {
    /// The whole document.
    pub(super) fn render(
        language: Language,
        event: Option<(EventId, String)>,
        now: Timestamp,
        view: &View<'_>,
    ) -> String {
        let mut page = Self {
            language,
            words: Words::of(language),
            event,
            now,
            body: String::new(),
            heading: String::new(),
            refresh_s: None,
            is_turn: false,
        };
        page.show(view);
        page.document()
    }

    fn show(&mut self, view: &View<'_>) {
        let words = self.words;
        match view {
            View::List(events) => self.list(events),
            View::Join { opens_in_ms, has_left } => {
                words.join.clone_into(&mut self.heading);
                if *has_left {
                    self.paragraph(words.left);
                }
                if let Some(ms) = opens_in_ms {
                    self.paragraph(words.lobby_text);
                    self.opening(*ms);
                }
                self.paragraph(words.join_text);
                self.form("join", words.join, true);
            }
            View::Place { progress, is_paused, was_full } => self.place(progress, *is_paused, *was_full),
            View::SoldOut => self.end(words.sold_out, words.sold_out_text),
            View::Closed => {
                self.end(words.closed, words.closed_join);
                self.look_again(LOOK_AGAIN_S.1 * 1_000);
            }
            View::Gone => {
                self.end(words.gone, words.gone_text);
                self.form("join", words.join_again, true);
            }
            View::NeedsWork => self.needs_script(words.needs_work),
            View::NeedsAccount => self.needs_script(words.needs_account),
            View::NoRoom => self.end(words.no_room, words.no_room_text),
            View::Duplicate => {
                words.join.clone_into(&mut self.heading);
                self.problem(words.duplicate);
                self.form("join", words.join_again, false);
            }
            View::TooMany { wait_ms } => {
                words.join.clone_into(&mut self.heading);
                self.problem(&words.too_many.replace("{}", &self.span(*wait_ms)));
                self.form("join", words.join_again, false);
            }
            View::Unavailable => {
                words.unavailable.clone_into(&mut self.heading);
                self.paragraph(words.unavailable_text);
                self.look_again(LOOK_AGAIN_S.0 * 1_000);
            }
            View::Elsewhere => {
                words.elsewhere.clone_into(&mut self.heading);
                self.problem(words.elsewhere_text);
                self.look_link();
            }
        }
    }

    fn list(&mut self, events: &[(EventId, String)]) {
        self.words.list_title.clone_into(&mut self.heading);
        self.paragraph(self.words.list_text);
        if events.is_empty() {
            return self.paragraph(self.words.list_empty);
        }
        self.body.push_str("<ul>");
        for (id, title) in events {
            // Writing to a string does not fail.
            let _ = write!(self.body, "<li><a href=\"/wait/{id}\">{}</a></li>", escaped(title));
        }
        self.body.push_str("</ul>");
    }

    fn place(&mut self, progress: &Progress, is_paused: bool, was_full: bool) {
        let words = self.words;
        match progress.status {
            Status::Lobby => {
                words.lobby.clone_into(&mut self.heading);
                self.paragraph(words.lobby_text);
                self.opening(progress.eta_ms.unwrap_or(0));
                self.small(words.kept);
                self.look_again(progress.poll_after_ms);
                self.leave(words.leave_lobby);
            }
            Status::Waiting => {
                self.line(progress, is_paused);
                self.look_again(progress.poll_after_ms);
                self.leave(words.leave_text);
            }
            Status::Ready(Some(until)) => {
                self.is_turn = true;
                words.ready.clone_into(&mut self.heading);
                let left_ms = until.since_ms(self.now);
                self.paragraph(&words.ready_text.replace("{}", &self.span(left_ms)));
                self.form("enter", words.enter, true);
                // When the time is up, or seldom enough not to come between a person and the button.
                self.look_again(left_ms + 1_000);
                self.leave(words.leave_text);
            }
            Status::Ready(None) => {
                words.at_door.clone_into(&mut self.heading);
                self.paragraph(words.at_door_text);
                self.look_again(progress.poll_after_ms);
                self.leave(words.leave_text);
            }
            Status::Passed => {
                words.missed.clone_into(&mut self.heading);
                if was_full {
                    self.problem(words.full);
                } else {
                    self.paragraph(words.missed_text);
                }
                self.form("enter", words.missed_enter, true);
                self.look_again(progress.poll_after_ms);
                self.leave(words.leave_text);
            }
            Status::Inside(until) => {
                words.inside.clone_into(&mut self.heading);
                let left = self.span(until.since_ms(self.now));
                self.paragraph(&words.inside_text.replace("{}", &left));
                self.paragraph(words.choose_needs_script);
                self.onward(words.choose);
                self.leave(words.leave_text);
            }
            Status::SoldOut => self.end(words.sold_out, words.sold_out_text),
            Status::Closed => {
                self.end(words.closed, words.closed_text);
                self.look_again(progress.poll_after_ms);
            }
        }
    }

    fn line(&mut self, progress: &Progress, is_paused: bool) {
        let words = self.words;
        words.waiting.clone_into(&mut self.heading);
        let ahead = match progress.ahead {
            None => words.unknown.to_owned(),
            Some(0) => words.nobody.to_owned(),
            Some(count) => words.people.of(count.into()),
        };
        let turn = progress.eta_ms.filter(|_| !is_paused);
        let turn_in = turn.map_or_else(|| words.unknown.to_owned(), |ms| self.roughly(ms));
        let position = progress.position.map(|position| grouped(position.into())).unwrap_or_default();
        let facts = [(words.ahead, ahead), (words.turn_in, turn_in), (words.position, position)];
        self.body.push_str("<dl>");
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.body, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
        }
        self.body.push_str("</dl>");
        if is_paused {
            self.paragraph(words.paused);
        } else if turn.is_none() {
            self.paragraph(words.still);
        }
        if let Some(reached) = progress.reached {
            let likely = if progress.likely.unwrap_or(reached > 0) { words.likely } else { words.unlikely };
            let _ = write!(
                self.body,
                "<p>{} <strong>{}</strong></p>",
                escaped(&words.reached.of(reached.into())),
                escaped(likely)
            );
        }
        self.small(words.kept);
    }

    fn opening(&mut self, in_ms: u64) {
        let text = if in_ms == 0 {
            self.words.opening.to_owned()
        } else {
            self.words.opens_in.replace("{}", &self.span(in_ms))
        };
        let _ = write!(self.body, "<p><strong>{}</strong></p>", escaped(&text));
    }

    fn end(&mut self, heading: &str, text: &str) {
        heading.clone_into(&mut self.heading);
        self.paragraph(text);
        let _ = write!(self.body, "<p><a href=\"/wait\">{}</a></p>", escaped(self.words.events));
    }

    fn needs_script(&mut self, why: &str) {
        self.words.join.clone_into(&mut self.heading);
        self.problem(why);
        if let Some((id, _)) = &self.event {
            let name = escaped(self.words.to_script);
            let _ = write!(self.body, "<a class=\"button primary\" href=\"/#/events/{id}/queue\">{name}</a>");
        }
    }

    /// To the pages with scripts, which take the place over.
    fn onward(&mut self, name: &str) {
        if let Some((id, _)) = &self.event {
            let name = escaped(name);
            let _ = write!(
                self.body,
                "<a class=\"button primary large\" href=\"/#/events/{id}/queue?carried\">{name}</a>"
            );
        }
    }

    fn leave(&mut self, text: &str) {
        let (name, text) = (escaped(self.words.leave), escaped(text));
        let _ = write!(self.body, "<details><summary>{name}</summary><p>{text}</p>");
        self.form("leave", self.words.leave_yes, false);
        self.body.push_str("</details>");
    }

    fn form(&mut self, action: &str, name: &str, is_primary: bool) {
        let Some((id, _)) = &self.event else { return };
        let class = if is_primary { " class=\"primary large\"" } else { "" };
        let _ = write!(
            self.body,
            "<form method=\"post\" action=\"/wait/{id}/{action}\"><button{class}>{}</button></form>",
            escaped(name)
        );
    }

    fn look_again(&mut self, after_ms: u64) {
        let after_s = after_ms.div_ceil(1_000).clamp(LOOK_AGAIN_S.0, LOOK_AGAIN_S.1);
        self.refresh_s = Some(after_s);
        self.small(&self.words.looks_again.of(after_s));
        self.look_link();
    }

    fn look_link(&mut self) {
        let path = self.path();
        let name = escaped(self.words.look);
        let _ = write!(self.body, "<a class=\"button\" href=\"{path}\">{name}</a>");
    }

    fn path(&self) -> String {
        self.event.as_ref().map_or_else(|| "/wait".to_owned(), |(id, _)| format!("/wait/{id}"))
    }

    fn paragraph(&mut self, text: &str) {
        let _ = write!(self.body, "<p>{}</p>", escaped(text));
    }

    fn problem(&mut self, text: &str) {
        let _ = write!(self.body, "<p class=\"problem\">{}</p>", escaped(text));
    }

    fn small(&mut self, text: &str) {
        let _ = write!(self.body, "<p class=\"small\">{}</p>", escaped(text));
    }

    /// Seconds up to a minute and a half, minutes beyond.
    fn span(&self, ms: u64) -> String {
        let seconds = ms.div_ceil(1_000);
        if seconds <= 90 { self.words.seconds.of(seconds) } else { self.words.minutes.of(seconds / 60) }
    }

    fn roughly(&self, ms: u64) -> String {
        match ms / 60_000 {
            0 => self.words.soon.to_owned(),
            minutes @ 1..90 => self.words.about_minutes.of(minutes),
            minutes => self.words.about_hours.of((minutes + 30) / 60),
        }
    }

    fn document(&self) -> String {
        let heading = escaped(&self.heading);
        let name = self.event.as_ref().map(|(_, title)| self.words.title.replace("{}", title));
        let (title, above) = match name.as_deref().map(escaped) {
            Some(name) => (format!("{heading} – {name}"), format!("<h1>{name}</h1>")),
            None => (heading.clone(), String::new()),
        };
        let level = if above.is_empty() { "h1" } else { "h2" };
        let refresh = self.refresh_s.map_or_else(String::new, |after_s| {
            format!("<meta http-equiv=\"refresh\" content=\"{after_s};url={}\">\n", self.path())
        });
        let class = if self.is_turn { " class=\"turn\"" } else { "" };
        format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"same-origin\">\n<link rel=\"icon\" href=\"data:,\">\n\
             {refresh}<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{above}\n\
             <section{class}>\n<{level}>{heading}</{level}>\n{}\n</section>\n</main>\n</body>\n</html>\n",
            self.language.tag(),
            self.body
        )
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn page(language: Language, view: &View<'_>) -> String {
        let event = (EventId(Uuid::from_u128(7)), "<b>Tom & \"Jerry\"</b>".to_owned());
        Page::render(language, Some(event), Timestamp(1_000), view)
    }

    fn progress(status: Status) -> Progress {
        Progress {
            status,
            position: Some(5_214),
            ahead: Some(1),
            eta_ms: Some(1_640_000),
            reached: Some(3_900),
            return_line: false,
            likely: Some(true),
            poll_after_ms: 60_000,
        }
    }

    fn place(status: Status) -> String {
        let progress = progress(status);
        page(Language::English, &View::Place { progress: &progress, is_paused: false, was_full: false })
    }

    #[test]
    fn what_came_from_somebody_is_escaped() {
        let text = page(Language::English, &View::Gone);
        assert!(
            text.contains("&lt;b&gt;Tom &amp; &quot;Jerry&quot;&lt;/b&gt;") && !text.contains("<b>"),
            "{text}"
        );
        let events = [(EventId(Uuid::from_u128(7)), "<i>".to_owned())];
        let text = Page::render(Language::Korean, None, Timestamp(0), &View::List(&events));
        assert!(text.contains("&lt;i&gt;") && text.contains("lang=\"ko\""), "{text}");
    }

    #[test]
    fn a_place_in_words_and_when_to_look_again() {
        let text = place(Status::Waiting);
        for told in
            ["1 person<", "about 27 minutes", "5,214", "About 3,900", "likely to be among", "\"30;url=/wait/"]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
        let paused = progress(Status::Waiting);
        let view = View::Place { progress: &paused, is_paused: true, was_full: false };
        let text = page(Language::English, &view);
        assert!(text.contains("has paused the line") && !text.contains("27 minutes"), "{text}");
        let text = page(Language::Korean, &view);
        assert!(
            text.contains("1명") && text.contains("약 3,900명") && text.contains("멈추었습니다"),
            "{text}"
        );
    }

    #[test]
    fn nobody_is_interrupted_while_it_is_their_turn() {
        let text = place(Status::Ready(Some(Timestamp(13_000))));
        assert!(text.contains("within 12 seconds") && text.contains("content=\"13;url="), "{text}");
        assert!(text.contains("action=\"/wait/00000000-0000-0000-0000-000000000007/enter\""), "{text}");
        assert!(place(Status::Ready(None)).contains("at the door"));
        let text = place(Status::Inside(Timestamp(601_000)));
        assert!(text.contains("within 10 minutes") && !text.contains("http-equiv"), "{text}");
        assert!(!place(Status::SoldOut).contains("http-equiv"), "there is nothing to wait for");
        assert!(place(Status::Closed).contains("http-equiv"), "it may open again");
    }
}
