//! What every store of waiting rooms has to do: the contract of `onsale_app::ports::waiting_room`, case by case.
//!
//! Invariant: a case gets an empty store of its own and waits for no wall clock: time passes only through
//! [`super::hot::TestTime`]. Expectations are written down as numbers, not computed by the rules they check.

use std::sync::Arc;

use onsale_app::ports::{clock::Clock, waiting_room::WaitingRooms};

use super::hot::TestTime;

pub mod admitting;
pub mod drawing;
pub mod entering;
pub mod joining;
pub mod organizing;
mod stage;

pub use stage::RoomStage;

/// A store of waiting rooms, empty, and its time. Nobody else uses it while a case runs.
#[derive(Clone)]
pub struct RoomsUnderTest {
    /// The store.
    pub rooms: Arc<dyn WaitingRooms>,
    /// What time it is for the store.
    pub clock: Arc<dyn Clock>,
    /// Lets it pass.
    pub time: Arc<dyn TestTime>,
}

/// Makes every case of the suite a test, for an `async fn make() -> (RoomsUnderTest, impl Sized)` in scope. The second
/// value is kept until the case is over.
#[macro_export]
macro_rules! room_conformance {
    ($make:path) => {
        $crate::conformance_tests!($make, rooms {
            joining:
                nothing_works_before_beginning,
                begins_once,
                one_of_many_begins_wins,
                places_are_numbered_in_the_order_of_joining,
                asking_again_gives_the_same_place,
                a_buyers_place_is_found,
                one_address_has_one_place,
                who_left_joins_again_at_the_end,
                rooms_know_nothing_of_each_other,
                many_at_once_get_a_place_each_in_the_order_of_their_sequences,
                one_buyer_many_times_at_once_gets_one_place;
            drawing:
                the_lobby_has_no_order_and_keeps_its_secret,
                the_lobby_closes_at_its_time_and_once,
                the_draw_can_be_checked_by_anybody,
                who_comes_later_stands_behind_the_lobby,
                leaving_the_lobby_and_coming_back_is_no_second_chance,
                entries_come_in_portions;
            admitting:
                calls_in_the_order_of_the_line,
                calls_no_faster_than_the_rate,
                many_nodes_call_no_faster_than_one,
                calls_no_more_than_have_room,
                who_left_is_passed_over,
                a_turn_not_claimed_is_missed,
                calls_no_more_than_there_is_something_left_for,
                a_sold_out_event_tells_everybody_and_closes,
                a_line_for_returns_stays;
            entering:
                a_turn_is_claimed_once_and_the_answer_stays,
                nobody_enters_before_the_turn,
                a_place_is_only_its_holders,
                a_place_inside_ends_by_completing,
                a_place_inside_ends_by_its_time,
                what_is_free_goes_to_those_at_the_door,
                many_at_once_never_exceed_the_room;
            organizing:
                a_pause_stops_the_calls_and_nothing_else,
                rate_and_room_are_set_by_hand,
                closed_means_nobody_joins_or_enters,
                setting_the_same_again_changes_nothing;
        });
    };
}
