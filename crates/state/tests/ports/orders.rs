//! Intents, orders and fills.

use autotrader_domain::ports::{Ledger as _, OrderStore as _, StoreError, StoredRequest};
use autotrader_domain::{
    BookSide, Claim, Contracts, FeeSchedule, FeeType, Money, Order, OrderRequest, OrderState, Purpose,
    RejectReason, TimeInForce,
};

use crate::fixtures::{BODY, Home, at, fill, order, request, settlement, step};

#[track_caller]
fn conflict(result: Result<(), StoreError>, sentence: &str) {
    match result {
        Err(StoreError::Conflict(text)) => assert_eq!(text, sentence),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

#[tokio::test]
async fn an_intent_comes_back_whole() {
    let home = Home::new();
    let order = order("T-A", 1);
    let request = request(&order);
    home.open().commit_intent(&order, &request, BODY).await.unwrap();
    let restored = home.open().restore().await.unwrap();
    assert_eq!(restored.open_orders, std::slice::from_ref(&order));
    let body = Some(BODY.to_owned());
    assert_eq!(restored.requests, [StoredRequest { request, body }]);
    assert_eq!(restored.generations, [(order.intent.ticker, 1)]);
}

#[tokio::test]
async fn every_shape_of_an_order_comes_back() {
    let home = Home::new();
    let store = home.open();
    let shapes: [fn(&mut Order); 5] = [
        |o| o.intent.time_in_force = TimeInForce::ImmediateOrCancel,
        |o| o.intent.time_in_force = TimeInForce::FillOrKill,
        |o| o.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None },
        |o| {
            o.intent.side = BookSide::Ask;
            o.intent.purpose = Purpose::Exit;
            o.reduce_only = true;
        },
        |o| {
            o.intent.claim = Claim::Organization {
                organization: "Northwind Labs".into(),
            };
            o.intent.fees = FeeSchedule {
                fee_type: FeeType::Quadratic,
                multiplier_millionths: 500_000,
            };
        },
    ];
    let mut orders = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let mut order = order(&format!("T-{index}"), 1);
        shape(&mut order);
        store.commit_intent(&order, &request(&order), BODY).await.unwrap();
        orders.push(order);
    }
    let restored = store.restore().await.unwrap();
    assert_eq!(restored.open_orders, orders);
    let requests: Vec<OrderRequest> = orders.iter().map(request).collect();
    let restored: Vec<OrderRequest> = restored.requests.into_iter().map(|r| r.request).collect();
    assert_eq!(restored, requests);
}

#[tokio::test]
async fn generations_follow_each_other() {
    let home = Home::new();
    let store = home.open();
    let commit = |o: Order| {
        let store = &store;
        async move { store.commit_intent(&o, &request(&o), BODY).await }
    };
    conflict(
        commit(order("T-A", 2)).await,
        "order kat1-T-A-2 is number 2 of T-A, but number 1 comes next",
    );
    let first = order("T-A", 1);
    commit(first.clone()).await.unwrap();
    conflict(
        commit(first.clone()).await,
        "order kat1-T-A-1 is number 1 of T-A, but number 2 comes next",
    );
    conflict(
        commit(order("T-A", 2)).await,
        "order kat1-T-A-2 must wait: order kat1-T-A-1 of T-A is intended",
    );
    commit(order("T-B", 1)).await.unwrap();
    store
        .update_order(&step(&first, OrderState::Abandoned, 2), "never sent", None)
        .await
        .unwrap();
    conflict(
        commit(order("T-A", 3)).await,
        "order kat1-T-A-3 is number 3 of T-A, but number 2 comes next",
    );
    commit(order("T-A", 2)).await.unwrap();
    let restored = store.restore().await.unwrap();
    let generations: Vec<(String, u64)> = restored
        .generations
        .iter()
        .map(|(t, g)| (t.to_string(), *g))
        .collect();
    assert_eq!(generations, [("T-A".to_owned(), 2), ("T-B".to_owned(), 1)]);
}

