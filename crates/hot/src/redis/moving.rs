//! Filling a Redis with the stock of a whole installation, and the sign that says so meanwhile.
//!
//! Invariant: the sign is there before anything else is, and until everything is; whoever finds it does not sell.

use onsale_app::ports::StoreError;
use redis::{Cmd, Value};
use uuid::Uuid;

use super::{
    RedisStore,
    keys::{ARRIVAL, REGISTRY},
};

impl RedisStore {
    /// Which move is filling this Redis, or has left it half filled.
    pub async fn arrival(&self) -> Result<Option<Uuid>, StoreError> {
        match self.inner.background.run(redis::cmd("GET").arg(ARRIVAL)).await? {
            Value::Nil => Ok(None),
            Value::BulkString(id) => {
                let id = String::from_utf8_lossy(&id).parse().map_err(StoreError::corrupt)?;
                Ok(Some(id))
            }
            _ => Err(StoreError::corrupt("the sign of a move is no text")),
        }
    }

    /// Puts up the sign, unless another move has put up its own: then that move is given.
    pub async fn begin_arrival(&self, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.inner.background.run(redis::cmd("SET").arg(ARRIVAL).arg(id.to_string()).arg("NX")).await?;
        Ok(self.arrival().await?.filter(|there| *there != id))
    }

    /// Takes down the sign of a move. Doing it again is no mistake.
    pub async fn end_arrival(&self, id: Uuid) -> Result<(), StoreError> {
        if self.arrival().await? == Some(id) {
            self.inner.background.run(redis::cmd("DEL").arg(ARRIVAL)).await?;
        }
        Ok(())
    }

    /// Whether no performance was ever loaded.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let there = self.inner.background.run(redis::cmd("EXISTS").arg(REGISTRY)).await?;
        Ok(there == Value::Int(0))
    }

    /// Takes away every performance. For what a move has left half done: nobody may have sold from it.
    pub async fn empty(&self) -> Result<(), StoreError> {
        self.inner.hear_of_performances().await?;
        for performance in self.inner.all_performances() {
            let forget = Cmd::new().arg("UNLINK").arg(performance.keys.all()).to_owned();
            self.inner.background.run(&forget).await?;
            let name = performance.id.to_string();
            self.inner.background.run(redis::cmd("SREM").arg(REGISTRY).arg(name)).await?;
        }
        Ok(())
    }
}
