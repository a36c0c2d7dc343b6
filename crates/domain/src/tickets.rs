//! Tickets: the code that lets its bearer in, as it is made, read out, typed and scanned.
//!
//! Invariant: a code is 16 characters of Crockford's base 32, which leaves out letters that are taken for others; what
//! people make of it (lower case, groups, an O for a zero) reads as the same code, and nothing else reads as one.

use std::{fmt, str::FromStr};

/// The digits, in the order of their values.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many of them a code has.
const LENGTH: usize = 16;

/// How long a text may be that is read as a code: room for separators between all digits.
const LONGEST_TEXT: usize = 64;

/// The unguessable code of a ticket: 80 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketCode([u8; LENGTH]);

/// What was typed or scanned is no code of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a ticket")]
pub struct NoTicketCode;

impl TicketCode {
    /// The code of 80 random bits: the lowest of `bits`.
    pub fn of_bits(mut bits: u128) -> Self {
        Self(std::array::from_fn(|_| {
            let digit = DIGITS[(bits & 31) as usize];
            bits >>= 5;
            digit
        }))
    }

    /// The code in groups of four, which is how people read it out.
    pub fn grouped(&self) -> String {
        let groups: Vec<String> =
            self.0.chunks(4).map(|group| group.iter().copied().map(char::from).collect()).collect();
        groups.join(" ")
    }

    /// Its first four characters: enough to tell a buyer's tickets apart, and too few to be let in with.
    pub fn short(&self) -> String {
        self.0[..4].iter().copied().map(char::from).collect()
    }
}

impl fmt::Display for TicketCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl fmt::Debug for TicketCode {
    /// A code lets its bearer in, so a log has no more of it than tells two apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.short())
    }
}

impl FromStr for TicketCode {
    type Err = NoTicketCode;

    fn from_str(text: &str) -> Result<Self, NoTicketCode> {
        if text.len() > LONGEST_TEXT {
            return Err(NoTicketCode);
        }
        let mut code = [0; LENGTH];
        let mut digits = 0;
        for character in text.bytes().filter(|character| !matches!(character, b' ' | b'-')) {
            let digit = match character.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            if !DIGITS.contains(&digit) {
                return Err(NoTicketCode);
            }
            *code.get_mut(digits).ok_or(NoTicketCode)? = digit;
            digits += 1;
        }
        if digits == LENGTH { Ok(Self(code)) } else { Err(NoTicketCode) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_make_of_a_code_reads_as_the_same() {
        let code: TicketCode = "7H2KQ9ZC4M0X18RT".parse().unwrap();
        assert_eq!(
            (code.to_string(), code.grouped()),
            ("7H2KQ9ZC4M0X18RT".into(), "7H2K Q9ZC 4M0X 18RT".into())
        );
        for text in [
            "7h2kq9zc4m0x18rt",
            "7H2K-Q9ZC-4M0X-18RT",
            " 7h2k q9zc 4moX i8rt ",
            "7H2KQ9ZC4MOXL8RT",
            &code.grouped(),
        ] {
            assert_eq!(text.parse(), Ok(code), "{text}");
        }
    }

    #[test]
    fn nothing_else_reads_as_one() {
        let longer = format!("{}7", "7 ".repeat(40));
        for text in [
            "",
            "7",
            "7H2KQ9ZC4M0X18R",
            "7H2KQ9ZC4M0X18RTT",
            "7H2KQ9ZC4M0X18RU",
            "７H2KQ9ZC4M0X18R",
            "\0",
            &longer,
        ] {
            assert_eq!(text.parse::<TicketCode>(), Err(NoTicketCode), "{text}");
        }
    }

    #[test]
    fn all_eighty_bits_count_and_no_more() {
        let highest = TicketCode::of_bits(1 << 79);
        assert_eq!(highest.to_string(), "000000000000000G");
        assert_eq!(TicketCode::of_bits(31).to_string(), "Z000000000000000");
        assert_eq!(TicketCode::of_bits(1 << 80), TicketCode::of_bits(0));
        assert_eq!(format!("{highest:?}"), "0000…");
    }
}
