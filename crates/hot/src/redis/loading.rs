//! A whole stock into Redis, and out of it.
//!
//! Invariants:
//! - a stock is put in place by one script, whole or not at all, and only where there is none;
//! - a performance is in the registry before it is in place, so that every node comes to hear of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use onsale_app::ports::{StoreError, hot::HotError};
use onsale_domain::{
    ids::{AccountId, ReservationId},
    inventory::{Image, Inventory, Sale},
    position::Position,
    reservations::{HoldStatus, RequestKey},
    time::Timestamp,
    units::{Unit, UnitState},
};

use super::{
    Inner, Performance,
    codec::{self, Meta},
    keys::REGISTRY,
    scripts::{self, Pair},
};

/// Loading and imaging walk a whole stock, which takes longer than a command.
const WITHIN: Duration = Duration::from_secs(10);

/// The score of what stands in a sorted set so that it never becomes empty.
const NEVER: &[u8] = b"+inf";

/// What stands in a sorted set: its score and its name.
type Scored = (u64, Vec<u8>);

/// A collection, filled by one command with these arguments behind the key.
struct Collection {
    /// Its place among the keys, from 1, as in `stock.lua`.
    key: usize,
    command: &'static str,
    arguments: Vec<Vec<u8>>,
}

impl Collection {
    fn hash(key: usize, entries: impl IntoIterator<Item = Pair>) -> Self {
        let nameless = std::iter::once((Vec::new(), Vec::new()));
        let arguments = nameless.chain(entries).flat_map(|(name, value)| [name, value]).collect();
        Self { key, command: "HSET", arguments }
    }

    fn sorted(key: usize, entries: impl IntoIterator<Item = Scored>) -> Self {
        let nameless = std::iter::once([NEVER.to_vec(), Vec::new()]);
        let named = entries.into_iter().map(|(score, name)| [score.to_string().into_bytes(), name]);
        Self { key, command: "ZADD", arguments: nameless.chain(named).flatten().collect() }
    }
}

fn name(id: ReservationId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

fn score(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0)
}

/// What an owner has: how many units, and which live holds.
type Belongings = BTreeMap<AccountId, (u32, Vec<ReservationId>)>;

fn belongings(image: &Image) -> Belongings {
    let mut owners = Belongings::new();
    for hold in &image.holds {
        let (count, holds) = owners.entry(hold.owner).or_default();
        *count += hold.units.len() as u32;
        holds.push(hold.id);
    }
    for sale in &image.sales {
        owners.entry(sale.owner).or_default().0 += sale.units.len() as u32;
    }
    owners
}

/// The areas with their frontiers, and the free places below them.
fn areas(inventory: &Inventory) -> (Vec<Pair>, Vec<Scored>) {
    let is_free = |unit: &Unit| inventory.states()[unit.index()] == UnitState::Available;
    let (mut areas, mut returned) = (Vec::new(), Vec::new());
    for run in inventory.layout().areas() {
        let taken_last = run.units().filter(|unit| !is_free(unit)).last();
        let frontier = taken_last.map_or(run.first.0, |unit| unit.0 + 1);
        let bounds = [run.first.0, run.first.0 + run.capacity - 1, frontier];
        areas.push((run.id.to_string().into_bytes(), bounds.map(u32::to_be_bytes).concat()));
        let free = run.units().filter(|unit| unit.0 < frontier && is_free(unit));
        returned.extend(free.map(|unit| (u64::from(unit.0), unit.0.to_string().into_bytes())));
    }
    (areas, returned)
}

fn collections(image: &Image, inventory: &Inventory) -> Vec<Collection> {
    let (areas, returned) = areas(inventory);
    let owners = belongings(image)
        .into_iter()
        .map(|(owner, (count, holds))| (owner.0.as_bytes().to_vec(), codec::owner_bytes(count, &holds)));
    let lapsing = image.holds.iter().filter(|hold| hold.status == HoldStatus::Held);
    let paying = image.holds.iter().filter_map(|hold| match hold.status {
        HoldStatus::Held => None,
        HoldStatus::Paying { since, .. } => Some((score(since), name(hold.id))),
    });
    let key_of = |owner: &AccountId, key: &RequestKey| [*owner.0.as_bytes(), key.key].concat();
    let words = image
        .keys
        .iter()
        .map(|(_, owner, key, made)| (key_of(owner, key), [key.request, *made.0.as_bytes()].concat()));
    let said = image.keys.iter().map(|(at, owner, key, _)| (score(*at), key_of(owner, key)));
    let ended = image.ended.iter();
    let sales = image.sales.iter().map(|sale| {
        let value = [sale.owner.0.as_bytes().as_slice(), &codec::unit_bytes(&sale.units)].concat();
        (sale.order.0.as_bytes().to_vec(), value)
    });
    vec![
        Collection::hash(3, image.holds.iter().map(|hold| (name(hold.id), codec::hold_bytes(hold)))),
        Collection::sorted(4, lapsing.map(|hold| (score(hold.expires_at), name(hold.id)))),
        Collection::hash(5, owners),
        Collection::hash(
            6,
            ended.clone().map(|(at, hold, how)| (name(hold.id), codec::ended_bytes(*at, hold, *how))),
        ),
        Collection::sorted(7, ended.map(|(at, hold, _)| (at.fence().0, name(hold.id)))),
        Collection::hash(8, words),
        Collection::sorted(9, said),
        Collection::sorted(10, returned),
        Collection::hash(11, areas),
        Collection::hash(12, sales),
        Collection::sorted(13, paying),
    ]
}