#[tokio::test]
async fn an_id_is_used_once() {
    let home = Home::new();
    let store = home.open();
    let first = order("T-A", 1);
    store.commit_intent(&first, &request(&first), BODY).await.unwrap();
    let mut stolen = order("T-B", 1);
    stolen.client_order_id = first.client_order_id.clone();
    let error = store
        .commit_intent(&stolen, &request(&stolen), BODY)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
}

#[tokio::test]
async fn an_intent_and_its_request_must_agree() {
    let home = Home::new();
    let store = home.open();
    let order = order("T-A", 1);
    let changes: [fn(&mut OrderRequest); 7] = [
        |r| r.client_order_id = "other".parse().unwrap(),
        |r| r.ticker = "T-B".parse().unwrap(),
        |r| r.side = BookSide::Ask,
        |r| r.contracts = Contracts::whole(11),
        |r| r.limit = "0.44".parse().unwrap(),
        |r| r.time_in_force = TimeInForce::FillOrKill,
        |r| r.reduce_only = true,
    ];
    for change in changes {
        let mut request = request(&order);
        change(&mut request);
        conflict(
            store.commit_intent(&order, &request, BODY).await,
            "order kat1-T-A-1 and its request differ",
        );
    }
    let sent = step(&order, OrderState::Sent, 1);
    conflict(
        store.commit_intent(&sent, &request(&order), BODY).await,
        "order kat1-T-A-1 is new but already sent",
    );
    assert!(
        store.restore().await.unwrap().generations.is_empty(),
        "nothing was stored"
    );
}

#[tokio::test]
async fn the_life_of_an_order_is_kept_step_by_step() {
    let home = Home::new();
    let store = home.open();
    let intended = order("T-A", 1);
    store
        .commit_intent(&intended, &request(&intended), BODY)
        .await
        .unwrap();
    let sent = step(&intended, OrderState::Sent, 2);
    let mut partial = step(&sent, OrderState::PartiallyFilled, 3);
    partial.venue_order_id = Some("venue-1".parse().unwrap());
    partial.filled = "4.5".parse().unwrap();
    let mut rejected_cancel = step(&partial, OrderState::Canceled, 4);
    rejected_cancel.reject_reason = Some(RejectReason::MarketInactive);
    for (order, detail) in [
        (&sent, "sent"),
        (&partial, "acknowledged"),
        (&rejected_cancel, "market closed"),
    ] {
        store.update_order(order, detail, None).await.unwrap();
    }
    let history = store.history();
    assert_eq!(
        history.order(&intended.client_order_id).unwrap(),
        Some(rejected_cancel.clone())
    );
    let events: Vec<_> = history
        .order_events(&intended.client_order_id)
        .unwrap()
        .into_iter()
        .map(|e| (e.at, e.state, e.filled.to_string(), e.detail))
        .collect();
    let line = |seconds, state, filled: &str, detail: &str| {
        (at(seconds), state, filled.to_owned(), detail.to_owned())
    };
    assert_eq!(
        events,
        [
            line(1, OrderState::Intended, "0.00", "intent committed"),
            line(2, OrderState::Sent, "0.00", "sent"),
            line(3, OrderState::PartiallyFilled, "4.50", "acknowledged"),
            line(4, OrderState::Canceled, "4.50", "market closed"),
        ]
    );
    let restored = store.restore().await.unwrap();
    assert!(restored.open_orders.is_empty() && restored.requests.is_empty());
    assert_eq!(
        restored.venue_ids,
        [("venue-1".parse().unwrap(), intended.client_order_id)]
    );
}

