//! Order groups: the rolling limit, triggering, resetting, deleting.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_simulator::exchange::{
    AccountId, Exchange, FeedEvent, NewOrder, OrderGroupId, OrderGroupStep, OrderId, OrderStatus, Refusal,
};
use support::*;

struct Scene {
    x: Exchange,
    owner: AccountId,
    taker: AccountId,
    group: OrderGroupId,
}

fn scene(limit: &str) -> Scene {
    let mut x = exchange();
    x.sweep_one_in(0);
    let [owner, taker] = ["owner", "taker"].map(|name| member(&mut x, name, 10_000));
    let group = x.create_order_group(owner, c(limit), after(0)).unwrap().id;
    Scene {
        x,
        owner,
        taker,
        group,
    }
}

impl Scene {
    fn grouped(&self, order: NewOrder) -> NewOrder {
        NewOrder {
            order_group_id: Some(self.group),
            ..order
        }
    }

    fn rest(&mut self, order: NewOrder, at: i64) -> Result<OrderId, Refusal> {
        let order = self.grouped(order);
        self.x
            .submit(self.owner, order, after(at))
            .map(|ack| ack.order_id)
    }

    fn take(&mut self, count: &str, at: i64) {
        let order = ioc(ask(TOP, count, "0.01"));
        self.x.submit(self.taker, order, after(at)).unwrap();
    }

    fn is_triggered(&self) -> bool {
        self.x.order_group(self.owner, self.group).unwrap().0.is_triggered
    }

    fn status(&self, id: OrderId) -> OrderStatus {
        self.x.order(self.owner, id).unwrap().status
    }
}

#[test]
fn more_than_the_limit_within_fifteen_seconds_triggers() {
    let mut scene = scene("10");
    let first = scene.rest(bid(TOP, "8", "0.50"), 1).unwrap();
    let second = scene.rest(bid(TOP, "8", "0.40"), 1).unwrap();
    let elsewhere = scene.rest(bid(TOP_B, "8", "0.40"), 1).unwrap();
    scene.take("10", 2);
    assert!(!scene.is_triggered(), "the limit itself is allowed");
    scene.take("0.01", 3);
    assert!(scene.is_triggered());
    assert_eq!(scene.status(first), OrderStatus::Executed);
    assert_eq!(scene.status(second), OrderStatus::Canceled);
    assert_eq!(scene.status(elsewhere), OrderStatus::Canceled, "in every market");
    assert_eq!(
        scene.rest(bid(TOP, "1", "0.10"), 4),
        Err(Refusal::InvalidOrder("order group triggered"))
    );
    let plain = bid(TOP, "1", "0.10");
    assert!(
        scene.x.submit(scene.owner, plain, after(5)).is_ok(),
        "orders outside of the group go on"
    );
}

#[test]
fn what_is_fifteen_seconds_old_counts_no_more() {
    let mut scene = scene("10");
    scene.rest(bid(TOP, "100", "0.50"), 1).unwrap();
    scene.take("10", 2);
    scene.take("10", 17);
    assert!(!scene.is_triggered());
    scene.take("1", 31);
    assert!(scene.is_triggered());
}

#[test]
fn an_incoming_order_of_the_group_counts_too_and_its_remainder_is_cancelled() {
    let mut scene = scene("10");
    let order = ask(TOP, "11", "0.50");
    scene.x.submit(scene.taker, order, after(1)).unwrap();
    let order = scene.grouped(bid(TOP, "20", "0.50"));
    let ack = scene.x.submit(scene.owner, order, after(2)).unwrap();
    assert_eq!((ack.filled, ack.remaining), (c("11"), c("0")));
    assert!(scene.is_triggered());
    assert_eq!(scene.x.balance(scene.owner).unwrap().reserved, m("0"));
}

