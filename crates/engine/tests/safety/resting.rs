//! Entries that rest: one cancel at a time, replacements after the terminal record only, and what their end means.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, Money, Order, OrderState, Reason, RejectReason};
use autotrader_risk::Limits;

use crate::kit::{Play, alerts, buy, canceled, exit, placed, refusals, rest};

/// A bid that rests on `M1A` since second 10.
fn resting(play: &mut Play, contracts: u32) -> Order {
    let mut order = placed(&play.decide(10, vec![rest("M1A", contracts)])).remove(0);
    play.update(10, &mut order, OrderState::Sent);
    play.update(10, &mut order, OrderState::Resting);
    order
}

fn names(reason: Reason) -> BTreeMap<String, Reason> {
    [("M1A".to_owned(), reason)].into()
}

#[test]
fn a_refresh_cancels_once_and_replaces_after_the_terminal_record_only() {
    let mut play = Play::new();
    let mut order = resting(&mut play, 20);
    let id = order.client_order_id.to_string();
    assert_eq!(canceled(&play.refresh(20, &order)), std::slice::from_ref(&id));
    let meanwhile = play.decide(21, vec![rest("M1A", 20)]);
    assert_eq!(
        (placed(&meanwhile).len(), refusals(&meanwhile)),
        (0, names(Reason::OrderInFlight))
    );
    assert_eq!(
        canceled(&play.refresh(22, &order)),
        Vec::<String>::new(),
        "asked already"
    );
    assert_eq!(
        canceled(&play.refresh(30, &order)),
        [id],
        "and asked again when it takes long"
    );
    play.update(31, &mut order, OrderState::Canceled);
    let next = placed(&play.decide(32, vec![rest("M1A", 12)]));
    assert_eq!(
        (next[0].generation.0, next[0].intent.contracts),
        (2, Contracts::whole(12))
    );
}

#[test]
fn what_filled_before_the_cancel_is_known_when_the_replacement_is_sized() {
    let limits = Limits {
        max_position_per_contract: Contracts::whole(20),
        ..Limits::default()
    };
    let mut play = Play::begun(limits);
    let mut order = resting(&mut play, 20);
    play.refresh(20, &order);
    let price = order.intent.limit;
    play.fill(21, &mut order, Contracts::whole(15), price);
    play.update(22, &mut order, OrderState::Canceled);
    assert_eq!(
        refusals(&play.decide(23, vec![rest("M1A", 20)])),
        names(Reason::ContractLimit),
        "fifteen are held: a whole replacement would go beyond"
    );
    assert_eq!(placed(&play.decide(24, vec![rest("M1A", 5)])).len(), 1);
}

#[test]
fn a_withdrawn_entry_leaves_its_contract_quiet_for_others_that_rest() {
    let mut play = Play::new();
    let mut order = resting(&mut play, 20);
    assert_eq!(canceled(&play.withdraw(20, &order)).len(), 1);
    play.update(21, &mut order, OrderState::Canceled);
    assert_eq!(
        refusals(&play.decide(23, vec![rest("M1A", 20)])),
        names(Reason::CoolingDown)
    );
    assert_eq!(placed(&play.decide(24, vec![rest("M1A", 20)])).len(), 1);
}

#[test]
fn what_makes_way_lets_the_contract_be_traded_at_once() {
    let mut play = Play::new();
    let mut order = resting(&mut play, 20);
    play.withdraw(20, &order);
    play.update(21, &mut order, OrderState::Canceled);
    assert_eq!(placed(&play.decide(22, vec![buy("M1A", 5)])).len(), 1);
}

#[test]
fn a_refresh_that_turned_into_a_withdrawal_is_one() {
    let mut play = Play::new();
    let mut order = resting(&mut play, 20);
    play.refresh(20, &order);
    assert_eq!(
        canceled(&play.withdraw(21, &order)).len(),
        0,
        "the cancel is on its way"
    );
    play.update(22, &mut order, OrderState::Canceled);
    assert_eq!(
        refusals(&play.decide(23, vec![rest("M1A", 20)])),
        names(Reason::CoolingDown)
    );
}

#[test]
fn an_entry_that_the_exchange_took_off_by_itself_does_not_come_back_at_once() {
    let mut play = Play::new();
    let mut order = resting(&mut play, 20);
    play.update(20, &mut order, OrderState::Canceled);
    assert_eq!(
        refusals(&play.decide(21, vec![rest("M1A", 20)])),
        names(Reason::CoolingDown)
    );
}

#[test]
fn an_entry_at_its_expiry_or_filled_may_follow_itself() {
    for end in [OrderState::Expired, OrderState::Filled] {
        let mut play = Play::new();
        let mut order = resting(&mut play, 20);
        play.update(20, &mut order, end);
        assert_eq!(
            placed(&play.decide(21, vec![rest("M1A", 20)])).len(),
            1,
            "{end:?}"
        );
    }
}

