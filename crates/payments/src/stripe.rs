//! Stripe: one PaymentIntent for each order.
//!
//! Invariants: an intent is confirmed, or its client secret given out, only after the ledger has noted its name for
//! the order; where the ledger has noted that there is none ([`NEVER_BEGUN`]), nothing is ever confirmed for that
//! order, so it is dead without anybody being asked; what Stripe has cancelled cannot succeed any more. What an event
//! says is never believed: it is a reason to look.
//!
//! Card numbers do not come this way: the buyer's browser gives them to Stripe and gets a name for them, or pays there
//! with the client secret. Only names of intents are stored.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    clock::Clock,
    ledger::{Order, Orders},
    payments::{
        BUYER_ACTS_WITHIN_MS, Balance, BuyerAction, Charge, Charged, Decline, DeclineCode, Delivery,
        Instrument, Notice, PageForm, PaymentProvider, ProviderError, Repayment, Settled, Standing,
    },
};
use onsale_domain::{ids::OrderId, time::Timestamp};
use sha2::{Digest, Sha256};

mod amounts;
mod client;
mod declines;
mod objects;
mod signature;

use amounts::{from_stripes_units, in_stripes_units};
use client::{ErrorBody, Failure, Refusal, StripeClient};
use objects::{Event, Intent, RefundList, RefundObject};

/// Where Stripe is.
pub const BASE_URL: &str = "https://api.stripe.com";

/// Where its script for browsers is.
pub const SCRIPT_URL: &str = "https://js.stripe.com/v3/";

/// How old a webhook's signature may be, seconds, unless told.
pub const TOLERANCE_S: u64 = 300;

/// The most items of a list that Stripe gives at once.
const MOST_REFUNDS: u32 = 100;

/// Noted instead of an intent's name: there is none for this order, and there will be none.
const NEVER_BEGUN: &str = "never begun";

/// Who says what an intent is paid with: we, on behalf of a buyer who has told us, or the buyer, to Stripe.
const SELLER: &str = "seller";
const BUYER: &str = "buyer";

const CANCELLED: &str = "cancelled before it was charged";
const NOT_CHARGEABLE: &str = "this amount cannot be paid by card";

/// How to reach Stripe, and as whom.
#[derive(Clone)]
pub struct StripeSettings {
    /// The account's secret or restricted key.
    pub secret_key: String,
    /// The key that names the account to Stripe's script in the browser.
    pub publishable_key: Option<String>,
    /// What webhooks are signed with; several while one replaces another. Without any, none is taken.
    pub webhook_secrets: Vec<Vec<u8>>,
    /// How old a webhook's signature may be, seconds.
    pub tolerance_s: u64,
    /// Another place than [`BASE_URL`], for tests.
    pub base_url: String,
    /// Another place than [`SCRIPT_URL`], for tests.
    pub script_url: String,
    /// How long a buyer may take to do what is asked of them, milliseconds.
    pub buyer_acts_within_ms: u64,
}

impl StripeSettings {
    /// The account of a key, with defaults otherwise.
    pub fn of(secret_key: &str) -> Self {
        Self {
            secret_key: secret_key.to_owned(),
            publishable_key: None,
            webhook_secrets: Vec::new(),
            tolerance_s: TOLERANCE_S,
            base_url: BASE_URL.to_owned(),
            script_url: SCRIPT_URL.to_owned(),
            buyer_acts_within_ms: BUYER_ACTS_WITHIN_MS,
        }
    }
}

/// Settings with which Stripe cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("stripe cannot be used: {0}")]
pub struct BadStripeSettings(String);

/// Stripe as a provider.
pub struct Stripe {
    client: StripeClient,
    orders: Arc<dyn Orders>,
    clock: Arc<dyn Clock>,
    settings: StripeSettings,
}

