//! Pauses, maintenance, price grids, fee changes, the aftermath of a cancel of all, disputes and amended results.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_domain::{MarketStatus, Money, Price, SettlementResult};
use autotrader_simulator::exchange::{
    AccountId, Exchange, FeeModel, FeeTerms, FeedEvent, LifecycleStep, LogEntry, OrderStatus, PriceStructure,
    Refusal, UpdateReason,
};
use chrono::{DateTime, TimeDelta, Utc};
use support::*;

fn steps(x: &mut Exchange) -> Vec<LifecycleStep> {
    x.take_feed()
        .into_iter()
        .filter_map(|event| match event {
            FeedEvent::Lifecycle { step, .. } => Some(step),
            _ => None,
        })
        .collect()
}

#[test]
fn weekly_maintenance_pauses_trading_and_lets_cancels_through() {
    let mut x = exchange();
    let a = member(&mut x, "a", 1_000);
    let window: [DateTime<Utc>; 2] =
        ["2026-09-24T07:00:00Z", "2026-09-24T09:00:00Z"].map(|text| text.parse().unwrap());
    x.keep_weekly_maintenance(after(0));
    assert_eq!(x.maintenance_window(), Some((window[0], window[1])));
    let stays = x.submit(a, bid(TOP, "1", "0.10"), after(1)).unwrap().order_id;
    let mut order = bid(TOP, "1", "0.11");
    order.cancel_on_pause = true;
    let goes = x.submit(a, order, after(2)).unwrap().order_id;
    let second = TimeDelta::seconds(1);
    x.advance(window[0] - second);
    assert!(x.is_trading_active() && x.estimated_resume().is_none());
    x.advance(window[0]);
    assert!(!x.is_trading_active() && x.is_exchange_active());
    assert_eq!(x.estimated_resume(), Some(window[1]));
    let record = x.order(a, goes).unwrap();
    assert_eq!(
        (record.reason, record.updated_at),
        (Some(UpdateReason::HaltCancel), window[0])
    );
    assert_eq!(
        x.submit(a, bid(TOP, "1", "0.10"), window[0] + second),
        Err(Refusal::TradingPaused)
    );
    assert!(x.cancel(a, stays, window[0] + second).is_ok());
    x.advance(window[1]);
    assert!(x.is_trading_active());
    let week = TimeDelta::days(7);
    assert_eq!(x.maintenance_window(), Some((window[0] + week, window[1] + week)));
    x.advance(window[0] + week + second);
    assert!(!x.is_trading_active(), "and every week again");
}

#[test]
fn a_manual_pause_outlasts_the_maintenance() {
    let mut x = exchange();
    let during: DateTime<Utc> = "2026-09-24T08:00:00Z".parse().unwrap();
    x.keep_weekly_maintenance(during);
    assert!(!x.is_trading_active(), "a world may begin within it");
    x.set_trading_active(false, during);
    x.advance("2026-09-24T10:00:00Z".parse().unwrap());
    assert!(!x.is_trading_active());
    x.set_trading_active(true, "2026-09-24T10:00:01Z".parse().unwrap());
    assert!(x.is_trading_active());
}

#[test]
fn some_orders_placed_within_a_minute_of_a_cancel_of_all_are_cancelled_and_none_later() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let before = x.submit(a, bid(TOP, "1", "0.10"), after(0)).unwrap().order_id;
    assert_eq!(x.cancel_all(a, after(1)), Ok(1));
    assert_eq!(x.order(a, before).unwrap().status, OrderStatus::Canceled);
    let place = |x: &mut Exchange, who, from: i64| -> Vec<_> {
        (from..from + 40)
            .map(|second| {
                x.submit(who, bid(TOP, "1", "0.10"), after(second))
                    .unwrap()
                    .order_id
            })
            .collect()
    };
    let soon = place(&mut x, a, 2);
    let later = place(&mut x, a, 61);
    let others = place(&mut x, b, 101);
    x.advance(after(600));
    let cancelled = |who, ids: &[_]| {
        ids.iter()
            .filter(|id| x.order(who, **id).unwrap().status == OrderStatus::Canceled)
            .count()
    };
    let swept = cancelled(a, &soon);
    assert!((1..40).contains(&swept), "{swept} of 40");
    assert_eq!((cancelled(a, &later), cancelled(b, &others)), (0, 0));
    for id in &soon {
        let order = x.order(a, *id).unwrap();
        assert!(order.updated_at - order.created_at <= TimeDelta::seconds(2));
    }
}

#[test]
fn a_cancel_of_all_leaves_other_accounts_and_paused_exchanges_alone() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, bid(TOP, "1", "0.10"), after(0)).unwrap();
    x.submit(a, bid(LLM, "1", "0.100"), after(0)).unwrap();
    let other = x.submit(b, bid(TOP, "1", "0.10"), after(0)).unwrap().order_id;
    x.set_exchange_active(false, after(1));
    assert_eq!(x.cancel_all(a, after(2)), Err(Refusal::ExchangePaused));
    x.set_exchange_active(true, after(3));
    assert_eq!(x.cancel_all(a, after(4)), Ok(2));
    assert_eq!(x.order(b, other).unwrap().status, OrderStatus::Resting);
}

