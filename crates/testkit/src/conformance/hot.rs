//! What every hot store has to do: the contract of `onsale_app::ports::hot`, case by case.
//!
//! Invariant: a case gets an empty store of its own and waits for no wall clock: time passes only through
//! [`TestTime`]. Holds that are not meant to lapse last a minute, so a store on real time may take its time.

use std::sync::Arc;

use async_trait::async_trait;
use onsale_app::ports::hot::{ChangeFeed, ChangeLog, Reservations, Stock};

pub mod blocks;
pub mod feed;
pub mod holds;
pub mod keys;
pub mod lapses;
pub mod loading;
pub mod log;
pub mod payments;
pub mod races;
pub mod sales;
mod stage;

pub use stage::{Stage, changes_of, conserves};

/// Lets time pass for a store under test.
#[async_trait]
pub trait TestTime: Send + Sync {
    /// Lets so many milliseconds pass. When it returns, what is due has lapsed and shows everywhere. A store on
    /// a manual clock moves that and lets it expire what is due; a store on a clock of its own shifts it, or sleeps.
    async fn advance_ms(&self, ms: u64);

    /// How far the store's time may run on by itself while a case runs, in milliseconds: 0 where it stands
    /// still between calls of [`TestTime::advance_ms`]. The model then keeps clear of exact boundaries.
    fn drift_ms(&self) -> u64 {
        0
    }
}

/// A hot store, empty, and its time. Nobody else uses it while a case runs.
#[derive(Clone)]
pub struct HotUnderTest {
    /// The lease.
    pub reservations: Arc<dyn Reservations>,
    /// The stock.
    pub stock: Arc<dyn Stock>,
    /// The record.
    pub log: Arc<dyn ChangeLog>,
    /// What tells of news.
    pub feed: Arc<dyn ChangeFeed>,
    /// Its time.
    pub time: Arc<dyn TestTime>,
}

/// Makes every case of the hot suite a test, for an `async fn make() -> (HotUnderTest, impl Sized)` in scope. The
/// second value is kept until the case is over: a temporary folder, a private server.
#[macro_export]
macro_rules! hot_conformance {
    ($make:path) => {
        $crate::conformance_tests!($make, hot {
            loading:
                nothing_works_before_loading,
                loads_once,
                one_of_many_loads_wins,
                a_fresh_stock_is_all_free,
                an_image_goes_on_where_it_was_taken,
                positions_and_fences_are_of_the_epoch_loaded,
                refuses_commands_after_shutting_down;
            holds:
                holds_named_seats,
                holds_all_or_none,
                says_which_seats_are_taken,
                refuses_seats_that_are_none,
                refuses_areas_that_are_none,
                picks_free_places_of_an_area,
                sells_an_area_out_exactly,
                picks_the_best_of_a_category,
                limits_what_one_owner_may_have,
                what_an_owner_gives_back_no_longer_counts,
                refuses_a_name_that_is_in_use,
                cancels_once_and_again,
                cancels_for_the_owner_only,
                lists_the_live_holds_of_an_owner,
                finds_live_and_ended_holds;
            keys:
                a_repeat_answers_with_the_first_hold,
                a_repeat_answers_after_the_hold_ended,
                another_request_under_the_key_is_a_mismatch,
                keys_belong_to_their_owners,
                a_refused_request_does_not_use_up_its_key,
                a_key_makes_one_hold_among_many_at_once;
            lapses:
                a_hold_lapses_once,
                nobody_can_use_a_lapsed_hold,
                an_extension_lasts_from_now,
                an_extended_hold_lapses_later,
                extensions_are_limited,
                extends_for_the_owner_only,
                a_lapsed_hold_leaves_other_holds_alone;
            payments:
                a_paying_hold_does_not_lapse,
                a_paying_hold_can_be_neither_cancelled_nor_extended,
                beginning_again_under_the_same_order_is_no_mistake,
                another_order_cannot_begin_meanwhile,
                begins_for_the_owner_only,
                ending_a_payment_leaves_what_was_left,
                ending_a_payment_leaves_the_grace_at_least,
                a_stale_step_touches_nothing,
                a_step_of_an_ended_payment_touches_nothing,
                lists_what_has_been_paying_for_long;
            sales:
                sells_what_is_paying,
                selling_twice_sells_once,
                cannot_sell_what_is_not_paying,
                a_late_sale_does_not_touch_the_next_holder,
                an_ended_hold_says_how_it_ended,
                gives_back_what_the_order_has,
                gives_back_only_what_the_order_still_has,
                gives_back_places_of_an_area;
            blocks:
                blocks_and_unblocks,
                blocks_all_or_none,
                blocks_seats_only,
                blocking_again_changes_nothing;
            log:
                every_change_is_in_the_log_in_order,
                a_command_is_found_under_its_sequence,
                a_refusal_leaves_no_trace,
                comes_again_until_it_is_acknowledged,
                says_what_is_not_acknowledged,
                waits_for_the_first_change,
                performances_do_not_mix;
            feed:
                a_change_moves_the_mark,
                what_lapses_moves_the_mark,
                everybody_who_watches_is_told,
                a_mark_that_moved_shows_the_change;
            races:
                one_of_a_hundred_gets_the_seat,
                overlapping_sets_never_split_a_seat,
                an_area_sells_exactly_what_it_has,
                one_owner_cannot_outrun_the_limit,
                one_of_many_begins_the_payment,
                everything_adds_up_after_a_storm;
        });
    };
}
