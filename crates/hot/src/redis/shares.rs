//! Shares in Redis: each is one key that says when it is whole again, and lapses then.

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use onsale_app::ports::{
    StoreError,
    limits::{Shares, Spending},
};
use redis::Value;

use super::{RedisStore, connection::WITHIN, keys, scripts};

/// How many are asked for at once. They go over one connection, and may live on different servers.
const AT_ONCE: usize = 64;

#[async_trait]
impl Shares for RedisStore {
    async fn spend(&self, spendings: &[Spending]) -> Result<Vec<u64>, StoreError> {
        stream::iter(spendings.iter().copied())
            .map(|spending| self.inner.spend(spending))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }
}

impl super::Inner {
    async fn spend(&self, Spending { share, debt_us, most_us }: Spending) -> Result<u64, StoreError> {
        let (debt, most) = (debt_us.to_string(), most_us.to_string());
        let (keys, arguments) = ([keys::share(share)], [debt.as_bytes(), most.as_bytes()]);
        match self.ask(&self.background, &scripts::SPEND, &keys, &arguments, WITHIN).await? {
            Value::Int(owes) => u64::try_from(owes).map_err(StoreError::corrupt),
            other => Err(StoreError::corrupt(format!("a share was answered with {other:?}"))),
        }
    }
}
