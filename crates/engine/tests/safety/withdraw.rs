//! Orders that may no longer stand are cancelled by id, whenever they come to stand.

use autotrader_domain::{Command, OrderState, RejectReason};
use autotrader_engine::Event;
use autotrader_risk::Limits;
use chrono::TimeDelta;

use crate::kit::{PAUSED, Play, buy, canceled, exit, placed, rest};

fn halt() -> Command {
    Command::Halt {
        reason: "a drill".into(),
    }
}

#[test]
fn a_halt_cancels_what_is_open_and_what_becomes_open_after_it() {
    let mut play = Play::new();
    let mut orders = placed(&play.decide(10, vec![rest("M1A", 5), rest("LA", 5), buy("LB", 5)]));
    assert_eq!(orders.len(), 3);
    let ids: Vec<String> = orders
        .iter()
        .map(|order| order.client_order_id.to_string())
        .collect();
    play.update(11, &mut orders[0], OrderState::Sent);
    play.update(11, &mut orders[0], OrderState::Resting);
    play.update(11, &mut orders[1], OrderState::Sent);
    let mut found = canceled(&play.command(12, halt()));
    let mut expected = ids.clone();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "each once, whatever its state");
    assert_eq!(canceled(&play.tick(13)), [""; 0], "asked a moment ago");
    // The answer of the second arrives after the halt: now it stands, and is cancelled now.
    assert_eq!(
        canceled(&play.update(14, &mut orders[1], OrderState::Resting)),
        [ids[1].clone()]
    );
    play.update(15, &mut orders[0], OrderState::Canceled);
    // What does not end is asked again.
    let mut again = canceled(&play.tick(24));
    again.sort();
    let mut rest: Vec<String> = ids[1..].to_vec();
    rest.sort();
    assert_eq!(again, rest);
}

#[test]
fn a_reduction_cancels_resting_orders_and_leaves_immediate_ones_alone() {
    let mut play = Play::new();
    let orders = placed(&play.decide(10, vec![rest("M1A", 5), buy("LB", 5)]));
    let effects = play.command(
        11,
        Command::Reduce {
            reason: "a drill".into(),
        },
    );
    let resting = orders
        .iter()
        .find(|order| order.intent.ticker.as_str() == "M1A")
        .unwrap();
    assert_eq!(canceled(&effects), [resting.client_order_id.to_string()]);
}

#[test]
fn resting_entries_go_when_what_is_known_is_in_doubt_and_stay_through_a_pause() {
    let limits = Limits {
        max_feed_age: TimeDelta::seconds(100),
        ..Limits::default()
    };
    let mut play = Play::begun(limits);
    let mut order = placed(&play.decide(10, vec![rest("M1A", 5)])).remove(0);
    let id = order.client_order_id.to_string();
    play.update(11, &mut order, OrderState::Sent);
    play.update(11, &mut order, OrderState::Resting);
    assert_eq!(canceled(&play.handle(12, &Event::Exchange(PAUSED))), [""; 0]);
    assert_eq!(canceled(&play.hold_board(13, true)), std::slice::from_ref(&id));
    assert_eq!(canceled(&play.hold_board(14, false)), [""; 0]);
    assert_eq!(canceled(&play.tick(113)), [""; 0]);
    assert_eq!(canceled(&play.tick(115)), [id], "the page was last read at 14");
}

#[test]
fn cancel_all_cancels_what_is_open_and_changes_nothing_else() {
    let mut play = Play::new();
    let order = placed(&play.decide(10, vec![rest("M1A", 5)])).remove(0);
    let all = Command::CancelAll {
        reason: "a drill".into(),
    };
    assert_eq!(
        canceled(&play.command(11, all)),
        [order.client_order_id.to_string()]
    );
    assert_eq!(placed(&play.decide(12, vec![buy("LA", 5)])).len(), 1);
}

#[test]
fn after_an_account_wide_cancel_nothing_is_placed_for_ninety_seconds() {
    let mut play = Play::new();
    let order = placed(&play.decide(10, vec![rest("M1A", 5)])).remove(0);
    let account = Command::CancelAccount {
        reason: "a drill".into(),
    };
    assert_eq!(
        canceled(&play.command(11, account)),
        [order.client_order_id.to_string()]
    );
    assert_eq!(placed(&play.decide(100, vec![buy("LA", 5)])).len(), 0);
    assert_eq!(placed(&play.decide(101, vec![buy("LA", 5)])).len(), 1);
}

#[test]
fn a_refused_entry_does_not_keep_a_position_from_being_closed_and_a_refused_exit_waits() {
    let mut play = Play::new();
    play.acquire(10, buy("M1A", 10));
    let mut entry = placed(&play.decide(20, vec![buy("M1A", 5)])).remove(0);
    play.reject(21, &mut entry, RejectReason::InvalidPrice);
    let mut closing = placed(&play.decide(22, vec![exit("M1A", 10)])).remove(0);
    play.reject(23, &mut closing, RejectReason::InvalidPrice);
    assert_eq!(placed(&play.decide(25, vec![exit("M1A", 10)])).len(), 0);
    assert_eq!(placed(&play.decide(26, vec![exit("M1A", 10)])).len(), 1);
}