/// Prices in 1/10 000 $ and whether the structure takes them.
#[track_caller]
fn check_structure(name: &str, accepted: &[i64], refused: &[i64]) {
    let structure = PriceStructure::named(name).unwrap();
    for (prices, expected) in [(accepted, true), (refused, false)] {
        for raw in prices {
            let price = Price::from_raw(*raw).unwrap();
            assert_eq!(structure.accepts(price), expected, "{price} in {name}");
        }
    }
}

#[test]
fn every_documented_grid_takes_its_own_prices_and_no_others() {
    check_structure("linear_cent", &[100, 9_900], &[50, 110, 0, 10_000]);
    check_structure("deci_cent", &[10, 5_010, 9_990], &[5, 5_001]);
    check_structure(
        "tapered_deci_cent",
        &[10, 990, 1_000, 1_100, 9_010],
        &[1_010, 8_990, 5],
    );
    check_structure(
        "center_whole_edge_half_cent",
        &[50, 950, 1_100, 9_050],
        &[10, 1_050],
    );
    check_structure(
        "center_whole_edge_quint_cent",
        &[20, 980, 1_100, 9_020],
        &[10, 1_020],
    );
    check_structure("center_half_edge_half_cent", &[50, 5_050], &[20, 5_010]);
    check_structure("center_half_edge_quint_cent", &[20, 1_050, 9_980], &[50, 1_020]);
    check_structure("center_half_edge_deci_cent", &[10, 1_050, 9_990], &[5, 1_010]);
    check_structure("center_quint_edge_quint_cent", &[20, 5_020], &[10, 5_010]);
    check_structure("center_quint_edge_deci_cent", &[10, 1_020, 9_990], &[1, 1_010]);
    check_structure("center_centi_edge_centi_cent", &[1, 5_001, 9_999], &[0, 10_000]);
    check_structure("center_deci_edge_centi_cent", &[1, 99, 110, 9_901], &[101, 9_899]);
    assert_eq!(PriceStructure::documented().count(), 12);
    for structure in PriceStructure::documented() {
        let whole = (1..100).filter_map(Price::from_cents);
        for price in whole {
            assert!(structure.accepts(price), "{price} in {}", structure.name);
        }
        assert_eq!(structure.ranges[0].start, Price::ZERO);
        assert_eq!(structure.ranges.last().unwrap().end, Price::ONE);
    }
}

#[test]
fn another_grid_keeps_what_rests_and_holds_for_what_comes() {
    let mut x = exchange();
    let a = member(&mut x, "a", 1_000);
    let odd = x.submit(a, bid(LLM, "1", "0.101"), after(1)).unwrap().order_id;
    x.watch();
    x.update_price_levels(&t(LLM), PriceStructure::linear_cent(), after(2))
        .unwrap();
    assert_eq!(
        steps(&mut x),
        [LifecycleStep::PriceLevelsUpdated(PriceStructure::linear_cent())]
    );
    assert_eq!(x.order(a, odd).unwrap().status, OrderStatus::Resting);
    assert_eq!(
        x.submit(a, bid(LLM, "1", "0.101"), after(3)),
        Err(Refusal::InvalidPrice)
    );
    assert!(x.submit(a, bid(LLM, "1", "0.10"), after(4)).is_ok());
}

fn fee_of_ten(x: &mut Exchange, maker: AccountId, taker: AccountId, at: i64) -> Money {
    x.submit(maker, ask(TOP, "10", "0.50"), after(at)).unwrap();
    x.submit(taker, ioc(bid(TOP, "10", "0.50")), after(at))
        .unwrap()
        .fees
}

#[test]
fn fees_follow_the_schedule_the_event_and_the_waiver() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let series = "KXTOPMODEL".parse().unwrap();
    let event = "KXTOPMODEL-26SEP28".parse().unwrap();
    let terms = |multiplier_millionths| FeeTerms {
        model: FeeModel::Quadratic,
        multiplier_millionths,
    };
    x.schedule_fee_change(&series, terms(2_000_000), after(100), after(0))
        .unwrap();
    assert_eq!(fee_of_ten(&mut x, a, b, 99), m("0.175"), "not before its time");
    assert_eq!(fee_of_ten(&mut x, a, b, 100), m("0.35"));
    x.watch();
    x.set_event_fee_override(&event, Some(terms(500_000)), after(101), after(101))
        .unwrap();
    assert_eq!(fee_of_ten(&mut x, a, b, 102), m("0.0875"));
    x.set_event_fee_override(&event, None, after(110), after(103))
        .unwrap();
    assert_eq!(fee_of_ten(&mut x, a, b, 109), m("0.0875"));
    assert_eq!(fee_of_ten(&mut x, a, b, 110), m("0.35"));
    x.waive_fees(&t(TOP), after(200), after(111)).unwrap();
    assert_eq!(fee_of_ten(&mut x, a, b, 199), m("0"));
    assert_eq!(fee_of_ten(&mut x, a, b, 200), m("0.35"));
    let overrides: Vec<Option<FeeTerms>> = x
        .take_feed()
        .into_iter()
        .filter_map(|event| match event {
            FeedEvent::EventFee { terms, .. } => Some(terms),
            _ => None,
        })
        .collect();
    assert_eq!(overrides, [Some(terms(500_000)), None]);
    assert_eq!(
        (x.series_fee_changes().len(), x.event_fee_changes().len()),
        (1, 2)
    );
    assert_eq!(x.total(), x.opening_cash());
}

