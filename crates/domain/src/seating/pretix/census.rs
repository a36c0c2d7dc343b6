//! How much there may be in a document before any of it is kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::seating::MAX_SEATS;

/// Objects and lists in a document. A seat takes two, itself and its position; rows, zones and keys that the
/// editor may add have as much again.
pub(super) const MAX_NESTS: u32 = 4 * MAX_SEATS;

/// Values of any kind in a document. A seat takes some ten.
pub(super) const MAX_VALUES: u32 = 25 * MAX_SEATS;

/// Counts what is in a document without keeping it, because a tree of many tiny objects takes a hundred times
/// the memory of its text.
pub(super) struct Census {
    /// Objects and lists that are still allowed.
    nests: u32,
    /// Values that are still allowed.
    values: u32,
}

impl Default for Census {
    fn default() -> Self {
        Self { nests: MAX_NESTS, values: MAX_VALUES }
    }
}

impl Census {
    pub(super) fn is_exceeded(&self) -> bool {
        self.nests == 0 || self.values == 0
    }

    fn nest<E: Error>(&mut self) -> Result<(), E> {
        self.nests = self.nests.saturating_sub(1);
        if self.is_exceeded() { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Census {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        self.values = self.values.saturating_sub(1);
        if self.is_exceeded() {
            return Err(D::Error::custom("too many values"));
        }
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Census {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.nest()?;
        while list.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.nest()?;
        while object.next_key::<IgnoredAny>()?.is_some() {
            object.next_value_seed(&mut *self)?;
        }
        Ok(())
    }
}
