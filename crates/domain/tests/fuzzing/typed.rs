//! What people type and scan: codes of tickets, addresses of mail, positions.

use onsale_domain::{email, position::Position, tickets::TicketCode};

/// Crockford's base 32, written down a second time.
const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[test]
fn what_is_typed_means_one_thing_or_nothing() {
    onsale_fuzzing::fuzz!("typed", 20_000, check);
}

fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    is_a_code_or_none(&text);
    is_one_recipient_or_none(&text);
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }
}

fn is_a_code_or_none(text: &str) {
    let digits = text.chars().filter(|c| !" -".contains(*c)).map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    let meant: String = digits.collect();
    let is_code = text.len() <= 64 && meant.len() == 16 && meant.chars().all(|c| DIGITS.contains(c));
    let read = text.parse::<TicketCode>();
    assert_eq!(read.map(|code| code.to_string()).ok(), is_code.then_some(meant), "{text:?}");
    if let Ok(code) = read {
        for again in [code.to_string(), code.grouped(), code.to_string().to_lowercase()] {
            assert_eq!(again.parse(), Ok(code), "{again}");
        }
        assert!(!format!("{code:?}").contains(&code.to_string()), "a log does not let anybody in");
    }
}

/// Nothing that a mail server could take for a second address, the end of a line or of a command.
fn is_one_recipient_or_none(text: &str) {
    if email::is_possible(text) {
        assert_eq!(text.matches('@').count(), 1, "{text:?}");
        assert!(
            text.len() <= 254 && text.chars().all(|c| c.is_alphanumeric() || c.is_ascii_graphic()),
            "{text:?}"
        );
        assert!(!text.contains(['<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\\']), "{text:?}");
    }
}