/// Ten contracts at 0.40 between a (NO) and b (YES), closed and decided YES five minutes after the close.
fn decided() -> (Exchange, AccountId, AccountId, DateTime<Utc>) {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(TOP, "10", "0.40"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "10", "0.40")), after(2)).unwrap();
    let at = close() + TimeDelta::minutes(5);
    x.determine(&t(TOP), SettlementResult::Yes, Price::ONE, at)
        .unwrap();
    (x, a, b, at)
}

#[test]
fn a_disputed_market_does_not_pay_until_it_is_decided_again() {
    let (mut x, a, b, at) = decided();
    x.dispute(&t(TOP), at + TimeDelta::minutes(10)).unwrap();
    x.advance(at + TimeDelta::hours(5));
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Disputed);
    assert_eq!(x.settlements(b).count(), 0);
    assert!(x.dispute(&t(TOP), at + TimeDelta::hours(5)).is_err(), "once");
    let again = at + TimeDelta::hours(6);
    x.determine(&t(TOP), SettlementResult::No, Price::ZERO, again)
        .unwrap();
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Amended);
    x.advance(again + TimeDelta::minutes(30));
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Finalized);
    assert_eq!(x.settlements(a).next().unwrap().revenue, m("10"));
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn an_amended_result_takes_payouts_back_and_pays_again() {
    let (mut x, a, b, at) = decided();
    x.advance(at + TimeDelta::hours(1));
    let paid = |x: &Exchange, who| x.balance(who).unwrap().cash;
    assert_eq!((paid(&x, a), paid(&x, b)), (m("94"), m("105.832")));
    let amended = at + TimeDelta::hours(2);
    x.amend_settled(&t(TOP), SettlementResult::No, Price::ZERO, amended)
        .unwrap();
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Amended);
    assert_eq!(paid(&x, b), m("105.832"), "until the timer has run");
    x.advance(amended + TimeDelta::hours(1));
    assert_eq!((paid(&x, a), paid(&x, b)), (m("104"), m("95.832")));
    let rows: Vec<_> = x.settlements(b).collect();
    assert_eq!((rows.len(), rows[0].revenue), (1, m("0")), "one row a market");
    assert_eq!(rows[0].yes_cost, m("4"));
    assert_eq!(x.positions(b)[&t(TOP)].realized, m("-4"));
    let reversals: Vec<Money> = x
        .log()
        .entries()
        .iter()
        .filter_map(|entry| match entry {
            LogEntry::Reversal { revenue, .. } => Some(*revenue),
            _ => None,
        })
        .collect();
    assert_eq!(reversals, [m("0"), m("10")]);
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn a_void_market_pays_a_fair_price() {
    let (mut x, a, b, _) = decided();
    let at = close() + TimeDelta::minutes(6);
    x.void_market(&t(TOP), at).unwrap();
    x.void_market(&t(TOP_B), at).unwrap();
    let value = |ticker| x.market(&t(ticker)).unwrap().determination.unwrap().value;
    assert_eq!((value(TOP), value(TOP_B)), (p("0.40"), p("0.50")));
    x.advance(at + TimeDelta::hours(1));
    assert_eq!(x.settlements(b).next().unwrap().revenue, m("4"));
    assert_eq!(x.settlements(a).next().unwrap().revenue, m("6"));
}

#[test]
fn a_closed_market_can_open_again_with_an_empty_book() {
    let mut x = exchange();
    let a = member(&mut x, "a", 100);
    x.move_close_time(&t(TOP), after(10), after(1)).unwrap();
    let id = x.submit(a, bid(TOP, "1", "0.10"), after(2)).unwrap().order_id;
    x.watch();
    x.advance(after(10));
    assert_eq!(x.cancel(a, id, after(10)), Err(Refusal::MarketInactive));
    assert_eq!(x.cancel_all(a, after(10)), Ok(0), "the close takes them");
    x.move_close_time(&t(TOP), after(100), after(10)).unwrap();
    assert_eq!(
        steps(&mut x),
        [
            LifecycleStep::CloseDateUpdated(after(100)),
            LifecycleStep::Activated
        ]
    );
    assert_eq!(x.order(a, id).unwrap().reason, Some(UpdateReason::HaltCancel));
    let next = x.submit(a, bid(TOP, "1", "0.10"), after(20)).unwrap().order_id;
    x.advance(after(50));
    assert_eq!(
        x.order(a, next).unwrap().status,
        OrderStatus::Resting,
        "the first close is forgotten"
    );
    x.advance(after(101));
    assert_eq!(x.order(a, next).unwrap().reason, Some(UpdateReason::CloseCancel));
}
