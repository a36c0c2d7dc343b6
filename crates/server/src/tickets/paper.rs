//! Tickets on paper: a PDF, A4, one page a ticket.
//!
//! Invariant: whatever a title or a name is, it stays on its page: text is measured with the font's own widths, broken
//! into lines, and cut with an ellipsis where those do not suffice.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
    text::{Font, TextDirection},
};
use onsale_app::tickets::OrderTickets;
use onsale_domain::{ids::OrderId, money::Money, tickets::TicketCode, time::Timestamp};
use ttf_parser::Face;

use crate::language::Language;

use super::{
    qr::{Modules, QrError},
    words::{Words, date_time, price},
};

/// Pretendard, which has Latin and all of Hangul; its licence lies beside it. A document gets the glyphs that it uses.
static FONT: &[u8] = include_bytes!("../../fonts/Pretendard-Medium.otf");
static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FONT, 0).ok());

/// A4 in points, and what is left free around it.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 56.0;

/// The side of the QR code: six centimetres.
const QR_SIDE: f32 = 170.0;

/// Red, green, blue.
type Ink = [u8; 3];

const BLACK: Ink = [17, 24, 39];
const GREY: Ink = [90, 98, 112];
const LIGHT: Ink = [214, 219, 227];

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PaperError {
    #[error("the font cannot be read")]
    Font,
    #[error("the page has no size")]
    Page,
    #[error(transparent)]
    Qr(#[from] QrError),
    #[error("the document was not written: {0:?}")]
    Document(krilla::error::KrillaError),
}

/// What stands on all tickets of an order.
pub(crate) struct Sheet {
    pub(crate) language: Language,
    pub(crate) zone: TimeZone,
    pub(crate) event: String,
    pub(crate) starts_at: Timestamp,
    pub(crate) buyer: String,
    pub(crate) order: String,
    pub(crate) tickets: Vec<PaperTicket>,
}

impl Sheet {
    /// The tickets of an order, on paper.
    pub(crate) fn of(tickets: OrderTickets, order: OrderId, language: Language, zone: TimeZone) -> Self {
        let printed = tickets.units.into_iter().map(|(unit, code, label)| PaperTicket {
            code,
            label: label.label,
            section: label.section,
            price: unit.price,
        });
        Self {
            language,
            zone,
            event: tickets.card.event.title.clone(),
            starts_at: tickets.card.performance.starts_at,
            buyer: tickets.buyer_name,
            order: order.to_string(),
            tickets: printed.collect(),
        }
    }
}

/// What stands on one.
pub(crate) struct PaperTicket {
    pub(crate) code: TicketCode,
    pub(crate) label: String,
    pub(crate) section: Option<String>,
    pub(crate) price: Money,
}

/// Draws all tickets of an order. This is work for a processor, and not for a thread that serves requests.
pub(crate) fn draw(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let font = Font::new(FONT.into(), 0).ok_or(PaperError::Font)?;
    let face = FACE.as_ref().ok_or(PaperError::Font)?;
    let mut document = Document::new();
    let title = format!("{} · {}", Words::of(sheet.language).ticket, sheet.event);
    let metadata = Metadata::new().title(title).language(sheet.language.tag().to_owned());
    document.set_metadata(metadata.creator("onsale".to_owned()));
    for (at, ticket) in sheet.tickets.iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PaperError::Page)?;
        let mut page = document.start_page_with(settings);
        let place = format!("{} / {}", at + 1, sheet.tickets.len());
        Pen { surface: page.surface(), font: font.clone(), face, y: MARGIN }.ticket(sheet, ticket, &place)?;
        page.finish();
    }
    document.finish().map_err(PaperError::Document)
}

/// Writes down a page, from its top.
struct Pen<'a> {
    surface: Surface<'a>,
    font: Font,
    face: &'a Face<'static>,
    /// Where it is.
    y: f32,
}

