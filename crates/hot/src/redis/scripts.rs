//! The scripts, and what they answer.
//!
//! Invariant: every script is one file; those of a performance stand behind `stock.lua`, but for `load`, and those of a
//! waiting room behind `room.lua`, but for `room_begin`.

use std::sync::LazyLock;

use onsale_app::ports::{StoreError, hot::HotError};
use redis::Value;

/// A script and the name that Redis knows it by.
pub(super) struct Script {
    pub(super) source: String,
    pub(super) sha: String,
}

impl Script {
    fn new(source: String) -> Self {
        let sha = redis::Script::new(&source).get_hash().to_owned();
        Self { source, sha }
    }
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $head:expr, $file:literal;)+) => {$(
        $(#[$doc])*
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new([$head, include_str!(concat!("lua/", $file))].concat()));
    )+};
}

const STOCK: &str = include_str!("lua/stock.lua");

const ROOM: &str = include_str!("lua/room.lua");

/// The drain goes on where memory is short: it is what makes room.
const STOCK_WHEN_FULL: &str = concat!("#!lua flags=allow-oom\n", include_str!("lua/stock.lua"));

scripts! {
    HOLD = STOCK, "hold.lua";
    EXTEND = STOCK, "extend.lua";
    CANCEL = STOCK, "cancel.lua";
    BEGIN_PAYMENT = STOCK, "begin_payment.lua";
    END_PAYMENT = STOCK, "end_payment.lua";
    SELL = STOCK, "sell.lua";
    GIVE_BACK = STOCK, "give_back.lua";
    BLOCK = STOCK, "block.lua";
    EXPIRE = STOCK, "expire.lua";
    LOOK = STOCK, "look.lua";
    FIND = STOCK, "find.lua";
    PAYING = STOCK, "paying.lua";
    IMAGE = STOCK, "image.lua";
    LOAD = "", "load.lua";
    TAKE = STOCK_WHEN_FULL, "take.lua";
    LEAVE = STOCK_WHEN_FULL, "leave.lua";
    ACKNOWLEDGE = STOCK_WHEN_FULL, "acknowledge.lua";
    ROOM_BEGIN = "", "room_begin.lua";
    ROOM_JOIN = ROOM, "room_join.lua";
    ROOM_LOOK = ROOM, "room_look.lua";
    ROOM_COMMIT = ROOM, "room_commit.lua";
    ROOM_ENTRIES = ROOM, "room_entries.lua";
    ROOM_PLACE = ROOM, "room_place.lua";
    SPEND = "", "spend.lua";
}

/// What a script answered.
#[derive(Debug)]
pub(super) struct Answer {
    word: String,
    /// The command's number; `None` where it changed nothing.
    pub(super) number: Option<u64>,
    rest: std::vec::IntoIter<Value>,
}

impl Answer {
    /// Reads an answer. A performance that is not there is an error of its own.
    pub(super) fn read(value: Value) -> Result<Self, HotError> {
        let Value::Array(items) = value else { return Err(odd(&value).into()) };
        let mut rest = items.into_iter();
        let (Some(Value::BulkString(word)), Some(Value::Int(number))) = (rest.next(), rest.next()) else {
            return Err(StoreError::corrupt("a script answered without its word and number").into());
        };
        let word = String::from_utf8(word).map_err(StoreError::corrupt)?;
        match word.as_str() {
            "missing" => Err(HotError::NotLoaded),
            "worn" => Err(StoreError::corrupt("the offsets of this epoch are used up").into()),
            _ => Ok(Self { word, number: u64::try_from(number).ok().filter(|number| *number > 0), rest }),
        }
    }

    /// Reads the answers of a script that is so many commands; or its one answer for all of them, which then stands
    /// alone.
    pub(super) fn read_each(value: Value, count: usize) -> Result<Vec<Self>, HotError> {
        let Value::Array(items) = value else { return Err(odd(&value).into()) };
        if !matches!(items.first(), Some(Value::Array(_))) {
            return Ok(vec![Self::read(Value::Array(items))?]);
        }
        if items.len() != count {
            return Err(StoreError::corrupt(format!("a script answered {} of {count}", items.len())).into());
        }
        items.into_iter().map(Self::read).collect()
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// The next thing that belongs to the word, as bytes.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.rest.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            Some(other) => Err(odd(&other)),
            None => Err(StoreError::corrupt(format!("a script answered {:?} and no more", self.word))),
        }
    }

    /// The next thing that belongs to the word, as a number.
    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        match self.rest.next() {
            Some(Value::Int(number)) => Ok(number),
            Some(other) => Err(odd(&other)),
            None => Err(StoreError::corrupt(format!("a script answered {:?} and no more", self.word))),
        }
    }

    /// The next thing that belongs to the word, as a list of pairs without the one that has no name.
    pub(super) fn pairs(&mut self) -> Result<Vec<Pair>, StoreError> {
        let Some(Value::Array(items)) = self.rest.next() else {
            return Err(StoreError::corrupt(format!("a script answered {:?} without a list", self.word)));
        };
        pairs(items.into_iter())
    }

    /// The next thing that belongs to the word, as a list.
    pub(super) fn list(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(Value::Array(items)) = self.rest.next() else {
            return Err(StoreError::corrupt(format!("a script answered {:?} without a list", self.word)));
        };
        let bytes = |item| match item {
            Value::BulkString(bytes) => Ok(bytes),
            other => Err(odd(&other)),
        };
        items.into_iter().map(bytes).collect()
    }

    /// All the rest as pairs.
    pub(super) fn rest(self) -> Result<Vec<Pair>, StoreError> {
        pairs(self.rest)
    }

    /// The error for a word that the caller does not know.
    pub(super) fn unknown(&self) -> HotError {
        StoreError::corrupt(format!("a script answered {:?}", self.word)).into()
    }
}

/// An entry of a hash or list: its name and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

fn pairs(mut items: std::vec::IntoIter<Value>) -> Result<Vec<Pair>, StoreError> {
    let mut found = Vec::with_capacity(items.len() / 2);
    while let Some(name) = items.next() {
        match (name, items.next()) {
            (Value::BulkString(name), Some(Value::BulkString(_))) if name.is_empty() => {}
            (Value::BulkString(name), Some(Value::BulkString(value))) => found.push((name, value)),
            (other, _) => return Err(odd(&other)),
        }
    }
    Ok(found)
}

fn odd(value: &Value) -> StoreError {
    let shown: String = format!("{value:?}").chars().take(200).collect();
    StoreError::corrupt(format!("a script answered {shown}"))
}
