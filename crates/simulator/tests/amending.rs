//! Amending and decreasing resting orders: queue, crossing, client ids, refusals.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_domain::{BookSide, TimeInForce};
use autotrader_simulator::exchange::{
    AccountId, AmendAck, AmendOrder, Decrease, Exchange, ExpirationChange, FeedEvent, OrderId, OrderStatus,
    Refusal, UpdateReason,
};
use support::*;

/// A resting bid for 10 at 0.40 with another account's bid for 5 behind it and an ask for 3 at 0.60.
struct Scene {
    x: Exchange,
    a: AccountId,
    b: AccountId,
    mine: OrderId,
    behind: OrderId,
}

fn scene() -> Scene {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    let mut order = bid(TOP, "10", "0.40");
    order.client_order_id = Some("first".to_owned());
    let mine = x.submit(a, order, after(1)).unwrap().order_id;
    let behind = x.submit(b, bid(TOP, "5", "0.40"), after(2)).unwrap().order_id;
    x.submit(b, ask(TOP, "3", "0.60"), after(3)).unwrap();
    Scene {
        x,
        a,
        b,
        mine,
        behind,
    }
}

fn amend(price: &str, count: &str) -> AmendOrder {
    AmendOrder {
        ticker: t(TOP),
        side: BookSide::Bid,
        price: p(price),
        count: c(count),
        client_order_id: None,
        updated_client_order_id: None,
        expiration: ExpirationChange::Keep,
    }
}

impl Scene {
    fn amend(&mut self, amend: AmendOrder) -> Result<AmendAck, Refusal> {
        self.x.amend(self.a, self.mine, amend, after(10))
    }

    /// Contracts before mine, and before the one that came later.
    fn queue(&self) -> (String, String) {
        let ahead = |who, id| self.x.queue_position(who, id).unwrap().to_string();
        (ahead(self.a, self.mine), ahead(self.b, self.behind))
    }
}

#[track_caller]
fn check_queue(price: &str, count: &str, mine: &str, behind: &str) {
    let mut scene = scene();
    scene.amend(amend(price, count)).unwrap();
    assert_eq!(
        scene.queue(),
        (mine.to_owned(), behind.to_owned()),
        "{count} at {price}"
    );
}

#[test]
fn only_a_changed_price_or_a_larger_size_loses_the_place_in_the_queue() {
    check_queue("0.40", "10", "0.00", "10.00");
    check_queue("0.40", "4", "0.00", "4.00");
    check_queue("0.40", "11", "5.00", "0.00");
    check_queue("0.39", "4", "5.00", "0.00");
    check_queue("0.41", "10", "0.00", "10.00");
}

#[test]
fn an_amendment_says_what_rests_only_when_that_changed() {
    let mut same = scene();
    let ack = same.amend(amend("0.41", "10")).unwrap();
    assert_eq!((ack.filled, ack.remaining), (None, None));
    let mut smaller = scene();
    let ack = smaller.amend(amend("0.40", "7.50")).unwrap();
    assert_eq!((ack.filled, ack.remaining), (Some(c("0")), Some(c("7.50"))));
    let record = smaller.x.order(smaller.a, smaller.mine).unwrap();
    assert_eq!(
        (record.reason, record.status, record.remaining),
        (Some(UpdateReason::Amend), OrderStatus::Resting, c("7.50"))
    );
    assert_eq!(smaller.x.balance(smaller.a).unwrap().reserved, m("3"));
}

#[test]
fn a_price_that_crosses_takes_first_and_the_total_counts_what_is_filled() {
    let mut scene = scene();
    let ack = scene.amend(amend("0.60", "10")).unwrap();
    assert_eq!((ack.filled, ack.remaining), (Some(c("3")), Some(c("7"))));
    assert_eq!(ack.notional, m("1.80"));
    assert!(!ack.fees.is_negative() && ack.fees != m("0"));
    let fill = scene.x.fills(scene.a).next().unwrap();
    assert_eq!((fill.is_taker, fill.price), (true, p("0.60")));
    // Three of the total of eight are filled, so five shall rest.
    let ack = scene.amend(amend("0.60", "8")).unwrap();
    assert_eq!(ack.remaining, Some(c("5")));
    assert_eq!(
        scene.amend(amend("0.60", "3")),
        Err(Refusal::InvalidOrderSize),
        "nothing would rest"
    );
    assert_eq!(scene.amend(amend("0.60", "2")), Err(Refusal::InvalidOrderSize));
}

