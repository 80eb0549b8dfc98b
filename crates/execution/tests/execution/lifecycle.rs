//! The pure state machine, step by step.

use autotrader_domain::{Contracts, OrderRequest, OrderState, RejectReason, TimeInForce};
use autotrader_execution::{Life, Step, VenueWord, advance};
use chrono::TimeDelta;

use crate::kit::{bid, start};

fn life() -> Life {
    let order = bid("T", 10, "0.40");
    let request = OrderRequest::of(&order, 0);
    Life::new(order, request, Some("{}".to_owned()))
}

fn open(filled: u32) -> Step {
    Step::Report(VenueWord {
        filled: Contracts::whole(filled),
        open: true,
    })
}

fn over(filled: u32) -> Step {
    Step::Report(VenueWord {
        filled: Contracts::whole(filled),
        open: false,
    })
}

fn fill(contracts: u32) -> Step {
    Step::Fill(Contracts::whole(contracts))
}

#[track_caller]
fn check(steps: &[Step], state: OrderState, filled: u32) {
    let mut at = start();
    let mut life = life();
    for step in steps {
        at += TimeDelta::seconds(1);
        life = advance(&life, step, at).unwrap();
    }
    assert_eq!(
        (life.order.state, life.order.filled),
        (state, Contracts::whole(filled)),
        "{steps:?}"
    );
}

#[test]
fn an_order_is_finished_when_its_fills_are_booked() {
    use OrderState as S;
    use Step::{Lose, Send};
    check(&[Send], S::Sent, 0);
    check(&[Send, open(0)], S::Resting, 0);
    check(&[Send, over(0)], S::Canceled, 0);
    check(&[Send, over(10)], S::Sent, 0);
    check(&[Send, over(10), fill(4)], S::Sent, 4);
    check(&[Send, over(10), fill(4), fill(6)], S::Filled, 10);
    check(&[Send, over(4), fill(4)], S::Canceled, 4);
    check(&[Send, open(4), fill(4)], S::PartiallyFilled, 4);
    check(&[Send, open(0), fill(4), over(4)], S::Canceled, 4);
    check(&[Send, open(0), fill(10)], S::Filled, 10);
    check(&[Send, over(10), Lose, fill(10)], S::Filled, 10);
}

#[test]
fn fills_may_come_before_the_answer_and_after_the_end() {
    use OrderState as S;
    use Step::{Lose, Send};
    check(&[Send, fill(4)], S::Sent, 4);
    check(&[Send, fill(10)], S::Filled, 10);
    check(&[Send, fill(10), over(10)], S::Filled, 10);
    check(&[Send, fill(4), over(4)], S::Canceled, 4);
    check(&[Send, over(0), fill(3)], S::Canceled, 3);
    check(&[Send, Lose, fill(3)], S::Unknown, 3);
    check(&[Send, Step::GiveUp, fill(3)], S::Abandoned, 3);
}

#[test]
fn reads_that_lag_do_not_reopen_an_order() {
    use OrderState as S;
    use Step::{Lose, Send};
    check(&[Send, over(4), open(0), fill(4)], S::Canceled, 4);
    check(&[Send, over(4), open(0)], S::Sent, 0);
    check(&[Send, open(4), open(0), fill(3)], S::PartiallyFilled, 3);
    check(&[Send, over(0), open(0)], S::Canceled, 0);
    check(&[Send, open(0), Lose, open(0)], S::Resting, 0);
    check(&[Send, over(0), Lose], S::Canceled, 0);
    // The end may be corrected by a later word on the end.
    check(&[Send, over(6), over(4), fill(4)], S::Canceled, 4);
}

#[test]
fn an_expiry_that_has_passed_names_the_end() {
    let mut resting = life();
    resting.order.intent.time_in_force = TimeInForce::GoodTillCanceled {
        expires_at: Some(start() + TimeDelta::minutes(5)),
    };
    let sent = advance(&resting, &Step::Send, start()).unwrap();
    let early = advance(&sent, &over(0), start() + TimeDelta::minutes(4)).unwrap();
    assert_eq!(early.order.state, OrderState::Canceled);
    let late = advance(&sent, &over(0), start() + TimeDelta::minutes(5)).unwrap();
    assert_eq!(late.order.state, OrderState::Expired);
}

#[track_caller]
fn refused(steps: &[Step], last: &Step) {
    let mut life = life();
    for step in steps {
        life = advance(&life, step, start()).unwrap();
    }
    let illegal = advance(&life, last, start()).unwrap_err();
    assert_eq!((&illegal.step, illegal.state), (last, life.order.state));
}

#[test]
fn contradictions_are_refused() {
    use Step::{GiveUp, Send};
    let refuse = Step::Refuse(RejectReason::InvalidPrice);
    refused(&[Send], &Send);
    refused(&[], &refuse);
    refused(&[], &fill(1));
    refused(&[], &over(0));
    refused(&[Send, fill(1)], &GiveUp);
    refused(&[Send, fill(1)], &refuse);
    refused(&[Send, open(0)], &GiveUp);
    refused(&[Send, open(0)], &refuse);
    refused(&[Send, GiveUp], &GiveUp);
    refused(&[Send, over(0)], &refuse);
    refused(
        &[Step::Identify("v-1".parse().unwrap())],
        &Step::Identify("v-2".parse().unwrap()),
    );
}

#[test]
fn an_illegal_step_says_where_and_what() {
    let text = advance(&life(), &Step::Refuse(RejectReason::InvalidPrice), start())
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "order kat1-T-1 is intended with 0.00 filled and cannot take the step Refuse(InvalidPrice)"
    );
}
