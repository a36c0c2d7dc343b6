//! Settings of payments: which providers there are, and how they are reached.
//!
//! Invariant: who takes real money does not also take simulated money, unless told to; keys are never printed.

use serde::Deserialize;

use super::{BadSetting, List, Secret, bad, parsed, within};

/// How payments are made.
#[derive(Clone, Debug)]
pub(crate) struct Payments {
    /// Whether simulated payments are taken.
    pub(crate) simulated_enabled: bool,
    pub(crate) simulated_failure_rate: f64,
    pub(crate) simulated_delay_ms: u64,
    /// The account at Stripe, where there is one.
    pub(crate) stripe: Option<StripeAccount>,
}

/// An account at Stripe.
#[derive(Clone, Debug)]
pub(crate) struct StripeAccount {
    pub(crate) secret_key: Secret,
    pub(crate) publishable_key: Option<String>,
    pub(crate) webhook_secrets: Vec<Secret>,
    pub(crate) webhook_tolerance_s: u64,
    /// Another place than Stripe's own.
    pub(crate) base_url: Option<String>,
    /// Another place than Stripe's own for its script.
    pub(crate) script_url: Option<String>,
    pub(crate) buyer_acts_within_s: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawPayments {
    simulated: RawSimulated,
    stripe: RawStripe,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawSimulated {
    enabled: Option<String>,
    failure_rate: Option<String>,
    delay_ms: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawStripe {
    secret_key: Option<String>,
    publishable_key: Option<String>,
    webhook_secrets: List,
    webhook_tolerance_s: Option<String>,
    base_url: Option<String>,
    script_url: Option<String>,
    buyer_acts_within_s: Option<String>,
}

impl RawPayments {
    pub(super) fn checked(self) -> Result<Payments, BadSetting> {
        let rate = parsed("payments.simulated.failure_rate", self.simulated.failure_rate, 0.01)?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(bad("payments.simulated.failure_rate", rate, "from 0 to 1"));
        }
        let delay_ms = within("payments.simulated.delay_ms", self.simulated.delay_ms, 0, 0..=60_000)?;
        let stripe = self.stripe.checked()?;
        let enabled = parsed("payments.simulated.enabled", self.simulated.enabled, stripe.is_none())?;
        Ok(Payments {
            simulated_enabled: enabled,
            simulated_failure_rate: rate,
            simulated_delay_ms: delay_ms,
            stripe,
        })
    }
}

impl RawStripe {
    fn checked(self) -> Result<Option<StripeAccount>, BadSetting> {
        let webhook_secrets = self.webhook_secrets.items();
        if let Some(short) = webhook_secrets.iter().find(|secret| secret.len() < 16) {
            let shown = format!("{} bytes long", short.len());
            let allowed = "secrets of at least 16 bytes, such as whsec_…";
            return Err(bad("payments.stripe.webhook_secrets", shown, allowed));
        }
        let webhook_tolerance_s =
            within("payments.stripe.webhook_tolerance_s", self.webhook_tolerance_s, 300, 10..=3_600)?;
        let buyer_acts_within_s =
            within("payments.stripe.buyer_acts_within_s", self.buyer_acts_within_s, 600, 60..=86_400)?;
        // The secret key goes with every call to the one, card numbers into the other.
        let places =
            [("payments.stripe.base_url", &self.base_url), ("payments.stripe.script_url", &self.script_url)];
        let safe = ["https://", "http://localhost", "http://127.", "http://[::1]"];
        for (name, place) in places {
            if let Some(url) = place.as_ref().filter(|url| !safe.iter().any(|safe| url.starts_with(safe))) {
                return Err(bad(name, url, "https://…, or http:// on this machine"));
            }
        }
        // It becomes part of a header.
        if let Some(url) = self.script_url.as_ref().filter(|url| !is_plain(url)) {
            return Err(bad(
                "payments.stripe.script_url",
                url,
                "an address without spaces, quotes and semicolons",
            ));
        }
        let Some(secret_key) = self.secret_key else { return Ok(None) };
        let is_key = secret_key.len() >= 8
            && (secret_key.starts_with("sk_") || secret_key.starts_with("rk_"))
            && secret_key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_key {
            let allowed = "a secret or restricted key: sk_… or rk_…";
            return Err(bad("payments.stripe.secret_key", "(not shown)", allowed));
        }
        if let Some(key) = self.publishable_key.as_ref().filter(|key| !key.starts_with("pk_")) {
            // It may be the other key, in the wrong place.
            let shown = format!("{} bytes long", key.len());
            return Err(bad("payments.stripe.publishable_key", shown, "a publishable key: pk_…"));
        }
        Ok(Some(StripeAccount {
            secret_key: Secret(secret_key.into_bytes()),
            publishable_key: self.publishable_key,
            webhook_secrets: webhook_secrets.into_iter().map(|secret| Secret(secret.into_bytes())).collect(),
            webhook_tolerance_s,
            base_url: self.base_url,
            script_url: self.script_url,
            buyer_acts_within_s,
        }))
    }
}

fn is_plain(url: &str) -> bool {
    url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"' | '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(stripe: RawStripe) -> Result<Payments, String> {
        let raw = RawPayments { stripe, ..RawPayments::default() };
        raw.checked().map_err(|error| error.to_string())
    }

    fn account() -> RawStripe {
        RawStripe { secret_key: Some("sk_test_1234".into()), ..RawStripe::default() }
    }

    #[test]
    fn without_stripe_payments_are_simulated() {
        let payments = with(RawStripe::default()).unwrap();
        assert!(payments.simulated_enabled && payments.stripe.is_none());
        assert!((payments.simulated_failure_rate - 0.01).abs() < f64::EPSILON);
    }

    #[test]
    fn with_stripe_they_are_not_unless_told() {
        let payments = with(account()).unwrap();
        assert!(!payments.simulated_enabled);
        let stripe = payments.stripe.unwrap();
        assert!(stripe.base_url.is_none(), "Stripe's own place");
        assert_eq!((stripe.webhook_tolerance_s, stripe.buyer_acts_within_s), (300, 600));
        assert!(!format!("{stripe:?}").contains("sk_test_1234"), "{stripe:?}");
        let simulated = RawSimulated { enabled: Some("true".into()), ..RawSimulated::default() };
        let both = RawPayments { simulated, stripe: account() }.checked().unwrap();
        assert!(both.simulated_enabled && both.stripe.is_some());
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_key_is_shown() {
        let text = |text: &str| Some(text.to_owned());
        let cases = [
            (RawStripe { secret_key: text("pk_test_1234"), ..account() }, "secret_key is (not shown)"),
            (RawStripe { secret_key: text("sk_\n12345"), ..account() }, "secret_key is (not shown)"),
            (RawStripe { publishable_key: text("sk_test_1234"), ..account() }, "publishable_key is 12 bytes"),
            (
                RawStripe { webhook_secrets: List::Text("short".into()), ..account() },
                "webhook_secrets is 5 bytes",
            ),
            (RawStripe { base_url: text("http://stripe.example"), ..account() }, "base_url is http://stripe"),
            (
                RawStripe { script_url: text("http://stripe.example/v3/"), ..account() },
                "script_url is http://stripe",
            ),
            (
                RawStripe { script_url: text("https://a.example/; x"), ..account() },
                "allowed is an address without",
            ),
            (RawStripe { webhook_tolerance_s: text("86400"), ..account() }, "allowed is from 10 to 3600"),
            (RawStripe { buyer_acts_within_s: text("1"), ..account() }, "allowed is from 60 to 86400"),
        ];
        for (settings, expected) in cases {
            let message = with(settings).unwrap_err();
            assert!(message.contains(expected) && !message.contains("sk_test_1234"), "{message}");
        }
    }
}
