//! What every ledger has to do: the contract of `onsale_app::ports::ledger`, case by case.
//!
//! Invariant: a case gets an empty ledger of its own, and makes first what its things belong to, so that a ledger
//! with foreign keys is as good as one without.

pub mod accounts;
pub mod actions;
pub mod books;
pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod images;
pub mod keys;
pub mod logins;
pub mod orders;
pub mod performances;
pub mod personal_data;
pub mod races;
pub mod refunds;
pub mod reservations;
pub mod seating_plans;
pub mod settling;
mod stage;
pub mod tickets;
pub mod wallets;
pub mod wishes;

/// Makes every case of the ledger suite a test, for an `async fn make() -> (Arc<dyn Ledger>, impl Sized)` in scope.
/// The second value is kept until the case is over: a temporary folder, a private server.
#[macro_export]
macro_rules! ledger_conformance {
    ($make:path) => {
        $crate::conformance_tests!($make, ledger {
            accounts:
                an_account_comes_back_as_it_was,
                an_address_belongs_to_one_account,
                one_of_many_sign_ups_gets_the_address,
                an_identity_of_a_gateway_has_one_account,
                one_account_for_many_arrivals_of_an_identity,
                roles_are_given;
            logins:
                a_token_leads_to_the_next,
                a_token_used_twice_ends_the_login,
                one_of_many_uses_of_a_token_counts,
                unknown_and_expired_tokens_lead_nowhere,
                a_login_ends_by_its_token,
                a_login_ends_by_its_name,
                an_account_is_known_where_it_has_logged_in;
            events:
                an_event_comes_back_as_it_was,
                events_are_listed_newest_first,
                updating_replaces_what_may_change,
                an_organizer_lists_their_own,
                deleting_takes_the_performances_along,
                an_event_with_orders_stays,
                a_failed_order_does_not_keep_an_event;
            seating_plans:
                a_plan_comes_back_as_it_was,
                plans_are_listed_newest_first,
                a_grid_is_remembered;
            performances:
                a_performance_comes_back_with_a_number,
                numbers_are_given_once,
                performances_are_listed_in_order_of_creation,
                a_performance_is_rescheduled,
                epochs_count_up,
                an_epoch_is_given_once;
            keys:
                a_key_makes_one_event,
                a_key_makes_one_plan,
                a_key_makes_one_performance,
                a_key_tops_up_once,
                a_key_among_many_at_once_makes_one_thing,
                everything_may_be_called_again;
            reservations:
                a_hold_is_written_down,
                a_hold_is_followed_to_each_end,
                a_key_leads_to_its_hold_for_a_day,
                a_batch_may_come_again,
                an_old_batch_does_not_turn_back_a_newer_state,
                history_goes_on_in_the_next_epoch,
                what_an_epoch_left_behind_is_closed,
                one_batch_may_be_of_many_performances,
                reservations_are_listed_newest_first,
                reservations_are_gone_through_by_id;
            images:
                nothing_recorded_is_an_untouched_stock,
                holds_are_in_the_image_until_they_lapse,
                a_paying_order_is_a_paying_hold,
                a_paying_order_needs_no_reservation_written_down,
                a_payment_that_never_claimed_is_a_hold,
                a_paid_order_is_a_sale,
                what_is_refunded_is_free_unless_it_is_kept,
                the_claims_of_orders_win,
                blocked_seats_are_blocked,
                images_of_performances_do_not_mix;
            orders:
                an_order_comes_back_as_it_was,
                beginning_again_says_how_it_stands,
                says_which_units_are_taken,
                a_refused_order_leaves_no_trace,
                one_of_many_orders_has_the_unit,
                performances_have_their_own_units,
                a_later_attempt_replaces_an_earlier_one,
                a_later_attempt_does_not_replace_a_paid_one,
                a_key_points_at_its_order,
                a_key_of_a_failed_order_points_at_the_next,
                paid_orders_are_listed_newest_first,
                open_orders_are_listed_oldest_first,
                orders_of_an_event_are_found;
            settling:
                a_payment_is_named_once,
                of_many_names_at_once_one_stands,
                pays_once,
                fails_once_and_frees_the_units,
                an_order_is_settled_one_way,
                unknown_orders_are_not_found,
                an_order_voided_before_it_began_cannot_begin,
                voiding_leaves_an_order_that_is_there_as_it_is,
                paid_or_failed_but_never_both;
            refunds:
                refunds_once_and_frees_the_units,
                a_refund_may_keep_the_units,
                kept_units_are_released_one_by_one,
                units_are_refunded_one_by_one,
                a_repeat_finds_the_same_refund,
                units_of_other_orders_are_not_refunded,
                a_refund_is_open_until_it_is_closed,
                a_refunded_unit_has_no_ticket,
                money_that_came_late_is_refunded,
                of_overlapping_refunds_at_once_each_unit_is_in_one,
                refunds_at_once_never_exceed_the_price;
            tickets:
                a_ticket_is_found_by_its_code,
                a_ticket_lets_in_once,
                one_of_fifty_scans_at_once_lets_in,
                only_tickets_of_paid_orders_let_in,
                a_check_in_is_undone,
                those_who_came_are_counted;
            deliveries:
                tickets_go_to_the_buyer_when_the_order_is_paid,
                a_buyer_is_told_of_each_refund,
                a_late_charge_that_goes_back_is_not_told_as_a_refund,
                nothing_is_written_where_there_are_no_letters,
                what_is_claimed_is_nobody_elses_until_the_lease_ends,
                one_of_many_who_claim_at_once_has_it,
                whoever_has_lost_the_claim_settles_nothing,
                a_delivery_is_settled_each_way,
                what_is_due_longest_is_claimed_first,
                letters_are_sent_again_within_limits,
                of_many_who_ask_at_once_one_sends_again,
                what_was_sent_is_forgotten_in_time;
            endpoints:
                an_endpoint_comes_back_as_it_was,
                an_organizer_has_so_many_endpoints,
                orders_are_told_to_whom_asks,
                each_refund_is_told_with_its_seats_and_sum,
                a_replaced_attempt_is_told_as_failed,
                holds_are_told_once_to_whom_asks,
                others_are_told_nothing,
                what_goes_to_an_endpoint_goes_with_it,
                notices_are_listed_newest_first,
                what_was_given_up_is_sent_off_again,
                a_sell_out_is_told_each_time,
                performances_are_watched_for_whom_asks;
            wallets:
                a_wallet_is_empty_at_first,
                topping_up_adds,
                a_charge_takes_the_price_once,
                an_uncovered_charge_moves_nothing,
                fifty_charges_at_once_do_not_overdraw,
                a_charge_among_many_at_once_counts_once,
                settling_ends_an_open_charge,
                settling_against_charging_has_one_answer,
                giving_back_happens_once,
                parts_given_back_never_exceed_the_charge,
                wallets_and_currencies_do_not_mix;
            wishes:
                a_wish_comes_back_as_it_was,
                a_wish_takes_the_place_of_the_one_before,
                a_wish_goes_step_by_step,
                one_of_many_steps_at_once_is_taken,
                many_wishes_at_once_are_one,
                wishes_are_served_by_position,
                a_line_is_there_while_somebody_waits,
                an_offer_is_written_about_once_it_is_noted;
            books:
                the_books_are_read_page_by_page,
                an_order_is_booked_with_all_that_belongs_to_it,
                an_audit_of_an_honest_ledger_finds_nothing;
            personal_data:
                what_is_kept_of_somebody_comes_back,
                who_is_erased_is_nobody,
                what_is_to_come_is_forgotten_when_it_is_over,
                who_manages_or_has_money_is_not_erased,
                guests_are_forgotten_and_accounts_are_not;
            actions:
                what_was_done_comes_back_newest_first;
            races:
                of_many_attempts_at_once_the_last_is_left,
                overlapping_orders_do_not_block_each_other,
                voiding_against_beginning_has_one_answer,
                paying_against_replacing_has_one_answer,
                an_order_settled_by_many_goes_one_way,
                deleting_against_beginning_has_one_answer,
                a_busy_wallet_adds_up,
                a_key_among_many_at_once_tops_up_once,
                what_is_created_many_times_at_once_is_there_once,
                ending_a_login_against_its_rotation_ends_it,
                a_record_written_by_many_at_once_is_written_once,
                an_image_is_of_one_moment;
        });
    };
}
