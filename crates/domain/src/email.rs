//! E-mail addresses: which ones there can be.
//!
//! Invariant: what is accepted has one recipient, and nothing in it that ends a line or a command of a mail server.

/// The longest address that a mail server has to take (RFC 5321, 4.5.3.1.3, without its angle brackets).
const MAX_BYTES: usize = 254;

/// The longest part in front of the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// The longest label of a domain name (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Whether mail can be sent to an address of this form: a dot-atom (RFC 5322, 3.2.3), an `@`, and a domain name with a
/// dot in it. Letters outside of ASCII are let through, as RFC 6531 does; quoted names and addresses in brackets, which
/// nobody types, are not.
pub fn is_possible(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= MAX_BYTES
        && local.len() <= MAX_LOCAL_BYTES
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain.rsplit('.').next().is_some_and(|top| top.bytes().any(|byte| !byte.is_ascii_digit()))
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| is_letter(c) || "!#$%&'*+/=?^_`{|}~-".contains(c))
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LABEL_BYTES
        && text.chars().all(|c| is_letter(c) || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_people_are_possible() {
        for address in [
            "kim@example.com",
            "min-ji.kim+tickets@mail.example.co.kr",
            "o'neill@example.org",
            "1@2.io",
            "김@예시.한국",
            "x@xn--3e0b707e.kr",
        ] {
            assert!(is_possible(address), "{address}");
        }
    }

    #[test]
    fn what_no_server_could_deliver_is_not() {
        let long_local = format!("{}@example.com", "x".repeat(65));
        let long_label = format!("x@{}.com", "y".repeat(64));
        let long = format!("x@{}com", "abcdefghi.".repeat(26));
        for address in [
            "",
            "@",
            "kim",
            "kim@",
            "@example.com",
            "kim@example",
            "kim@@example.com",
            "kim@example..com",
            ".kim@example.com",
            "kim.@example.com",
            "kim@-example.com",
            "kim@example.com.",
            "kim@127.0.0.1",
            "kim@[127.0.0.1]",
            "kim park@example.com",
            "kim@example.com\r\nBcc: lee@example.com",
            "kim@example.com>\r\nRCPT TO:<lee@example.com",
            "kim@example.com,lee@example.com",
            "\"kim\"@example.com",
            "kim\0@example.com",
            "Kim <kim@example.com>",
            &long_local,
            &long_label,
            &long,
        ] {
            assert!(!is_possible(address), "{address:?}");
        }
    }
}
