//! Events and their settings: what an organizer decides, with defaults and limits.
//!
//! Invariant: settings that exist have been checked; unknown keys and values out of range never get in.

use serde::{Deserialize, Serialize};

use crate::{money::Currency, time::Timestamp};

/// Who may buy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuyerIdentity {
    /// Anyone, also without an account.
    #[default]
    Guest,
    /// Only those who have signed up.
    Account,
}

/// Whether an event has a waiting room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingRoomMode {
    /// Everyone goes straight to the seats.
    #[default]
    Off,
    /// Reservations need a pass.
    On,
}

/// What counts as one visitor of the waiting room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnePlacePer {
    /// One place per buyer.
    #[default]
    Buyer,
    /// One place per network address.
    Address,
}

/// What sales does with a buyer without a pass while the waiting room is unreachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnreachable {
    /// 403.
    #[default]
    Refuse,
    /// Let them through.
    Admit,
}

/// What the waiting room does once everything is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSoldOut {
    /// Tells everyone and closes.
    #[default]
    Close,
    /// Stays, as the line for what comes back.
    ReturnLine,
}

/// Settings of the waiting room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaitingRoomSettings {
    /// Whether there is one.
    pub mode: WaitingRoomMode,
    /// When it opens; before that everyone waits in the lobby. `None`: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// How many are let in per second at most.
    pub admit_per_second: u32,
    /// How many may be inside at once.
    pub max_inside: u32,
    /// How long a place inside lasts, seconds.
    pub inside_for_s: u32,
    /// How long somebody whose turn it is may take to enter, seconds.
    pub claim_within_s: u32,
    /// What counts as one visitor.
    pub one_place_per: OnePlacePer,
    /// What to do when the room cannot be reached.
    pub when_unreachable: WhenUnreachable,
    /// What to do when everything is sold.
    pub when_sold_out: WhenSoldOut,
    /// How many zero bits a proof of work for joining has to have; 0: none is asked for. Each doubles the work; 16 take a
    /// phone well below a second.
    pub proof_of_work_bits: u32,
}

impl Default for WaitingRoomSettings {
    fn default() -> Self {
        Self {
            proof_of_work_bits: 0,
            mode: WaitingRoomMode::Off,
            opens_at: None,
            admit_per_second: 50,
            max_inside: 500,
            inside_for_s: 600,
            claim_within_s: 60,
            one_place_per: OnePlacePer::Buyer,
            when_unreachable: WhenUnreachable::Refuse,
            when_sold_out: WhenSoldOut::Close,
        }
    }
}

impl WaitingRoomSettings {
    /// Whether what comes back after everything was sold is offered to those who wait.
    pub fn has_return_line(&self) -> bool {
        self.mode == WaitingRoomMode::On && self.when_sold_out == WhenSoldOut::ReturnLine
    }
}

/// Settings of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    /// How long a hold lasts, seconds.
    pub hold_ttl_s: u32,
    /// How many units one buyer may have in one performance.
    pub max_seats_per_buyer: u32,
    /// How often a buyer may extend a hold.
    pub max_extensions: u32,
    /// Who may buy.
    pub buyer_identity: BuyerIdentity,
    /// What prices are in.
    pub currency: Currency,
    /// The waiting room.
    pub waiting_room: WaitingRoomSettings,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            hold_ttl_s: 300,
            max_seats_per_buyer: 4,
            max_extensions: 1,
            buyer_identity: BuyerIdentity::Guest,
            currency: Currency::KRW,
            waiting_room: WaitingRoomSettings::default(),
        }
    }
}

/// A setting out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}; allowed is {allowed}")]
pub struct BadSetting {
    /// Its path, such as `waiting_room.max_inside`.
    pub setting: &'static str,
    /// What was given.
    pub value: u64,
    /// The range.
    pub allowed: &'static str,
}

impl EventSettings {
    /// Checks every range; the first offence is reported.
    pub fn check(&self) -> Result<(), BadSetting> {
        let room = &self.waiting_room;
        let rules: [(&'static str, u32, u32, u32, &'static str); 8] = [
            ("hold_ttl_s", self.hold_ttl_s, 10, 3600, "10 to 3600"),
            ("max_seats_per_buyer", self.max_seats_per_buyer, 1, 50, "1 to 50"),
            ("max_extensions", self.max_extensions, 0, 100, "0 to 100"),
            ("waiting_room.admit_per_second", room.admit_per_second, 1, 100_000, "1 to 100000"),
            ("waiting_room.max_inside", room.max_inside, 1, 1_000_000, "1 to 1000000"),
            ("waiting_room.inside_for_s", room.inside_for_s, 10, 86_400, "10 to 86400"),
            ("waiting_room.claim_within_s", room.claim_within_s, 5, 3600, "5 to 3600"),
            ("waiting_room.proof_of_work_bits", room.proof_of_work_bits, 0, 24, "0 to 24"),
        ];
        for (setting, value, least, most, allowed) in rules {
            if value < least || value > most {
                return Err(BadSetting { setting, value: u64::from(value), allowed });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_documented_ones_and_legal() {
        let settings = EventSettings::default();
        assert_eq!(settings.check(), Ok(()));
        assert_eq!((settings.hold_ttl_s, settings.max_seats_per_buyer, settings.max_extensions), (300, 4, 1));
    }

    #[test]
    fn each_range_ends_where_it_says() {
        let with_ttl = |hold_ttl_s| EventSettings { hold_ttl_s, ..EventSettings::default() }.check().is_ok();
        assert_eq!([9, 10, 3600, 3601].map(with_ttl), [false, true, true, false]);
        let with_limit = |max_seats_per_buyer| {
            EventSettings { max_seats_per_buyer, ..EventSettings::default() }.check().is_ok()
        };
        assert_eq!([0, 1, 50, 51].map(with_limit), [false, true, true, false]);
    }
}
