//! The bytes that scripts and program exchange, as the head of `lua/stock.lua` lays them down.
//!
//! Invariant: what does not have the right shape is [`StoreError::Corrupt`], never a guess.

use onsale_app::ports::StoreError;
use onsale_domain::{
    changes::Change,
    ids::{AccountId, OrderId, ReservationId},
    position::{Fence, Position},
    reservations::{Ending, Hold, HoldStatus, RequestKey},
    time::Timestamp,
    units::{Unit, UnitState, Units},
};
use uuid::Uuid;

/// Bytes of a hold in front of its units.
const HOLD_BYTES: usize = 84;

/// Reads fields from the front of some bytes.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, StoreError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, StoreError> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, StoreError> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, StoreError> {
        self.take().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, StoreError> {
        i64::try_from(self.u64()?).map(Timestamp).map_err(StoreError::corrupt)
    }

    fn id<T: From<Uuid>>(&mut self) -> Result<T, StoreError> {
        self.take().map(|bytes| Uuid::from_bytes(bytes).into())
    }

    /// Everything that is left.
    fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Everything that is left, as units.
    fn units(self) -> Result<Units, StoreError> {
        units(self.rest())
    }
}

fn cut_short() -> StoreError {
    StoreError::corrupt("a value in Redis is cut short")
}

/// How a performance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) position: Position,
    pub(super) sequence: u64,
    pub(super) seats: u32,
    pub(super) areas: u16,
}

impl Meta {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.position.epoch.to_be_bytes().to_vec();
        bytes.extend(self.position.offset.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.seats.to_be_bytes());
        bytes.extend(self.areas.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut fields = Fields(bytes);
        let position = Position { epoch: fields.u32()?, offset: fields.u32()? };
        Ok(Self { position, sequence: fields.u64()?, seats: fields.u32()?, areas: fields.u16()? })
    }
}

/// The state of a unit as its byte.
pub(super) fn state_byte(state: UnitState) -> u8 {
    b'0' + state as u8
}

/// The state of a unit from its byte.
pub(super) fn state(byte: u8) -> Result<UnitState, StoreError> {
    match byte {
        b'0' => Ok(UnitState::Available),
        b'1' => Ok(UnitState::Held),
        b'2' => Ok(UnitState::Paying),
        b'3' => Ok(UnitState::Sold),
        b'4' => Ok(UnitState::Blocked),
        other => Err(StoreError::corrupt(format!("a unit in state {other}"))),
    }
}

/// Unit numbers one after the other.
pub(super) fn unit_bytes(units: &[Unit]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.0.to_be_bytes()).collect()
}

/// Unit numbers from their bytes.
pub(super) fn units(bytes: &[u8]) -> Result<Units, StoreError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(cut_short());
    }
    Ok(numbers.iter().map(|number| Unit(u32::from_be_bytes(*number))).collect())
}

/// A hold as it is kept. `sequence` and `call` are those of the command that moved it last; a loaded hold has none.
pub(super) fn hold_bytes(hold: &Hold) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HOLD_BYTES + hold.units.len() * 4);
    bytes.extend(hold.owner.0.as_bytes());
    bytes.extend(hold.made_at.as_millis().to_be_bytes());
    bytes.extend(hold.expires_at.as_millis().to_be_bytes());
    bytes.extend(hold.fence.0.to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(hold.extensions_used.to_be_bytes());
    bytes.extend([0; 8]);
    match hold.status {
        HoldStatus::Held => bytes.extend([0; 24]),
        HoldStatus::Paying { order, since } => {
            bytes.extend(since.as_millis().to_be_bytes());
            bytes.extend(order.0.as_bytes());
        }
    }
    bytes.extend(unit_bytes(&hold.units));
    bytes
}

/// A hold, and the number of the command that made it.
pub(super) fn hold(id: ReservationId, bytes: &[u8]) -> Result<(Hold, u64), StoreError> {
    let mut fields = Fields(bytes);
    let owner = fields.id()?;
    let (made_at, expires_at) = (fields.time()?, fields.time()?);
    let fence = Fence(fields.u64()?);
    let sequence = fields.u64()?;
    let extensions_used = fields.u32()?;
    let _call = fields.u64()?;
    let (since, order) = (fields.time()?, fields.id::<OrderId>()?);
    let status = if order.0.is_nil() { HoldStatus::Held } else { HoldStatus::Paying { order, since } };
    let units = fields.units()?;
    Ok((Hold { id, owner, units, made_at, expires_at, fence, extensions_used, status }, sequence))
}

/// The call that moved a hold last; 0 where it was loaded.
pub(super) fn call(bytes: &[u8]) -> Result<u64, StoreError> {
    let at = bytes.get(52..60).ok_or_else(cut_short)?;
    Fields(at).u64()
}

/// A hold that has ended, as it is kept.
pub(super) fn ended_bytes(at: Position, hold: &Hold, ending: Ending) -> Vec<u8> {
    let (how, order) = match ending {
        Ending::Cancelled => (b'c', Uuid::nil()),
        Ending::Expired => (b'x', Uuid::nil()),
        Ending::Confirmed(order) => (b's', order.0),
    };
    let mut bytes = vec![how];
    bytes.extend(at.epoch.to_be_bytes());
    bytes.extend(at.offset.to_be_bytes());
    bytes.extend(order.as_bytes());
    bytes.extend(hold_bytes(hold));
    bytes
}