#[test]
fn a_post_only_order_that_would_have_crossed_does_not_stop_exits() {
    let mut play = Play::new();
    play.acquire(5, buy("M1A", 10));
    let mut order = placed(&play.decide(10, vec![rest("M1A", 20)])).remove(0);
    let effects = play.reject(11, &mut order, RejectReason::PostOnlyCross);
    assert!(alerts(&effects).is_empty(), "nobody need be told");
    assert_eq!(
        refusals(&play.decide(12, vec![rest("M1A", 20)])),
        names(Reason::CoolingDown)
    );
    assert_eq!(placed(&play.decide(13, vec![exit("M1A", 10)])).len(), 1);
}

#[test]
fn an_order_that_could_not_be_replaced_within_the_minute_stays() {
    let limits = Limits {
        max_orders_per_minute: 2,
        ..Limits::default()
    };
    let mut play = Play::begun(limits);
    let order = resting(&mut play, 20);
    assert_eq!(placed(&play.decide(11, vec![buy("M1B", 5)])).len(), 1);
    assert_eq!(canceled(&play.refresh(20, &order)).len(), 0);
    assert_eq!(
        canceled(&play.refresh(70, &order)).len(),
        1,
        "the first one is a minute old"
    );
    assert_eq!(
        canceled(&play.withdraw(80, &order)).len(),
        1,
        "what must go goes whatever the limit"
    );
}

#[test]
fn two_refreshes_do_not_count_on_the_same_place() {
    let limits = Limits {
        max_orders_per_minute: 3,
        ..Limits::default()
    };
    let mut play = Play::begun(limits);
    let first = resting(&mut play, 20);
    let mut second = placed(&play.decide(12, vec![rest("M1B", 20)])).remove(0);
    play.update(12, &mut second, OrderState::Sent);
    play.update(12, &mut second, OrderState::Resting);
    assert_eq!(canceled(&play.refresh(20, &first)).len(), 1);
    assert_eq!(canceled(&play.refresh(21, &second)).len(), 0);
}

#[test]
fn time_alone_is_reason_to_decide_while_something_rests() {
    let mut play = Play::new();
    play.decide(5, vec![]);
    play.want(vec![buy("M1B", 5)]);
    assert_eq!(
        placed(&play.tick(7)).len(),
        0,
        "nothing happened and nothing rests"
    );
    play.want(vec![]);
    let mut order = resting(&mut play, 20);
    play.tick(12);
    play.want(vec![buy("M1B", 5)]);
    assert_eq!(placed(&play.tick(13)).len(), 1);
    play.update(14, &mut order, OrderState::Canceled);
}

#[test]
fn our_own_bid_is_not_what_others_would_pay() {
    let mut play = Play::new();
    play.acquire(5, buy("M1A", 10));
    let mut order = resting(&mut play, 20);
    play.show(20, "M1A", &[("0.41", 20), ("0.40", 500)], &[("0.55", 500)]);
    assert_eq!(
        play.engine.marks().to_string(),
        "4.000000",
        "ten at the others' 0.40"
    );
    play.show(21, "M1A", &[("0.41", 25), ("0.40", 500)], &[("0.55", 500)]);
    assert_eq!(
        play.engine.marks().to_string(),
        "4.100000",
        "five of another bid 0.41"
    );
    play.update(22, &mut order, OrderState::Canceled);
    play.show(23, "M1A", &[("0.41", 20), ("0.40", 500)], &[("0.55", 500)]);
    assert_eq!(play.engine.marks().to_string(), "4.100000");
}

#[test]
fn what_an_exit_frees_is_spent_after_its_fill_is_booked_only() {
    let limits = Limits {
        max_order_contracts: Contracts::whole(5_000),
        max_position_per_contract: Contracts::whole(5_000),
        max_position_per_event: Contracts::whole(20_000),
        max_worst_state_loss: Money::dollars(5_000),
        max_lab_exposure: Money::dollars(5_000),
        max_portfolio_exposure_bp: 100_000,
        max_daily_loss: Money::dollars(5_000),
        max_strategy_loss: Money::dollars(5_000),
        max_drawdown: Money::dollars(5_000),
        ..Limits::default()
    };
    let mut play = Play::begun(limits);
    play.acquire(5, buy("M1A", 1_800));
    let wishes = || vec![buy("M1B", 1_000), exit("M1A", 1_800)];
    let both = play.decide(10, wishes());
    let mut sold = placed(&both);
    assert_eq!(sold.len(), 1, "190 dollars are left, and the entry needs 450");
    assert_eq!(
        refusals(&both),
        [("M1B".to_owned(), Reason::InsufficientCollateral)].into()
    );
    let mut exiting = sold.remove(0);
    play.update(11, &mut exiting, OrderState::Sent);
    let meanwhile = placed(&play.decide(12, vec![buy("M1B", 1_000)]));
    assert_eq!(meanwhile.len(), 0, "sent is not filled");
    let price = exiting.intent.limit;
    play.fill(13, &mut exiting, Contracts::whole(1_800), price);
    assert_eq!(placed(&play.decide(14, vec![buy("M1B", 1_000)])).len(), 1);
}