#[test]
fn a_post_only_order_is_not_amended_into_a_cross() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    let mut order = bid(TOP, "10", "0.40");
    order.post_only = true;
    let id = x.submit(a, order, after(1)).unwrap().order_id;
    x.submit(b, ask(TOP, "3", "0.60"), after(2)).unwrap();
    assert_eq!(
        x.amend(a, id, amend("0.60", "10"), after(3)),
        Err(Refusal::InvalidOrder("post only cross"))
    );
    let record = x.order(a, id).unwrap();
    assert_eq!((record.asked.price, record.remaining), (p("0.40"), c("10")));
    x.amend(a, id, amend("0.59", "10"), after(4)).unwrap();
}

#[test]
fn an_amended_client_id_is_spent_for_ever_and_the_old_one_too() {
    let mut scene = scene();
    let renamed = AmendOrder {
        client_order_id: Some("first".to_owned()),
        updated_client_order_id: Some("second".to_owned()),
        ..amend("0.40", "10")
    };
    let ack = scene.amend(renamed.clone()).unwrap();
    assert_eq!(ack.client_order_id.as_deref(), Some("second"));
    assert_eq!(
        scene.amend(renamed),
        Err(Refusal::OrderIdAndClientOrderIdMismatch),
        "it is called second now"
    );
    for id in ["first", "second"] {
        let mut order = bid(TOP, "1", "0.10");
        order.client_order_id = Some(id.to_owned());
        assert_eq!(
            scene.x.submit(scene.a, order, after(20)),
            Err(Refusal::OrderAlreadyExists),
            "{id}"
        );
    }
    let taken = AmendOrder {
        updated_client_order_id: Some("first".to_owned()),
        ..amend("0.40", "10")
    };
    assert_eq!(scene.amend(taken), Err(Refusal::OrderAlreadyExists));
    scene
        .x
        .forget_client_ids_older_than(chrono::TimeDelta::seconds(30), after(60));
    let mut order = bid(TOP, "1", "0.10");
    order.client_order_id = Some("first".to_owned());
    assert!(
        scene.x.submit(scene.a, order, after(61)).is_ok(),
        "unless forgotten, by a fault"
    );
}

#[test]
fn expiry_can_be_set_moved_and_removed_without_losing_the_place() {
    let with = |expiration| AmendOrder {
        expiration,
        ..amend("0.40", "10")
    };
    let mut scene = scene();
    scene.amend(with(ExpirationChange::Set(after(30)))).unwrap();
    scene.amend(with(ExpirationChange::Set(after(60)))).unwrap();
    assert_eq!(scene.queue().0, "0.00");
    scene.x.advance(after(59));
    assert_eq!(
        scene.x.order(scene.a, scene.mine).unwrap().status,
        OrderStatus::Resting,
        "the first expiry was moved"
    );
    let mut kept = self::scene();
    kept.amend(with(ExpirationChange::Set(after(30)))).unwrap();
    kept.amend(with(ExpirationChange::Remove)).unwrap();
    kept.x.advance(after(600));
    let record = kept.x.order(kept.a, kept.mine).unwrap();
    assert_eq!(
        (record.status, record.asked.time_in_force),
        (
            OrderStatus::Resting,
            TimeInForce::GoodTillCanceled { expires_at: None }
        )
    );
    scene.x.advance(after(60));
    assert_eq!(
        scene.x.order(scene.a, scene.mine).unwrap().reason,
        Some(UpdateReason::ExpiryCancel)
    );
    let past = with(ExpirationChange::Set(after(5)));
    assert_eq!(
        kept.x.amend(kept.a, kept.mine, past, after(601)),
        Err(Refusal::InvalidOrder("expiration time in the past"))
    );
}