#[tokio::test]
async fn steps_that_contradict_the_books_are_refused() {
    let home = Home::new();
    let store = home.open();
    let intended = order("T-A", 1);
    store
        .commit_intent(&intended, &request(&intended), BODY)
        .await
        .unwrap();
    let mut resting = step(&intended, OrderState::Sent, 2);
    store.update_order(&resting, "sent", None).await.unwrap();
    resting.state = OrderState::PartiallyFilled;
    resting.venue_order_id = Some("venue-1".parse().unwrap());
    resting.filled = Contracts::whole(2);
    store.update_order(&resting, "acknowledged", None).await.unwrap();
    type Change = fn(&mut Order);
    let changes: [(Change, &str); 6] = [
        (
            |o| o.state = OrderState::Intended,
            "order kat1-T-A-1 is partially_filled and cannot become intended",
        ),
        (
            |o| o.filled = Contracts::whole(1),
            "order kat1-T-A-1 has 2.00 contracts filled, which cannot shrink to 1.00",
        ),
        (
            |o| o.venue_order_id = Some("venue-2".parse().unwrap()),
            "order kat1-T-A-1 has the exchange's id venue-1, not venue-2",
        ),
        (
            |o| o.venue_order_id = None,
            "order kat1-T-A-1 has the exchange's id venue-1, not none",
        ),
        (
            |o| o.generation.0 = 2,
            "order kat1-T-A-1 is number 1 of T-A, not number 2 of T-A",
        ),
        (
            |o| o.client_order_id = "stranger".parse().unwrap(),
            "order stranger was never committed",
        ),
    ];
    for (change, sentence) in changes {
        let mut order = resting.clone();
        change(&mut order);
        conflict(store.update_order(&order, "wrong", None).await, sentence);
    }
    assert_eq!(
        store.history().order(&resting.client_order_id).unwrap(),
        Some(resting.clone())
    );
    assert_eq!(
        store
            .history()
            .order_events(&resting.client_order_id)
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn one_exchange_order_belongs_to_one_of_ours() {
    let home = Home::new();
    let store = home.open();
    for market in ["T-A", "T-B"] {
        let order = order(market, 1);
        store.commit_intent(&order, &request(&order), BODY).await.unwrap();
        let mut sent = step(&order, OrderState::Sent, 2);
        sent.venue_order_id = Some("venue-1".parse().unwrap());
        let result = store.update_order(&sent, "sent", None).await;
        match market {
            "T-A" => result.unwrap(),
            _ => assert!(matches!(result, Err(StoreError::Conflict(_)))),
        }
    }
}

#[tokio::test]
async fn a_fill_is_booked_once() {
    let home = Home::new();
    let store = home.open();
    let first = fill("f1", "T-A", BookSide::Bid, "0.5601", 7, 5);
    let mut maker = fill("f2", "T-B", BookSide::Ask, "0.2", 3, 4);
    maker.liquidity = autotrader_domain::Liquidity::Maker;
    maker.fee = Money::micros(-3);
    maker.contracts = "0.01".parse().unwrap();
    assert!(store.record_fill(&first).await.unwrap());
    assert!(store.record_fill(&maker).await.unwrap());
    assert!(!store.record_fill(&first).await.unwrap());
    drop(store);
    assert_eq!(
        home.open().restore().await.unwrap().fills,
        [first, maker],
        "in the order booked"
    );
}

#[tokio::test]
async fn a_fill_of_an_unknown_order_learns_its_owner_later() {
    let home = Home::new();
    let store = home.open();
    let known = fill("f1", "T-A", BookSide::Bid, "0.5", 7, 5);
    let mut anonymous = known.clone();
    anonymous.client_order_id = None;
    assert!(store.record_fill(&anonymous).await.unwrap());
    assert_eq!(store.restore().await.unwrap().fills, [anonymous.clone()]);
    assert!(!store.record_fill(&known).await.unwrap());
    assert!(!store.record_fill(&anonymous).await.unwrap());
    assert_eq!(store.restore().await.unwrap().fills, [known]);
}

#[tokio::test]
async fn another_execution_under_a_known_id_is_refused() {
    let home = Home::new();
    let store = home.open();
    let first = fill("f1", "T-A", BookSide::Bid, "0.56", 7, 5);
    store.record_fill(&first).await.unwrap();
    let mut other = first.clone();
    other.price = "0.57".parse().unwrap();
    let error = store.record_fill(&other).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database contradicts this: fill f1 is stored as 7.00 contracts of T-A at 0.5600 on order venue-1, and \
         reported as 7.00 contracts of T-A at 0.5700 on order venue-1"
    );
    assert_eq!(store.restore().await.unwrap().fills, [first]);
}

#[tokio::test]
async fn a_settlement_is_booked_once_and_an_amendment_beside_it() {
    let home = Home::new();
    let store = home.open();
    let first = settlement("T-A", "1", 10);
    assert!(store.record_settlement(&first).await.unwrap());
    assert!(!store.record_settlement(&first).await.unwrap());
    let amended = settlement("T-A", "0.25", 20);
    assert!(store.record_settlement(&amended).await.unwrap());
    assert_eq!(store.restore().await.unwrap().settlements, [first, amended]);
}

#[tokio::test]
async fn body_and_answers_come_back_as_they_were() {
    let home = Home::new();
    let store = home.open();
    let intended = order("T-A", 1);
    store
        .commit_intent(&intended, &request(&intended), BODY)
        .await
        .unwrap();
    let answer = "HTTP 201 {\"order_id\":\"venue-1\"}\u{0}";
    let mut resting = step(&intended, OrderState::Sent, 2);
    store.update_order(&resting, "sent", None).await.unwrap();
    resting.state = OrderState::Resting;
    store
        .update_order(&resting, "accepted", Some(answer))
        .await
        .unwrap();
    let id = &intended.client_order_id;
    assert_eq!(store.history().order_body(id).unwrap().as_deref(), Some(BODY));
    assert_eq!(
        store.history().order_body(&"other".parse().unwrap()).unwrap(),
        None
    );
    let answers: Vec<Option<String>> = store
        .history()
        .order_events(id)
        .unwrap()
        .into_iter()
        .map(|event| event.answer)
        .collect();
    assert_eq!(answers, [None, None, Some(answer.to_owned())]);
}

#[tokio::test]
async fn only_an_immediate_reducer_may_follow_an_unknown_order() {
    let reducer = |generation| {
        let mut order = order("T-A", generation);
        order.intent.side = BookSide::Ask;
        order.intent.purpose = Purpose::Exit;
        order.intent.time_in_force = TimeInForce::ImmediateOrCancel;
        order.reduce_only = true;
        order
    };
    type Change = fn(&mut Order);
    let spoilt: [Change; 4] = [
        |o| o.intent.purpose = Purpose::Entry,
        |o| o.reduce_only = false,
        |o| o.intent.time_in_force = TimeInForce::FillOrKill,
        |o| o.intent.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None },
    ];
    let home = Home::new();
    let store = home.open();
    let first = order("T-A", 1);
    store.commit_intent(&first, &request(&first), BODY).await.unwrap();
    for state in [OrderState::Sent, OrderState::Unknown] {
        store
            .update_order(&step(&first, state, 2), "step", None)
            .await
            .unwrap();
        for change in spoilt {
            let mut order = reducer(2);
            change(&mut order);
            conflict(
                store.commit_intent(&order, &request(&order), BODY).await,
                &format!(
                    "order kat1-T-A-2 must wait: order kat1-T-A-1 of T-A is {}",
                    state.as_str()
                ),
            );
        }
        let order = reducer(2);
        let result = store.commit_intent(&order, &request(&order), BODY).await;
        assert_eq!(result.is_ok(), state == OrderState::Unknown, "{state:?}");
    }
    // The reducer itself is under way now, and the next one waits for it.
    let third = reducer(3);
    conflict(
        store.commit_intent(&third, &request(&third), BODY).await,
        "order kat1-T-A-3 must wait: order kat1-T-A-2 of T-A is intended",
    );
    let mut flatten = reducer(3);
    flatten.intent.purpose = Purpose::Flatten;
    let second = step(&step(&reducer(2), OrderState::Sent, 3), OrderState::Filled, 3);
    store
        .update_order(&step(&second, OrderState::Sent, 3), "sent", None)
        .await
        .unwrap();
    store.update_order(&second, "filled", None).await.unwrap();
    store
        .commit_intent(&flatten, &request(&flatten), BODY)
        .await
        .unwrap();
}