impl Inner {
    /// Puts a performance in place, unless it is there.
    pub(super) async fn load(&self, performance: &Performance, image: Image) -> Result<bool, StoreError> {
        let inventory = Inventory::from_image(image.clone()).map_err(StoreError::corrupt)?;
        let position = image.position;
        let areas = u16::try_from(image.layout.areas().len()).map_err(StoreError::corrupt)?;
        let meta = Meta { position, sequence: 0, seats: image.layout.seat_count(), areas };
        let layout = postcard::to_stdvec(&image.layout).map_err(StoreError::corrupt)?;
        let states: Vec<u8> = inventory.states().iter().map(|state| codec::state_byte(*state)).collect();
        let first = format!("{}-{}", position.epoch, position.offset);
        let mut arguments = vec![meta.encode(), first.into_bytes(), states, layout, vec![0; 24]];
        for collection in collections(&image, &inventory) {
            arguments.push(collection.key.to_string().into_bytes());
            arguments.push(collection.command.as_bytes().to_vec());
            arguments.push(collection.arguments.len().to_string().into_bytes());
            arguments.extend(collection.arguments);
        }
        self.background.run(redis::cmd("SADD").arg(REGISTRY).arg(performance.id.to_string())).await?;
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let keys = performance.keys.all();
        let answer = match self.run(&self.background, &scripts::LOAD, keys, &arguments, WITHIN).await {
            Ok(answer) => answer,
            Err(HotError::Store(error)) => return Err(error),
            Err(HotError::NotLoaded) => return Err(StoreError::corrupt("loading found nothing loaded")),
        };
        performance.layout.get_or_init(|| Arc::clone(inventory.layout()));
        match answer.word() {
            "loaded" => Ok(true),
            "there" => Ok(false),
            _ => Err(StoreError::corrupt("loading was answered with something else")),
        }
    }

    /// The stock written down as it is.
    pub(super) async fn image(&self, performance: &Performance) -> Result<Image, HotError> {
        let layout = self.layout(performance).await?;
        let keys = performance.keys.of_stock();
        let mut answer = self.run(&self.background, &scripts::IMAGE, keys, &[], WITHIN).await?;
        let position = Meta::decode(&answer.bytes()?)?.position;
        let states = answer.bytes()?;
        let mut image = Image::untouched((*layout).clone(), position.epoch);
        image.position = position;
        for (id, bytes) in answer.pairs()? {
            image.holds.push(codec::hold(codec::id(&id)?, &bytes)?.0);
        }
        image.holds.sort_unstable_by_key(|hold| hold.id);
        for (id, bytes) in answer.pairs()? {
            image.ended.push(codec::ended(codec::id(&id)?, &bytes)?);
        }
        image.ended.sort_unstable_by_key(|(at, _, _): &(Position, _, _)| *at);
        let words: BTreeMap<Vec<u8>, Vec<u8>> = answer.pairs()?.into_iter().collect();
        for (key, at) in answer.pairs()? {
            let Some(word) = words.get(&key) else { continue };
            image.keys.push(remembered(&key, word, &at)?);
        }
        for (order, bytes) in answer.pairs()? {
            let (owner, units) = codec::sale(&bytes)?;
            image.sales.push(Sale { order: codec::id(&order)?, owner, units });
        }
        image.sales.sort_unstable_by_key(|sale| sale.order);
        let blocked = codec::state_byte(UnitState::Blocked);
        let is_blocked = |(index, byte): (usize, &u8)| (*byte == blocked).then(|| Unit::at_index(index));
        image.blocked = states.iter().enumerate().filter_map(is_blocked).collect();
        report_drift(performance, &image, &states);
        Ok(image)
    }
}

/// A key as an image has it, from its name in `words` and `said`, its value, and its time.
fn remembered(
    key: &[u8],
    word: &[u8],
    at: &[u8],
) -> Result<(Timestamp, AccountId, RequestKey, ReservationId), StoreError> {
    let (request, made) = codec::word(word)?;
    let (owner, digest) = key.split_at_checked(16).ok_or_else(|| StoreError::corrupt("a key cut short"))?;
    let key = RequestKey { key: digest.try_into().map_err(StoreError::corrupt)?, request };
    let at = String::from_utf8_lossy(at).parse().map_err(StoreError::corrupt)?;
    Ok((Timestamp(at), codec::id(owner)?, key, made))
}

/// Says where the states of the units are not those that holds, sales and blocks amount to.
fn report_drift(performance: &Performance, image: &Image, states: &[u8]) {
    let amounts_to = Inventory::from_image(image.clone()).map(|inventory| {
        inventory.states().iter().map(|state| codec::state_byte(*state)).collect::<Vec<u8>>()
    });
    match amounts_to {
        Ok(wanted) if wanted == states => {}
        Ok(wanted) => {
            let apart = wanted.iter().zip(states).filter(|(wanted, found)| wanted != found).count();
            tracing::error!(performance = %performance.id, units = apart, "states and holds do not agree");
        }
        Err(overlap) => tracing::error!(performance = %performance.id, %overlap, "two claims overlap"),
    }
}
