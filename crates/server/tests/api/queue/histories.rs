//! `onsale verify journal`, of waiting rooms.

use onsale_testkit::servers::Stores;
use serde_json::json;

use super::staged_on;
use crate::{histories::verified, support::Onsale};

#[tokio::test]
async fn a_journal_tells_whether_everybody_was_called_in_turn() {
    let onsale = Onsale::on(Stores::Embedded, &[]);
    let (mut stage, queue) = staged_on(onsale, &json!({}), 5, 10).await;
    for _ in 0..5 {
        queue.come_in(&stage.guest().await).await;
    }
    assert!(stage.onsale.take_process().terminate().unwrap().success());
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 0, "{said}{errors}");
    assert!(said.contains(" changes, 1 performance, 1 waiting room, 0 reservations in the ledger"), "{said}");

    let journal =
        rusqlite::Connection::open(stage.onsale.installation.data_dir().join("journal.db")).unwrap();
    let forgotten =
        journal.execute("DELETE FROM room_batches WHERE row = (SELECT MIN(row) FROM room_batches)", []);
    assert_eq!(forgotten, Ok(1));
    journal.close().unwrap();
    let (status, said, errors) = verified(&stage.onsale, &[]);
    assert_eq!(status, 1, "{said}{errors}");
    assert!(said.contains("wrong: waiting room of event ") && said.contains("comes after 0"), "{said}");
}
