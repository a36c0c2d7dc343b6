//! Filling a Redis with what comes from elsewhere, over one server and over several.

use onsale_app::ports::hot::{HotError, Stock as _};
use onsale_testkit::servers::{
    or_passed_over,
    redis::{Cluster, Redis},
};
use uuid::Uuid;

use crate::stage::{buyer, held, layout, look, node, on_sale, seats, wish};

/// What was left half done is taken away, and can be brought again; the sign is of one move at a time.
async fn is_filled_and_emptied(url: &str) {
    let (mover, other) = (node(url).await, node(url).await);
    let (mine, theirs) = (Uuid::new_v4(), Uuid::new_v4());
    assert!(mover.is_empty().await.unwrap());
    assert_eq!(mover.begin_arrival(mine).await.unwrap(), None);
    assert_eq!(mover.begin_arrival(mine).await.unwrap(), None, "the same one again");
    assert_eq!(other.begin_arrival(theirs).await.unwrap(), Some(mine));
    assert_eq!(other.arrival().await.unwrap(), Some(mine));
    let mut performances = Vec::new();
    for _ in 0..8 {
        let p = on_sale(&mover, 20, &[5]).await;
        held(&mover, p, wish(buyer(1), seats(&[1]))).await;
        performances.push(p);
    }
    assert!(!other.is_empty().await.unwrap());
    // Somebody who has never heard of them.
    other.empty().await.unwrap();
    assert!(mover.is_empty().await.unwrap());
    for p in &performances {
        let gone = mover.availability(*p).await;
        assert!(matches!(gone, Err(HotError::NotLoaded)), "{gone:?}");
    }
    let p = on_sale(&mover, 20, &[5]).await;
    assert_eq!(look(&other, p, &layout(20, &[5])).await.counts.available, 25);
    other.end_arrival(theirs).await.unwrap();
    assert_eq!(mover.arrival().await.unwrap(), Some(mine), "another's is left where it is");
    for _ in 0..2 {
        mover.end_arrival(mine).await.unwrap();
    }
    assert_eq!(other.arrival().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_is_filled_and_emptied() {
    let Some(server) = or_passed_over(Redis::start(), "redis-server") else { return };
    is_filled_and_emptied(&server.url()).await;
    assert_eq!(server.ask(&["DBSIZE"]).unwrap(), ":17", "sixteen keys of one performance, and the registry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_filled_and_emptied() {
    let Some(cluster) = or_passed_over(Cluster::start(), "redis-server") else { return };
    is_filled_and_emptied(&cluster.url()).await;
}