impl Pen<'_> {
    fn ticket(&mut self, sheet: &Sheet, ticket: &PaperTicket, place: &str) -> Result<(), PaperError> {
        let words = Words::of(sheet.language);
        self.line(&format!("{} {place}", words.ticket), 11.0, GREY);
        self.y += 10.0;
        self.text(&sheet.event, 26.0, 3, BLACK);
        self.y += 4.0;
        self.line(&date_time(sheet.language, sheet.starts_at, &sheet.zone), 13.0, BLACK);
        self.rule();
        self.line(words.seat, 11.0, GREY);
        if let Some(section) = &ticket.section {
            self.text(section, 16.0, 2, BLACK);
        }
        self.text(&ticket.label, 40.0, 2, BLACK);
        self.rule();
        let top = self.y;
        self.code(&ticket.code)?;
        self.y += 14.0;
        self.line(&ticket.code.grouped(), 20.0, BLACK);
        self.y += 2.0;
        self.text(words.once, 11.0, 2, GREY);
        self.text(words.secret, 11.0, 2, GREY);
        let below = self.y;
        self.y = top;
        let beside = MARGIN + QR_SIDE + 32.0;
        let price = price(sheet.language, ticket.price);
        let facts = [(words.price, price.as_str()), (words.buyer, &sheet.buyer), (words.order, &sheet.order)];
        for (name, value) in facts {
            self.text_at(beside, name, 11.0, 1, GREY);
            self.text_at(beside, value, 13.0, 3, BLACK);
            self.y += 10.0;
        }
        self.y = self.y.max(below);
        Ok(())
    }

    /// The QR code at the left, on its own light ground.
    fn code(&mut self, code: &TicketCode) -> Result<(), PaperError> {
        let modules = Modules::of(code)?;
        let module = QR_SIDE / modules.size() as f32;
        let mut path = PathBuilder::new();
        for (x, y, length) in modules.runs() {
            let (left, top) = (MARGIN + x as f32 * module, self.y + y as f32 * module);
            if let Some(run) = Rect::from_xywh(left, top, length as f32 * module, module) {
                path.push_rect(run);
            }
        }
        self.fill([0, 0, 0]);
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
        self.y += QR_SIDE;
        Ok(())
    }

    /// A line across the page.
    fn rule(&mut self) {
        self.y += 14.0;
        let mut path = PathBuilder::new();
        if let Some(rule) = Rect::from_xywh(MARGIN, self.y, WIDTH - 2.0 * MARGIN, 0.8) {
            path.push_rect(rule);
        }
        self.fill(LIGHT);
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
        self.y += 22.0;
    }

    fn line(&mut self, text: &str, size: f32, color: Ink) {
        self.text(text, size, 1, color);
    }

    fn text(&mut self, text: &str, size: f32, most_lines: usize, color: Ink) {
        self.text_at(MARGIN, text, size, most_lines, color);
    }

    /// Text from a place to the right margin, in so many lines at most.
    fn text_at(&mut self, x: f32, text: &str, size: f32, most_lines: usize, color: Ink) {
        self.fill(color);
        for line in broken(self.face, text, (WIDTH - MARGIN - x) / size, most_lines) {
            self.y += size * 1.3;
            let at = Point::from_xy(x, self.y - size * 0.3);
            self.surface.draw_text(at, self.font.clone(), size, &line, false, TextDirection::Auto);
        }
    }

    fn fill(&mut self, [red, green, blue]: Ink) {
        let color = rgb::Color::new(red, green, blue);
        let fill = Fill { paint: color.into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero };
        self.surface.set_fill(Some(fill));
    }
}

/// How wide a character is, in ems; what the font does not have is drawn as a box of its own.
fn advance(face: &Face<'_>, character: char) -> f32 {
    let glyph = face.glyph_index(character).unwrap_or_default();
    f32::from(face.glyph_hor_advance(glyph).unwrap_or(face.units_per_em())) / f32::from(face.units_per_em())
}

