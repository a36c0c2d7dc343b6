//! What a buyer can do about a card that Stripe has declined.
//!
//! Invariant: what Stripe asks sellers not to tell, a card that was reported lost or stolen, and all codes that are not
//! known here, are a plain decline.

use onsale_app::ports::payments::DeclineCode;

use super::client::ErrorBody;

/// From docs.stripe.com/declines/codes and docs.stripe.com/error-codes; the card issuer's reason says more than the
/// error's own code.
pub(super) fn code_of(error: &ErrorBody) -> DeclineCode {
    let named = |code: &Option<String>| code.as_deref().and_then(known);
    named(&error.decline_code).or_else(|| named(&error.code)).unwrap_or(DeclineCode::Declined)
}

fn known(code: &str) -> Option<DeclineCode> {
    Some(match code {
        "insufficient_funds" => DeclineCode::InsufficientFunds,
        "expired_card" => DeclineCode::ExpiredCard,
        "incorrect_number"
        | "invalid_number"
        | "incorrect_cvc"
        | "invalid_cvc"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "incorrect_zip"
        | "incorrect_address" => DeclineCode::IncorrectDetails,
        "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => DeclineCode::LimitExceeded,
        "authentication_required" | "payment_intent_authentication_failure" => DeclineCode::NotAuthenticated,
        "invalid_amount" | "amount_too_large" | "amount_too_small" | "currency_not_supported" => {
            DeclineCode::AmountNotAccepted
        }
        "processing_error" | "issuer_not_available" | "reenter_transaction" | "try_again_later" => {
            DeclineCode::TryAgain
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuers_reason_goes_first_and_what_is_not_to_be_told_is_a_plain_decline() {
        let cases = [
            (Some("card_declined"), Some("insufficient_funds"), DeclineCode::InsufficientFunds),
            (Some("expired_card"), Some("expired_card"), DeclineCode::ExpiredCard),
            (Some("incorrect_cvc"), None, DeclineCode::IncorrectDetails),
            (Some("payment_intent_authentication_failure"), None, DeclineCode::NotAuthenticated),
            (Some("card_declined"), Some("stolen_card"), DeclineCode::Declined),
            (Some("card_declined"), None, DeclineCode::Declined),
            (None, None, DeclineCode::Declined),
        ];
        for (code, decline_code, expected) in cases {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let error = ErrorBody { code: text(code), decline_code: text(decline_code), message: None };
            assert_eq!(code_of(&error), expected, "{error:?}");
        }
    }
}