impl Stripe {
    /// A provider for the account of a key. Nobody is asked yet.
    pub fn new(
        settings: StripeSettings,
        orders: Arc<dyn Orders>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadStripeSettings> {
        let client =
            StripeClient::new(&settings.base_url, &settings.secret_key).map_err(BadStripeSettings)?;
        Ok(Self { client, orders, clock, settings })
    }

    async fn create(&self, charge: &Charge, amount: i64) -> Result<(Intent, bool), Failure> {
        let (amount, currency) = (amount.to_string(), charge.amount.currency.as_str().to_ascii_lowercase());
        let order = charge.order.to_string();
        let confirmed_by = if charge.instrument.is_some() { SELLER } else { BUYER };
        let parameters = [
            ("amount", amount.as_str()),
            ("currency", currency.as_str()),
            ("payment_method_types[]", "card"),
            ("capture_method", "automatic"),
            ("metadata[order_id]", order.as_str()),
            ("metadata[confirmed_by]", confirmed_by),
        ];
        let key = format!("onsale-{order}-create");
        let answer = self.client.post("/v1/payment_intents", &parameters, &key).await?;
        Ok((answer.body, answer.is_repeated))
    }

    async fn intent(&self, id: &str) -> Result<Intent, Failure> {
        self.client.get(&format!("/v1/payment_intents/{id}")).await
    }

    /// The intent of an order as it is now, noted in the ledger; `None` where the order has been ended before.
    async fn begun(&self, charge: &Charge, amount: i64) -> Result<Option<Intent>, Failure> {
        let (intent, is_repeated) = self.create(charge, amount).await?;
        let named = self
            .orders
            .name_payment(charge.order, &intent.id, self.clock.now())
            .await
            .map_err(|error| Failure::NoAnswer(error.to_string()))?;
        match named {
            None => Err(Failure::NoAnswer("a charge for an order that is not in the ledger".to_owned())),
            Some(name) if name == NEVER_BEGUN => Ok(None),
            Some(name) if name == intent.id && !is_repeated => Ok(Some(intent)),
            // Made by an earlier call; how it stands now is another question than how it stood then.
            Some(name) => self.intent(&name).await.map(Some),
        }
    }

    async fn confirm(
        &self,
        order: OrderId,
        intent: &Intent,
        with: &Instrument,
    ) -> Result<Charged, ProviderError> {
        let digest = Sha256::digest(with.name().as_bytes());
        // Another card is another request, and has another key.
        let key = format!("onsale-{order}-confirm-{}", hex::encode(&digest[..8]));
        let parameters = [("payment_method", with.name()), ("use_stripe_sdk", "true")];
        let path = format!("/v1/payment_intents/{}/confirm", intent.id);
        match self.client.post::<Intent>(&path, &parameters, &key).await {
            Ok(answer) if answer.is_repeated => {
                let now = self.intent(&intent.id).await.map_err(no_answer)?;
                self.charged(order, &now, None).await
            }
            Ok(answer) => self.charged(order, &answer.body, None).await,
            Err(Failure::Refused(refusal)) => {
                // The card, the instrument, or the intent, which is not as it was: that is a matter of how it stands.
                let now = self.intent(&intent.id).await.map_err(no_answer)?;
                self.charged(order, &now, Some(refusal)).await
            }
            Err(failure) => Err(no_answer(failure)),
        }
    }

    /// What an intent as it stands means for a charge that was just tried with an instrument. One that failed is
    /// ended here, so that the order stays declined.
    async fn charged(
        &self,
        order: OrderId,
        intent: &Intent,
        refusal: Option<Refusal>,
    ) -> Result<Charged, ProviderError> {
        let reason = match self.standing(intent) {
            Standing::Captured(reference) => return Ok(Charged::Captured(reference)),
            Standing::AwaitsBuyer(action) => return Ok(Charged::AwaitsBuyer(action)),
            Standing::Dead => return Ok(Charged::Declined(Decline::because(CANCELLED))),
            Standing::Open if !intent.is_unpaid() => {
                return Err(ProviderError(format!("{} is {}", intent.id, intent.status)));
            }
            Standing::Failed(reason) => reason,
            Standing::Open | Standing::AwaitsInstrument(_) => String::new(),
        };
        let error = match refusal.filter(|refusal| refusal.status == 402) {
            Some(Refusal { code, message, decline_code, .. }) => {
                ErrorBody { code: Some(code), message: Some(message), decline_code }
            }
            None => intent.last_payment_error.clone().unwrap_or_default(),
        };
        let said = error.message.clone().filter(|said| !said.is_empty()).unwrap_or(reason);
        match self.end(order, &intent.id).await? {
            Settled::Captured(reference) => Ok(Charged::Captured(reference)),
            Settled::Dead => Ok(Charged::Declined(Decline {
                code: declines::code_of(&error),
                words: if said.is_empty() { "the card was not accepted".to_owned() } else { said },
            })),
        }
    }

    fn standing(&self, intent: &Intent) -> Standing {
        match intent.status.as_str() {
            "succeeded" => Standing::Captured(intent.id.clone()),
            "canceled" => Standing::Dead,
            "requires_action" => Standing::AwaitsBuyer(self.action(intent)),
            // Also after a card was declined: Stripe lets the buyer try another.
            "requires_payment_method" if intent.is_confirmed_by_buyer() => {
                Standing::AwaitsInstrument(self.action(intent))
            }
            "requires_payment_method" => match &intent.last_payment_error {
                Some(error) => Standing::Failed(error.message.clone().unwrap_or_default()),
                None => Standing::Open,
            },
            _ => Standing::Open,
        }
    }

    fn action(&self, intent: &Intent) -> BuyerAction {
        let redirect = intent.next_action.as_ref().and_then(|action| action.redirect_to_url.as_ref());
        match redirect.and_then(|redirect| redirect.url.clone()) {
            Some(url) => BuyerAction::Redirect { url },
            None => BuyerAction::InPage {
                client_secret: intent.client_secret.clone().unwrap_or_default(),
                publishable_key: self.settings.publishable_key.clone(),
            },
        }
    }

    /// Cancels an intent, unless it has succeeded.
    async fn end(&self, order: OrderId, intent: &str) -> Result<Settled, ProviderError> {
        // A key of its own for each attempt: Stripe would repeat that it could not be cancelled then.
        let key = format!("onsale-{order}-cancel-{}", self.clock.now().as_millis());
        let path = format!("/v1/payment_intents/{intent}/cancel");
        let now = match self.client.post::<Intent>(&path, &[], &key).await {
            Ok(answer) => answer.body,
            Err(Failure::Refused(_)) => self.intent(intent).await.map_err(no_answer)?,
            Err(failure) => return Err(no_answer(failure)),
        };
        match self.standing(&now) {
            Standing::Captured(reference) => Ok(Settled::Captured(reference)),
            Standing::Dead => Ok(Settled::Dead),
            _ => Err(ProviderError(format!("{intent} is {} and cannot be cancelled now", now.status))),
        }
    }

    /// Gives money back, unless Stripe has this refund. It remembers a key for a day at least, and a refund may be asked
    /// for again after a longer outage: what it has is looked up by our name for it.
    async fn give_back(&self, repayment: &Repayment, intent: &str, amount: i64) -> Result<(), ProviderError> {
        let (amount, order) = (amount.to_string(), repayment.order.to_string());
        let refund = repayment.refund.to_string();
        let made = self.refunds_of(intent).await.map_err(no_answer)?;
        let known = made.into_iter().find(|made| made.metadata.get("refund_id") == Some(&refund));
        let made = if let Some(known) = known {
            known
        } else {
            let parameters = [
                ("payment_intent", intent),
                ("amount", amount.as_str()),
                ("metadata[order_id]", order.as_str()),
                ("metadata[refund_id]", refund.as_str()),
            ];
            let key = format!("onsale-{refund}-refund");
            match self.client.post::<RefundObject>("/v1/refunds", &parameters, &key).await {
                Ok(answer) => answer.body,
                // By a person at Stripe, or before refunds had names: the buyer has all of it.
                Err(Failure::Refused(refusal)) if refusal.code == "charge_already_refunded" => return Ok(()),
                Err(failure) => return Err(no_answer(failure)),
            }
        };
        if made.has_failed() {
            return Err(ProviderError(format!("a refund of {intent} has failed at stripe")));
        }
        Ok(())
    }

    /// All refunds of an intent: not more than an order has units, which is less than a page of Stripe's.
    async fn refunds_of(&self, intent: &str) -> Result<Vec<RefundObject>, Failure> {
        let path = format!("/v1/refunds?payment_intent={intent}&limit={MOST_REFUNDS}");
        self.client.get::<RefundList>(&path).await.map(|list| list.data)
    }

    /// What Stripe calls the payment of an order, where it was begun.
    async fn intent_of(&self, order: OrderId) -> Result<Option<String>, ProviderError> {
        let known = self.order(order).await?.and_then(|order| order.reference);
        Ok(known.filter(|name| name != NEVER_BEGUN))
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, ProviderError> {
        self.orders.order(id).await.map_err(out_of_reach)
    }
}

fn not_chargeable() -> Charged {
    Charged::Declined(Decline { code: DeclineCode::AmountNotAccepted, words: NOT_CHARGEABLE.to_owned() })
}

fn no_answer(failure: Failure) -> ProviderError {
    match failure {
        Failure::Refused(Refusal { status, code, message, .. }) => {
            ProviderError(format!("refused with status {status} {code} {message}"))
        }
        Failure::NoAnswer(words) => ProviderError(words),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn out_of_reach(error: StoreError) -> ProviderError {
    ProviderError(error.to_string())
}

#[async_trait]
impl PaymentProvider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn page_form(&self) -> Option<PageForm> {
        let publishable_key = self.settings.publishable_key.clone()?;
        let script_url = self.settings.script_url.clone();
        let owned = |sources: &[&str]| sources.iter().map(|source| (*source).to_owned()).collect();
        // From docs.stripe.com/security/guide, Content Security Policy.
        let (mut scripts, mut frames, mut calls): (Vec<String>, Vec<String>, Vec<String>) = (
            owned(&["https://js.stripe.com", "https://*.js.stripe.com"]),
            owned(&["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"]),
            owned(&["https://api.stripe.com"]),
        );
        if script_url != SCRIPT_URL {
            let origin = reqwest::Url::parse(&script_url).ok()?.origin().ascii_serialization();
            for sources in [&mut scripts, &mut frames, &mut calls] {
                *sources = vec![origin.clone()];
            }
        }
        Some(PageForm {
            script_url,
            publishable_key,
            script_sources: scripts,
            frame_sources: frames,
            connect_sources: calls,
        })
    }

    async fn charge(&self, charge: &Charge) -> Result<Charged, ProviderError> {
        let Some(amount) = in_stripes_units(charge.amount) else {
            return Ok(not_chargeable());
        };
        let intent = match self.begun(charge, amount).await {
            Ok(Some(intent)) => intent,
            Ok(None) => return Ok(Charged::Declined(Decline::because(CANCELLED))),
            Err(Failure::Refused(refusal)) => {
                // No intent, and with these parameters there never will be one: the amount is below the least that
                // Stripe takes, say, or the account may not take this currency.
                tracing::warn!(order = %charge.order, status = refusal.status, code = refusal.code, "refused by stripe");
                return Ok(not_chargeable());
            }
            Err(failure) => return Err(no_answer(failure)),
        };
        match (self.standing(&intent), &charge.instrument) {
            (Standing::AwaitsInstrument(_) | Standing::Open, Some(instrument)) if intent.is_unpaid() => {
                self.confirm(charge.order, &intent, instrument).await
            }
            (Standing::AwaitsInstrument(action), _) => Ok(Charged::AwaitsBuyer(action)),
            _ => self.charged(charge.order, &intent, None).await,
        }
    }

    async fn settle(&self, order: OrderId) -> Result<Settled, ProviderError> {
        let Some(known) = self.order(order).await? else { return Ok(Settled::Dead) };
        let name = match known.reference {
            Some(name) => Some(name),
            None => {
                self.orders.name_payment(order, NEVER_BEGUN, self.clock.now()).await.map_err(out_of_reach)?
            }
        };
        let Some(name) = name.filter(|name| name != NEVER_BEGUN) else { return Ok(Settled::Dead) };
        let intent = self.intent(&name).await.map_err(no_answer)?;
        match self.standing(&intent) {
            Standing::Captured(reference) => Ok(Settled::Captured(reference)),
            Standing::Dead => Ok(Settled::Dead),
            _ => self.end(order, &name).await,
        }
    }

    async fn refund(&self, repayment: &Repayment) -> Result<(), ProviderError> {
        let name = self.intent_of(repayment.order).await?;
        let (Some(name), Some(amount)) = (name, in_stripes_units(repayment.amount)) else {
            return Err(ProviderError("a refund of what was never charged".to_owned()));
        };
        self.give_back(repayment, &name, amount).await
    }

    async fn balance(&self, order: OrderId) -> Result<Option<Balance>, ProviderError> {
        let known = self.order(order).await?;
        let Some((total, Some(name))) = known.map(|order| (order.total, order.reference)) else {
            return Ok(None);
        };
        if name == NEVER_BEGUN {
            return Ok(None);
        }
        let intent = self.intent(&name).await.map_err(no_answer)?;
        let refunds = self.refunds_of(&name).await.map_err(no_answer)?;
        let returned: i64 =
            refunds.iter().filter(|refund| !refund.has_failed()).map(|refund| refund.amount).sum();
        let captured = if intent.status == "succeeded" { intent.amount } else { 0 };
        Ok(from_stripes_units(captured, total.currency)
            .zip(from_stripes_units(returned, total.currency))
            .map(|(captured, returned)| Balance { captured, returned }))
    }

    async fn look_up(&self, order: OrderId) -> Result<Standing, ProviderError> {
        match self.order(order).await?.and_then(|order| order.reference) {
            None => Ok(Standing::Open),
            Some(name) if name == NEVER_BEGUN => Ok(Standing::Dead),
            Some(name) => self.intent(&name).await.map(|intent| self.standing(&intent)).map_err(no_answer),
        }
    }

    fn buyer_acts_within_ms(&self) -> u64 {
        self.settings.buyer_acts_within_ms
    }

    fn notice(&self, delivery: &Delivery<'_>, now: Timestamp) -> Option<Notice> {
        let body = delivery.body;
        let Some(signature) = delivery.headers.get(signature::HEADER) else {
            return Some(Notice::Refused("there is no signature"));
        };
        let (secrets, tolerance_s) = (&self.settings.webhook_secrets, self.settings.tolerance_s);
        if let Err(why) = signature::check(signature, body, secrets, now, tolerance_s) {
            return Some(Notice::Refused(why));
        }
        let Ok(event) = serde_json::from_slice::<Event>(body) else {
            // Genuine, and of a form that this version does not know.
            return Some(Notice::Unrelated);
        };
        let object = event.data.object;
        let is_intent = object.object.as_deref() == Some("payment_intent");
        let order = object.metadata.get("order_id").and_then(|id| id.as_str()?.parse().ok());
        Some(order.filter(|_| is_intent).map_or(Notice::Unrelated, Notice::About))
    }
}

#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod tests;