#[test]
fn refusals_name_what_does_not_match() {
    let cases = [
        (
            AmendOrder {
                side: BookSide::Ask,
                ..amend("0.40", "10")
            },
            Refusal::OrderSideMismatch,
        ),
        (
            AmendOrder {
                ticker: t(TOP_B),
                ..amend("0.40", "10")
            },
            Refusal::OrderTickerMismatch,
        ),
        (
            AmendOrder {
                client_order_id: Some("other".to_owned()),
                ..amend("0.40", "10")
            },
            Refusal::OrderIdAndClientOrderIdMismatch,
        ),
        (
            AmendOrder {
                updated_client_order_id: Some("a b".to_owned()),
                ..amend("0.40", "10")
            },
            Refusal::InvalidParameters("updated_client_order_id"),
        ),
        (amend("0.405", "10"), Refusal::InvalidPrice),
        (amend("0.40", "0"), Refusal::InvalidOrderSize),
        (amend("0.40", "1000"), Refusal::InsufficientBalance),
    ];
    for (wanted, expected) in cases {
        let mut scene = scene();
        let before = scene.x.order(scene.a, scene.mine).unwrap().clone();
        assert_eq!(scene.amend(wanted.clone()), Err(expected), "{wanted:?}");
        assert_eq!(
            scene.x.order(scene.a, scene.mine).unwrap(),
            &before,
            "nothing changed"
        );
        assert_eq!(scene.queue(), ("0.00".to_owned(), "10.00".to_owned()));
    }
    let mut scene = scene();
    assert_eq!(
        scene.x.amend(scene.b, scene.mine, amend("0.40", "9"), after(11)),
        Err(Refusal::NotFound),
        "another's order"
    );
    scene.x.set_trading_active(false, after(12));
    assert_eq!(
        scene.x.amend(scene.a, scene.mine, amend("0.40", "9"), after(13)),
        Err(Refusal::TradingPaused)
    );
    assert!(scene.x.cancel(scene.a, scene.mine, after(14)).is_ok());
    scene.x.set_trading_active(true, after(15));
    assert_eq!(
        scene.x.amend(scene.a, scene.mine, amend("0.40", "9"), after(16)),
        Err(Refusal::NotFound),
        "a finished order"
    );
}

#[test]
fn a_decrease_keeps_the_place_and_zero_cancels() {
    let mut scene = scene();
    let (a, mine) = (scene.a, scene.mine);
    let ack = scene
        .x
        .decrease(a, mine, Decrease::By(c("2.50")), after(10))
        .unwrap();
    assert_eq!(
        (ack.remaining, ack.client_order_id.as_deref()),
        (c("7.50"), Some("first"))
    );
    assert_eq!(scene.queue(), ("0.00".to_owned(), "7.50".to_owned()));
    let ack = scene
        .x
        .decrease(a, mine, Decrease::To(c("4")), after(11))
        .unwrap();
    assert_eq!(ack.remaining, c("4"));
    assert_eq!(
        scene.x.order(a, mine).unwrap().reason,
        Some(UpdateReason::Decrease)
    );
    for wrong in [Decrease::By(c("0")), Decrease::To(c("4.01"))] {
        assert_eq!(
            scene.x.decrease(a, mine, wrong, after(12)),
            Err(Refusal::InvalidOrderSize)
        );
    }
    let ack = scene
        .x
        .decrease(a, mine, Decrease::By(c("400")), after(13))
        .unwrap();
    assert_eq!(ack.remaining, c("0"));
    let record = scene.x.order(a, mine).unwrap();
    assert_eq!(
        (record.status, record.reason),
        (OrderStatus::Canceled, Some(UpdateReason::Decrease))
    );
    assert_eq!(
        scene.x.decrease(a, mine, Decrease::To(c("0")), after(14)),
        Err(Refusal::NotFound)
    );
}

#[test]
fn the_book_feed_adds_up_across_amendments() {
    let mut scene = scene();
    scene.x.watch();
    scene.amend(amend("0.60", "10")).unwrap();
    scene
        .x
        .decrease(scene.a, scene.mine, Decrease::By(c("1")), after(11))
        .unwrap();
    let mut bids: Vec<(String, i64, bool)> = Vec::new();
    for event in scene.x.take_feed() {
        if let FeedEvent::Book {
            side: BookSide::Bid,
            price,
            delta,
            cause,
            ..
        } = event
        {
            let mine = cause.is_some_and(|cause| {
                cause.account == scene.a && cause.client_order_id.as_deref() == Some("first")
            });
            bids.push((price.to_string(), delta, mine));
        }
    }
    assert_eq!(
        bids,
        [
            ("0.4000".to_owned(), -1_000, true),
            ("0.6000".to_owned(), 700, true),
            ("0.6000".to_owned(), -100, true),
        ]
    );
}
