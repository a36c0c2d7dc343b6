//! The simulated provider keeps the contract of the port.

use std::sync::Arc;

use onsale_domain::{ids::AccountId, money::Currency};
use uuid::Uuid;

use super::*;

fn won(amount: i64) -> Money {
    Money::new(amount, Currency::KRW)
}

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn charge(number: u128, amount: i64) -> Charge {
    Charge {
        order: order(number),
        account: AccountId(Uuid::from_u128(1)),
        amount: won(amount),
        instrument: None,
    }
}

fn repayment(refund: u128, of: u128, amount: Money) -> Repayment {
    Repayment { refund: RefundId(Uuid::from_u128(refund)), order: order(of), amount }
}

fn bank(failure_rate: f64) -> Simulated {
    Simulated::new(SimulatedSettings { failure_rate, delay_ms: 0 })
}

fn captured(charged: &Charged) -> bool {
    matches!(charged, Charged::Captured(_))
}

#[tokio::test]
async fn a_repeat_answers_the_same_also_from_new_books() {
    let (before, after) = (bank(0.5), bank(0.5));
    for number in 0..200 {
        let first = before.charge(&charge(number, 10)).await.unwrap();
        assert_eq!(before.charge(&charge(number, 10)).await.unwrap(), first);
        assert_eq!(after.charge(&charge(number, 10)).await.unwrap(), first, "a restart changes nothing");
    }
    assert_eq!(before.books().len(), 200);
}

#[tokio::test]
async fn the_failure_rate_is_the_share_of_declined_orders() {
    for (rate, least, most) in [
        (0.0, 0, 0),
        (-3.0, 0, 0),
        (f64::NAN, 0, 0),
        (0.2, 340, 460),
        (1.0, 2_000, 2_000),
        (7.0, 2_000, 2_000),
    ] {
        let bank = bank(rate);
        let mut declined = 0;
        for number in 0..2_000 {
            declined += i32::from(!captured(&bank.charge(&charge(number, 10)).await.unwrap()));
        }
        assert!((least..=most).contains(&declined), "{declined} of 2000 declined at rate {rate}");
    }
}

#[tokio::test]
async fn a_settled_order_cannot_be_charged_any_more() {
    let bank = bank(0.0);
    assert_eq!(bank.settle(order(1)).await.unwrap(), Settled::Dead);
    assert!(!captured(&bank.charge(&charge(1, 10)).await.unwrap()));
    assert_eq!(bank.settle(order(1)).await.unwrap(), Settled::Dead);
}

#[tokio::test]
async fn settling_a_captured_order_says_so_and_a_declined_one_is_dead() {
    let willing = bank(0.0);
    let Charged::Captured(reference) = willing.charge(&charge(1, 10)).await.unwrap() else {
        panic!("declined at rate 0")
    };
    assert_eq!(willing.settle(order(1)).await.unwrap(), Settled::Captured(reference));
    let strict = bank(1.0);
    assert!(!captured(&strict.charge(&charge(1, 10)).await.unwrap()));
    assert_eq!(strict.settle(order(1)).await.unwrap(), Settled::Dead);
}

#[tokio::test]
async fn each_refund_happens_once_and_all_never_exceed_what_was_captured() {
    let bank = bank(0.0);
    bank.charge(&charge(1, 10)).await.unwrap();
    assert!(bank.refund(&repayment(1, 1, won(11))).await.is_err());
    assert!(bank.refund(&repayment(1, 1, won(-1))).await.is_err());
    assert!(bank.refund(&repayment(1, 1, Money::new(10, "USD".parse().unwrap()))).await.is_err());
    assert_eq!(bank.books()[&order(1)], Entry::Captured(won(10)), "a refused refund moves nothing");
    bank.refund(&repayment(1, 1, won(4))).await.unwrap();
    bank.refund(&repayment(1, 1, won(4))).await.unwrap();
    assert!(bank.refund(&repayment(1, 1, won(5))).await.is_err(), "another refund has another id");
    let in_part = Entry::Refunded { captured: won(10), returned: won(4) };
    assert_eq!(bank.books()[&order(1)], in_part);
    assert!(bank.refund(&repayment(2, 1, won(7))).await.is_err());
    bank.refund(&repayment(2, 1, won(6))).await.unwrap();
    let refunded = Entry::Refunded { captured: won(10), returned: won(10) };
    assert_eq!(bank.books()[&order(1)], refunded);
    assert!(captured(&bank.charge(&charge(1, 10)).await.unwrap()), "it was captured, once");
    assert_eq!(bank.books()[&order(1)], refunded, "and the repeat took nothing");
}

#[tokio::test]
async fn refunds_of_unknown_orders_are_accepted_and_of_dead_ones_refused() {
    let bank = bank(0.0);
    bank.refund(&repayment(1, 1, won(10))).await.unwrap();
    assert!(bank.books().is_empty());
    bank.settle(order(2)).await.unwrap();
    assert!(bank.refund(&repayment(1, 2, won(10))).await.is_err());
}

#[tokio::test]
async fn another_amount_under_the_same_order_is_an_error() {
    let bank = bank(0.0);
    bank.charge(&charge(1, 10)).await.unwrap();
    assert!(bank.charge(&charge(1, 11)).await.is_err());
    assert!(bank.charge(&charge(2, -1)).await.is_err());
    assert_eq!(bank.books().len(), 1);
}

#[tokio::test]
async fn the_books_are_bounded() {
    let bank = bank(0.0);
    for number in 0..=MAX_ENTRIES as u128 {
        bank.charge(&charge(number, 10)).await.unwrap();
    }
    let books = bank.books();
    assert_eq!(books.len(), MAX_ENTRIES);
    assert!(!books.contains_key(&order(0)), "the oldest went");
    assert!(books.contains_key(&order(MAX_ENTRIES as u128)));
}

#[tokio::test(start_paused = true)]
async fn settle_can_overtake_a_charge_and_an_answer_can_be_lost() {
    let bank = Arc::new(Simulated::new(SimulatedSettings { failure_rate: 0.0, delay_ms: 100 }));
    let slow = tokio::spawn({
        let bank = Arc::clone(&bank);
        async move { bank.charge(&charge(1, 10)).await.unwrap() }
    });
    tokio::task::yield_now().await;
    assert!(bank.books().is_empty(), "the request is still under way");
    assert_eq!(bank.close(order(1)), Settled::Dead);
    assert!(!captured(&slow.await.unwrap()));

    let lost = tokio::time::timeout(Duration::from_millis(70), bank.charge(&charge(2, 10))).await;
    assert!(lost.is_err(), "the caller gave up before the answer came");
    assert!(matches!(bank.settle(order(2)).await.unwrap(), Settled::Captured(_)));
}
