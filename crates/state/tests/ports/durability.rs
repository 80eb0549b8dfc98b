//! What a death leaves behind, and what the store says when it can no longer keep its word.

use autotrader_domain::ports::{Ledger as _, OrderStore as _, StoreError};
use autotrader_domain::{BookSide, OrderState, Record};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use crate::fixtures::{BODY, Home, accepted, at, fill, order, request, settlement, step};

#[tokio::test]
async fn everything_acknowledged_is_on_disk_when_the_process_dies() {
    let home = Home::new();
    let store = home.open();
    let intended = order("T-A", 1);
    store
        .commit_intent(&intended, &request(&intended), BODY)
        .await
        .unwrap();
    let after_commit = home.image();
    let sent = step(&intended, OrderState::Sent, 2);
    store.update_order(&sent, "sent", None).await.unwrap();
    let booked = fill("f1", "T-A", BookSide::Bid, "0.4", 10, 3);
    store.record_fill(&booked).await.unwrap();
    let board = accepted(1, 4);
    let cause = Record::RiskCause {
        at: at(5),
        cause: "operator_halt".into(),
        raised: true,
        detail: "storm".into(),
    };
    store
        .record(vec![Record::Accepted(board.clone()), cause])
        .await
        .unwrap();
    store.record_settlement(&settlement("T-A", "1", 6)).await.unwrap();
    let at_the_end = home.image();

    let restored = after_commit.open().restore().await.unwrap();
    assert_eq!(restored.open_orders, [intended]);
    assert!(restored.fills.is_empty());

    let survivor = at_the_end.open();
    assert_eq!(survivor.database_id(), "fixed");
    let restored = survivor.restore().await.unwrap();
    assert_eq!(restored.open_orders, [sent]);
    assert_eq!(restored.fills, [booked]);
    assert_eq!(restored.settlements.len(), 1);
    assert_eq!(restored.accepted, Some((*board).clone()));
    assert_eq!(
        restored.causes,
        [("operator_halt".to_owned(), "storm".to_owned())]
    );
}

#[tokio::test]
async fn a_torn_last_write_loses_only_itself() {
    let home = Home::new();
    let store = home.open();
    let first = order("T-A", 1);
    store.commit_intent(&first, &request(&first), BODY).await.unwrap();
    let whole = home.image();
    let wal = |home: &Home| home.path().with_file_name("books.db-wal");
    let before = std::fs::read(wal(&whole)).unwrap();
    let second = order("T-B", 1);
    store
        .commit_intent(&second, &request(&second), BODY)
        .await
        .unwrap();
    let torn = home.image();
    let after = std::fs::read(wal(&torn)).unwrap();
    assert!(after.len() > before.len());
    let cut = before.len() + (after.len() - before.len()) / 2;
    std::fs::write(wal(&torn), &after[..cut]).unwrap();
    let restored = torn.open().restore().await.unwrap();
    assert_eq!(restored.open_orders, [first]);
}

#[tokio::test]
async fn a_dropped_call_is_done_all_the_same() {
    let home = Home::new();
    let store = home.open();
    let booked = fill("f1", "T-A", BookSide::Bid, "0.4", 10, 3);
    {
        let mut call = store.record_fill(&booked);
        // One poll hands the work over.
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context)));
        let _ = polled.await;
    }
    assert_eq!(store.restore().await.unwrap().fills, [booked]);
}

#[tokio::test]
async fn a_full_disk_is_not_durable() {
    let home = Home::new();
    let store = home.open();
    let order = order("T-A", 1);
    store.commit_intent(&order, &request(&order), BODY).await.unwrap();
    drop(store);
    // A trigger stands for the disk: the writer's statement fails in the middle of its transaction.
    let mut connection = SqliteConnection::establish(home.path().to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON order_events
             BEGIN SELECT raise(ROLLBACK, 'database or disk is full'); END;",
        )
        .unwrap();
    drop(connection);
    let store = home.open();
    let error = store
        .update_order(&step(&order, OrderState::Sent, 2), "sent", None)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotDurable(_)), "{error}");
    assert!(error.to_string().contains("database or disk is full"), "{error}");
    assert_eq!(
        store.restore().await.unwrap().open_orders,
        [order],
        "nothing was half stored"
    );
    // The store itself still answers.
    let booked = fill("f1", "T-A", BookSide::Bid, "0.4", 10, 3);
    assert!(store.record_fill(&booked).await.unwrap());
}

#[tokio::test]
async fn a_damaged_row_names_its_place() {
    let home = Home::new();
    let store = home.open();
    let order = order("T-A", 1);
    store.commit_intent(&order, &request(&order), BODY).await.unwrap();
    drop(store);
    let mut connection = SqliteConnection::establish(home.path().to_str().unwrap()).unwrap();
    connection
        .batch_execute("UPDATE orders SET side = 'sideways';")
        .unwrap();
    drop(connection);
    let error = home.open().restore().await.unwrap_err();
    assert!(matches!(error, StoreError::NotDurable(_)), "{error}");
    assert!(error.to_string().contains("orders.side"), "{error}");
}