/// When and how a hold ended, and as it last was.
pub(super) fn ended(id: ReservationId, bytes: &[u8]) -> Result<(Position, Hold, Ending), StoreError> {
    let mut fields = Fields(bytes);
    let how = fields.u8()?;
    let at = Position { epoch: fields.u32()?, offset: fields.u32()? };
    let order = fields.id::<OrderId>()?;
    let ending = match how {
        b'c' => Ending::Cancelled,
        b'x' => Ending::Expired,
        b's' => Ending::Confirmed(order),
        other => return Err(StoreError::corrupt(format!("a hold that ended as {other}"))),
    };
    let (hold, _) = hold(id, fields.rest())?;
    Ok((at, hold, ending))
}

/// An id from its 16 bytes.
pub(super) fn id<T: From<Uuid>>(bytes: &[u8]) -> Result<T, StoreError> {
    Fields(bytes).id()
}

/// Who paid, and for which units.
pub(super) fn sale(bytes: &[u8]) -> Result<(AccountId, Units), StoreError> {
    let mut fields = Fields(bytes);
    Ok((fields.id()?, fields.units()?))
}

/// What is remembered under a key: the digest of the request, and the hold that it made.
pub(super) fn word(bytes: &[u8]) -> Result<([u8; 16], ReservationId), StoreError> {
    let mut fields = Fields(bytes);
    Ok((fields.take()?, fields.id()?))
}

/// A change from the record: the number of its command, when, what.
pub(super) fn change(bytes: &[u8]) -> Result<(u64, Timestamp, Change), StoreError> {
    let mut fields = Fields(bytes);
    let kind = fields.u8()?;
    let sequence = fields.u64()?;
    let at = fields.time()?;
    let change = match kind {
        1 => {
            let (hold, owner, expires_at) = (fields.id()?, fields.id()?, fields.time()?);
            let key = match fields.u8()? {
                0 => None,
                32 => Some(RequestKey { key: fields.take()?, request: fields.take()? }),
                other => return Err(StoreError::corrupt(format!("an idempotency key of {other} bytes"))),
            };
            Change::Held { hold, owner, expires_at, key, units: fields.units()? }
        }
        2 => Change::Extended { hold: fields.id()?, expires_at: fields.time()? },
        3 => Change::PaymentBegun { hold: fields.id()?, order: fields.id()?, units: fields.units()? },
        4 => Change::PaymentEnded {
            hold: fields.id()?,
            order: fields.id()?,
            expires_at: fields.time()?,
            units: fields.units()?,
        },
        5 => Change::Sold { hold: fields.id()?, order: fields.id()?, units: fields.units()? },
        6 => Change::Cancelled { hold: fields.id()?, units: fields.units()? },
        7 => Change::Expired { hold: fields.id()?, units: fields.units()? },
        8 => Change::Returned { order: fields.id()?, units: fields.units()? },
        9 => Change::Blocked { units: fields.units()? },
        10 => Change::Unblocked { units: fields.units()? },
        other => return Err(StoreError::corrupt(format!("a change of kind {other}"))),
    };
    Ok((sequence, at, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paying() -> Hold {
        Hold {
            id: ReservationId(Uuid::from_u128(1)),
            owner: AccountId(Uuid::from_u128(2)),
            units: [Unit(3), Unit(70_000)].into_iter().collect(),
            made_at: Timestamp(1_800_000_000_000),
            expires_at: Timestamp(1_800_000_060_000),
            fence: Position { epoch: 2, offset: 9 }.fence(),
            extensions_used: 1,
            status: HoldStatus::Paying {
                order: OrderId(Uuid::from_u128(4)),
                since: Timestamp(1_800_000_000_001),
            },
        }
    }

    #[test]
    fn a_hold_comes_back_as_it_was() {
        let (held, before) = (Hold { status: HoldStatus::Held, ..paying() }, paying());
        assert_eq!(hold(before.id, &hold_bytes(&before)).unwrap(), (before.clone(), 0));
        assert_eq!(hold_bytes(&before).len(), HOLD_BYTES + 8);
        let at = Position { epoch: 2, offset: 12 };
        for ending in [Ending::Cancelled, Ending::Expired, Ending::Confirmed(OrderId(Uuid::from_u128(9)))] {
            assert_eq!(ended(held.id, &ended_bytes(at, &held, ending)).unwrap(), (at, held.clone(), ending));
        }
    }

    #[test]
    fn meta_comes_back_as_it_was() {
        let meta = Meta { position: Position { epoch: 3, offset: 4 }, sequence: 5, seats: 6, areas: 7 };
        assert_eq!(Meta::decode(&meta.encode()).unwrap(), meta);
    }

    #[test]
    fn damage_is_an_error() {
        let whole = hold_bytes(&paying());
        for length in 0..whole.len() {
            let cut = hold(paying().id, &whole[..length]);
            let at_a_unit = length >= HOLD_BYTES && (length - HOLD_BYTES).is_multiple_of(4);
            assert_eq!(cut.is_ok(), at_a_unit, "{length} bytes");
        }
        assert!(change(&[11; 60]).is_err() && change(&[]).is_err() && state(b'5').is_err());
    }
}
