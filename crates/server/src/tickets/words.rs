//! What stands on a ticket, in the buyer's language and time zone.
//!
//! Invariant: a time stands with its zone, so that a ticket which is read elsewhere is not misread.

use jiff::{civil::Weekday, tz::TimeZone};
use onsale_domain::{money::Money, time::Timestamp};

use crate::language::{Language, grouped};

/// A time as people write it, with its zone and how far that is from UTC.
pub(crate) fn date_time(language: Language, at: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return String::new() };
    let at = at.to_zoned(zone.clone());
    let zone = match zone.iana_name() {
        Some("UTC" | "Etc/UTC") | None => "UTC".to_owned(),
        Some(name) => format!("{name}, UTC{}", at.strftime("%:z")),
    };
    match language {
        Language::English => format!("{} ({zone})", at.strftime("%A, %-d %B %Y, %H:%M")),
        Language::Korean => {
            let weekday = match at.weekday() {
                Weekday::Monday => "월",
                Weekday::Tuesday => "화",
                Weekday::Wednesday => "수",
                Weekday::Thursday => "목",
                Weekday::Friday => "금",
                Weekday::Saturday => "토",
                Weekday::Sunday => "일",
            };
            let (date, time) = (at.strftime("%Y년 %-m월 %-d일"), at.strftime("%H:%M"));
            format!("{date} ({weekday}) {time} ({zone})")
        }
    }
}

/// A price, with its currency as its code: there is no sign that means one currency everywhere.
pub(crate) fn price(language: Language, price: Money) -> String {
    if price.amount == 0 {
        return Words::of(language).free.to_owned();
    }
    let decimals = decimals(price.currency.as_str());
    let digits = format!("{:0width$}", price.amount, width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    let point = if decimals > 0 { "." } else { "" };
    format!("{} {whole}{point}{fraction}", price.currency)
}

/// Decimals of a currency's minor unit (ISO 4217): two, with these exceptions among those in use.
fn decimals(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// The texts of a ticket.
pub(crate) struct Words {
    pub(crate) ticket: &'static str,
    pub(crate) seat: &'static str,
    pub(crate) price: &'static str,
    pub(crate) buyer: &'static str,
    pub(crate) order: &'static str,
    pub(crate) free: &'static str,
    pub(crate) once: &'static str,
    pub(crate) secret: &'static str,
}

impl Words {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Korean => &KOREAN,
        }
    }
}

static ENGLISH: Words = Words {
    ticket: "Ticket",
    seat: "Seat",
    price: "Price",
    buyer: "Buyer",
    order: "Order",
    free: "Free of charge",
    once: "This code admits one person, once.",
    secret: "Whoever shows it first is let in: do not pass it on or publish it.",
};

static KOREAN: Words = Words {
    ticket: "티켓",
    seat: "좌석",
    price: "가격",
    buyer: "예매자",
    order: "주문 번호",
    free: "무료",
    once: "이 코드로 한 사람이 한 번 입장할 수 있습니다.",
    secret: "먼저 제시한 사람이 입장하게 되니, 다른 사람에게 보이거나 공개하지 마세요.",
};

#[cfg(test)]
mod tests {
    use onsale_domain::money::Currency;

    use super::*;

    const AT: Timestamp = Timestamp(1_795_255_200_000);

    #[test]
    fn times_stand_with_their_zone() {
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        let written = [
            date_time(Language::English, AT, &seoul),
            date_time(Language::Korean, AT, &seoul),
            date_time(Language::English, AT, &TimeZone::UTC),
        ];
        assert_eq!(
            written,
            [
                "Saturday, 21 November 2026, 19:00 (Asia/Seoul, UTC+09:00)",
                "2026년 11월 21일 (토) 19:00 (Asia/Seoul, UTC+09:00)",
                "Saturday, 21 November 2026, 10:00 (UTC)",
            ]
        );
    }

    #[test]
    fn prices_have_the_decimals_of_their_currency() {
        let price = |amount, currency: &str| {
            super::price(Language::English, Money::new(amount, currency.parse::<Currency>().unwrap()))
        };
        assert_eq!(price(150_000, "KRW"), "KRW 150,000");
        assert_eq!(price(5, "USD"), "USD 0.05");
        assert_eq!(price(1_234_567, "EUR"), "EUR 12,345.67");
        assert_eq!(price(100, "KRW"), "KRW 100");
        assert_eq!(price(12_500, "KWD"), "KWD 12.500");
        assert_eq!(super::price(Language::Korean, Money::new(0, Currency::KRW)), "무료");
    }
}