#[test]
fn a_reset_clears_the_trigger_and_the_volume() {
    let mut scene = scene("10");
    scene.rest(bid(TOP, "100", "0.50"), 1).unwrap();
    scene.take("11", 2);
    assert!(scene.is_triggered());
    scene
        .x
        .reset_order_group(scene.owner, scene.group, after(3))
        .unwrap();
    scene.rest(bid(TOP, "100", "0.50"), 4).unwrap();
    scene.take("10", 5);
    assert!(!scene.is_triggered());
}

#[test]
fn a_limit_below_the_rolling_volume_triggers() {
    let mut scene = scene("10");
    let id = scene.rest(bid(TOP, "100", "0.50"), 1).unwrap();
    scene.take("6", 2);
    let (owner, group) = (scene.owner, scene.group);
    scene
        .x
        .set_order_group_limit(owner, group, c("6"), after(3))
        .unwrap();
    assert!(!scene.is_triggered());
    scene
        .x
        .set_order_group_limit(owner, group, c("5.99"), after(4))
        .unwrap();
    assert!(scene.is_triggered());
    assert_eq!(scene.status(id), OrderStatus::Canceled);
}

#[test]
fn triggering_and_deleting_cancel_and_a_deleted_group_is_gone() {
    let mut scene = scene("10");
    let id = scene.rest(bid(TOP, "1", "0.50"), 1).unwrap();
    let (owner, group) = (scene.owner, scene.group);
    assert_eq!(scene.x.order_group(owner, group).unwrap().1, [id]);
    scene.x.trigger_order_group(owner, group, after(2)).unwrap();
    assert_eq!(scene.status(id), OrderStatus::Canceled);
    scene.x.reset_order_group(owner, group, after(3)).unwrap();
    let id = scene.rest(bid(TOP, "1", "0.50"), 4).unwrap();
    scene.x.delete_order_group(owner, group, after(5)).unwrap();
    assert_eq!(scene.status(id), OrderStatus::Canceled);
    assert!(scene.x.order_groups(owner).is_empty());
    assert_eq!(
        scene.x.reset_order_group(owner, group, after(6)),
        Err(Refusal::NotFound)
    );
    assert_eq!(
        scene.rest(bid(TOP, "1", "0.50"), 7),
        Err(Refusal::InvalidOrder("order group not found"))
    );
}

#[test]
fn groups_belong_to_their_account_and_their_limits_to_a_range() {
    let mut scene = scene("10");
    assert_eq!(
        scene.x.order_group(scene.taker, scene.group),
        Err(Refusal::NotFound)
    );
    let foreign = scene.grouped(bid(TOP, "1", "0.10"));
    assert!(scene.x.submit(scene.taker, foreign, after(1)).is_err());
    for limit in ["0", "0.99", "1000000.01"] {
        assert_eq!(
            scene.x.create_order_group(scene.owner, c(limit), after(2)),
            Err(Refusal::InvalidParameters("contracts_limit")),
            "{limit}"
        );
    }
    for limit in ["1", "1000000"] {
        scene
            .x
            .create_order_group(scene.owner, c(limit), after(3))
            .unwrap();
    }
    assert_eq!(scene.x.order_groups(scene.owner).len(), 3);
}

#[test]
fn every_step_is_told() {
    let mut scene = scene("10");
    scene.x.watch();
    let (owner, group) = (scene.owner, scene.group);
    scene.x.trigger_order_group(owner, group, after(1)).unwrap();
    scene.x.reset_order_group(owner, group, after(2)).unwrap();
    scene
        .x
        .set_order_group_limit(owner, group, c("7"), after(3))
        .unwrap();
    scene.x.delete_order_group(owner, group, after(4)).unwrap();
    let steps: Vec<OrderGroupStep> = scene
        .x
        .take_feed()
        .into_iter()
        .filter_map(|event| match event {
            FeedEvent::OrderGroup { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        [
            OrderGroupStep::Triggered,
            OrderGroupStep::Reset,
            OrderGroupStep::LimitUpdated(c("7")),
            OrderGroupStep::Deleted,
        ]
    );
}