/// Breaks text into lines that are no wider than so many ems: between words, and within those that are wider than a
/// line. What does not fit into the last line is cut.
fn broken(face: &Face<'_>, text: &str, width: f32, most_lines: usize) -> Vec<String> {
    let measure = |text: &str| text.chars().map(|character| advance(face, character)).sum::<f32>();
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or("", String::as_str);
        let spaced = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if measure(&spaced) <= width {
            lines.pop();
            lines.push(spaced);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        for character in word.chars() {
            let line = lines.last().map_or(0.0, |line| measure(line));
            if line > 0.0 && line + advance(face, character) > width {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
        }
        if lines.len() > most_lines {
            break;
        }
    }
    if lines.len() > most_lines {
        lines.truncate(most_lines);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && measure(last) + advance(face, '…') > width {
                last.pop();
            }
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use onsale_domain::money::Currency;

    use super::*;

    fn sheet(event: &str, labels: &[&str]) -> Sheet {
        let ticket = |(at, label): (usize, &&str)| PaperTicket {
            code: TicketCode::of_bits(0x0123_4567_89AB_CDEF_u128 << 8 | at as u128),
            label: (*label).to_owned(),
            section: Some("1층 B구역".to_owned()),
            price: Money::new(150_000, Currency::KRW),
        };
        Sheet {
            language: Language::Korean,
            zone: TimeZone::get("Asia/Seoul").unwrap(),
            event: event.to_owned(),
            starts_at: Timestamp(1_795_255_200_000),
            buyer: "김민지".to_owned(),
            order: "01a1fcad-dbf5-78c0-a41a-138665a747ec".to_owned(),
            tickets: labels.iter().enumerate().map(ticket).collect(),
        }
    }

    fn text_of(document: &lopdf::Document, page: u32) -> String {
        document.extract_text(&[page]).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_ticket_has_a_page_with_all_that_a_door_needs() {
        let sheet = sheet("겨울 이야기 – A Winter's Tale", &["A-1", "A-2", "가열 3번"]);
        let paper = draw(&sheet).unwrap();
        let document = lopdf::Document::load_mem(&paper).unwrap();
        assert_eq!(document.get_pages().len(), 3);
        for (at, ticket) in sheet.tickets.iter().enumerate() {
            let text = text_of(&document, u32::try_from(at).unwrap() + 1);
            let place = format!("{} / 3", at + 1);
            for part in [
                "겨울 이야기 – A Winter's Tale",
                "2026년 11월 21일 (토) 19:00",
                "Asia/Seoul",
                "1층 B구역",
                &ticket.label,
                "KRW 150,000",
                "김민지",
                &ticket.code.grouped(),
                &place,
            ] {
                assert!(text.contains(part), "{part} in {text}");
            }
        }
        assert!(paper.len() < 100_000, "{} bytes: the font has to come in parts", paper.len());
    }

    #[test]
    fn lines_are_no_wider_than_the_page_and_no_more_than_there_is_room_for() {
        let face = FACE.as_ref().unwrap();
        let measure = |text: &str| text.chars().map(|character| advance(face, character)).sum::<f32>();
        for text in
            ["", "A-1", &"긴제목".repeat(40), &"long words that go on ".repeat(20), &"W".repeat(200), "🎫 x"]
        {
            let lines = broken(face, text, 18.0, 3);
            assert!((1..=3).contains(&lines.len()), "{lines:?}");
            assert!(lines.iter().all(|line| measure(line) <= 18.0), "{lines:?}");
        }
        assert_eq!(broken(face, "one two", 18.0, 3), ["one two"]);
        assert!(broken(face, &"W".repeat(200), 18.0, 2)[1].ends_with('…'));
        assert_eq!(broken(face, "가 나", 1.2, 3), ["가", "나"]);
    }

    #[test]
    fn the_longest_of_everything_stays_on_its_page() {
        let long = "긴 제목이 있는 공연 ".repeat(30);
        let mut sheet = sheet(&long, &[&"W".repeat(100)]);
        sheet.buyer = "이름 ".repeat(50);
        let paper = draw(&sheet).unwrap();
        assert_eq!(lopdf::Document::load_mem(&paper).unwrap().get_pages().len(), 1);
    }
}
