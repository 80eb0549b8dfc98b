//! Order entry and matching: priority, time in force, self-trade prevention, refusals.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_domain::{BookSide, Money, TimeInForce};
use autotrader_simulator::exchange::{Exchange, OrderStatus, Refusal, SelfTradePrevention, UpdateReason};
use support::*;

/// Prices and sizes as text, best first.
type Side = Vec<(String, String)>;

fn sizes(exchange: &Exchange, ticker: &str) -> (Side, Side) {
    let book = exchange.book(&t(ticker)).unwrap();
    let text = |side: Vec<(autotrader_domain::Price, autotrader_domain::Contracts)>| {
        side.into_iter()
            .map(|(price, count)| (price.to_string(), count.to_string()))
            .collect()
    };
    (text(book.bids), text(book.asks))
}

fn level(price: &str, count: &str) -> (String, String) {
    (p(price).to_string(), c(count).to_string())
}

#[test]
fn better_prices_fill_first_and_then_earlier_orders() {
    let mut x = exchange();
    let [a, b, d, taker] = ["a", "b", "d", "taker"].map(|name| member(&mut x, name, 1_000));
    let early = x.submit(a, ask(TOP, "5", "0.55"), after(1)).unwrap().order_id;
    let late = x.submit(b, ask(TOP, "5", "0.55"), after(2)).unwrap().order_id;
    let cheap = x.submit(d, ask(TOP, "5", "0.54"), after(3)).unwrap().order_id;
    let ack = x.submit(taker, ioc(bid(TOP, "12", "0.60")), after(4)).unwrap();
    assert_eq!((ack.filled, ack.remaining), (c("12"), c("0")));
    assert_eq!(x.order(d, cheap).unwrap().status, OrderStatus::Executed);
    assert_eq!(x.order(a, early).unwrap().status, OrderStatus::Executed);
    assert_eq!(x.order(b, late).unwrap().remaining, c("3"));
    let prices: Vec<_> = x.fills(taker).map(|fill| fill.price.to_string()).collect();
    assert_eq!(
        prices,
        ["0.5400", "0.5500", "0.5500"],
        "each at the maker's price"
    );
    assert_eq!(ack.notional, m("6.55"));
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn what_does_not_fill_rests_and_is_shown_best_first() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, ask(TOP, "3", "0.50"), after(1)).unwrap();
    let ack = x.submit(b, bid(TOP, "10", "0.52"), after(2)).unwrap();
    assert_eq!((ack.filled, ack.remaining), (c("3"), c("7")));
    x.submit(b, bid(TOP, "4.25", "0.40"), after(3)).unwrap();
    x.submit(a, ask(TOP, "1", "0.70"), after(4)).unwrap();
    x.submit(a, ask(TOP, "2", "0.60"), after(5)).unwrap();
    let (bids, asks) = sizes(&x, TOP);
    assert_eq!(bids, [level("0.52", "7"), level("0.40", "4.25")]);
    assert_eq!(asks, [level("0.60", "2"), level("0.70", "1")]);
}

#[test]
fn immediate_orders_leave_nothing_behind() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let none = x.submit(b, ioc(bid(TOP, "10", "0.52")), after(1)).unwrap();
    assert_eq!((none.filled, none.remaining), (c("0"), c("0")));
    assert_eq!(x.order(b, none.order_id).unwrap().status, OrderStatus::Canceled);
    x.submit(a, ask(TOP, "3", "0.50"), after(2)).unwrap();
    let some = x.submit(b, ioc(bid(TOP, "10", "0.52")), after(3)).unwrap();
    assert_eq!((some.filled, some.remaining), (c("3"), c("0")));
    assert_eq!(sizes(&x, TOP), (vec![], vec![]));
}

#[test]
fn fill_or_kill_is_all_or_nothing_and_spends_its_client_id() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, ask(TOP, "3", "0.50"), after(1)).unwrap();
    let mut order = bid(TOP, "4", "0.52");
    order.time_in_force = TimeInForce::FillOrKill;
    order.client_order_id = Some("fok-1".to_owned());
    assert_eq!(
        x.submit(b, order.clone(), after(2)),
        Err(Refusal::FillOrKillInsufficientVolume)
    );
    assert_eq!(
        x.submit(b, order.clone(), after(3)),
        Err(Refusal::OrderAlreadyExists)
    );
    order.count = c("3");
    order.client_order_id = Some("fok-2".to_owned());
    assert_eq!(x.submit(b, order, after(4)).unwrap().filled, c("3"));
}

#[test]
fn post_only_orders_never_take() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, ask(TOP, "3", "0.50"), after(1)).unwrap();
    let mut order = bid(TOP, "1", "0.50");
    order.post_only = true;
    assert_eq!(
        x.submit(b, order.clone(), after(2)),
        Err(Refusal::InvalidOrder("post only cross"))
    );
    order.price = p("0.49");
    assert_eq!(x.submit(b, order, after(3)).unwrap().remaining, c("1"));
}

#[test]
fn reduce_only_is_capped_at_the_position() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, ask(TOP, "3", "0.50"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "3", "0.50")), after(2)).unwrap();
    x.submit(a, bid(TOP, "50", "0.48"), after(3)).unwrap();
    let mut order = ioc(ask(TOP, "10", "0.48"));
    order.reduce_only = true;
    let ack = x.submit(b, order.clone(), after(4)).unwrap();
    assert_eq!((ack.filled, ack.remaining), (c("3"), c("0")));
    let record = x.order(b, ack.order_id).unwrap();
    assert_eq!(
        (record.status, record.reason),
        (OrderStatus::Canceled, Some(UpdateReason::ReduceOnlyCancel))
    );
    assert_eq!(
        x.submit(b, order.clone(), after(5)).unwrap().filled,
        c("0"),
        "nothing left to reduce"
    );
    order.time_in_force = TimeInForce::GoodTillCanceled { expires_at: None };
    assert!(matches!(
        x.submit(b, order, after(6)),
        Err(Refusal::InvalidOrder(_))
    ));
}

#[test]
fn own_orders_never_match_each_other() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let own = x.submit(a, bid(TOP, "1", "0.48"), after(1)).unwrap().order_id;
    x.submit(b, bid(TOP, "1", "0.49"), after(2)).unwrap();
    let mut order = ask(TOP, "3", "0.47");
    order.self_trade_prevention = SelfTradePrevention::TakerAtCross;
    let ack = x.submit(a, order.clone(), after(3)).unwrap();
    assert_eq!(
        (ack.filled, ack.remaining),
        (c("1"), c("0")),
        "stops at its own order, even to rest"
    );
    assert_eq!(x.order(a, own).unwrap().status, OrderStatus::Resting);
    assert_eq!(
        x.order(a, ack.order_id).unwrap().reason,
        Some(UpdateReason::SelfTradeCancel)
    );
    order.self_trade_prevention = SelfTradePrevention::Maker;
    let ack = x.submit(a, order, after(4)).unwrap();
    assert_eq!((ack.filled, ack.remaining), (c("0"), c("3")));
    assert_eq!(x.order(a, own).unwrap().status, OrderStatus::Canceled);
}

#[test]
fn client_ids_are_permanent() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let mut order = bid(TOP, "1", "0.01");
    order.client_order_id = Some("mine".to_owned());
    let ack = x.submit(a, order.clone(), after(1)).unwrap();
    assert_eq!(
        x.submit(a, order.clone(), after(2)),
        Err(Refusal::OrderAlreadyExists)
    );
    x.cancel(a, ack.order_id, after(3)).unwrap();
    assert_eq!(
        x.submit(a, order.clone(), after(4)),
        Err(Refusal::OrderAlreadyExists)
    );
    assert!(x.submit(b, order, after(5)).is_ok(), "per account");
}

#[test]
fn orders_expire_at_their_time_and_not_before() {
    let mut x = exchange();
    let a = member(&mut x, "a", 1_000);
    let mut order = bid(TOP, "1", "0.10");
    order.time_in_force = TimeInForce::GoodTillCanceled {
        expires_at: Some(after(60)),
    };
    let id = x.submit(a, order.clone(), after(1)).unwrap().order_id;
    x.advance(after(59));
    assert_eq!(x.order(a, id).unwrap().status, OrderStatus::Resting);
    x.advance(after(600));
    let record = x.order(a, id).unwrap();
    assert_eq!(
        (record.status, record.reason),
        (OrderStatus::Canceled, Some(UpdateReason::ExpiryCancel))
    );
    assert_eq!(
        record.updated_at,
        after(60),
        "at its own time, however late the exchange is asked"
    );
    assert_eq!(x.balance(a).unwrap().reserved, Money::ZERO);
    assert!(matches!(
        x.submit(a, order, after(601)),
        Err(Refusal::InvalidOrder(_))
    ));
}

#[test]
fn cancels_are_refused_alike_for_unknown_foreign_and_finished_orders() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    let id = x.submit(a, bid(TOP, "2.50", "0.10"), after(1)).unwrap().order_id;
    assert_eq!(x.cancel(b, id, after(2)), Err(Refusal::NotFound));
    assert_eq!(x.cancel(a, id, after(3)).unwrap().reduced_by, c("2.50"));
    assert_eq!(x.cancel(a, id, after(4)), Err(Refusal::NotFound));
    let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    assert_eq!(x.cancel(a, unknown, after(5)), Err(Refusal::NotFound));
}

#[test]
fn refusals_name_their_cause() {
    let mut x = exchange();
    let a = member(&mut x, "a", 10);
    let mut check = |order, expected| assert_eq!(x.submit(a, order, after(1)), Err(expected));
    check(bid("KXNONE-1", "1", "0.50"), Refusal::NotFound);
    check(bid(TOP, "0", "0.50"), Refusal::InvalidOrderSize);
    check(bid(TOP, "1", "0.515"), Refusal::InvalidPrice);
    check(bid(TOP, "1", "0"), Refusal::InvalidPrice);
    check(bid(TOP, "1", "1"), Refusal::InvalidPrice);
    check(bid(LLM, "1", "0.5155"), Refusal::InvalidPrice);
    check(bid(TOP, "21", "0.50"), Refusal::InsufficientBalance);
    let mut odd = bid(TOP, "1", "0.50");
    odd.client_order_id = Some("a b".to_owned());
    check(odd, Refusal::InvalidParameters("client_order_id"));
}

#[test]
fn pauses_stop_orders_and_only_the_exchange_pause_stops_cancels() {
    let mut x = exchange();
    let a = member(&mut x, "a", 1_000);
    let stays = x.submit(a, bid(TOP, "1", "0.10"), after(1)).unwrap().order_id;
    let mut order = bid(TOP, "1", "0.11");
    order.cancel_on_pause = true;
    let goes = x.submit(a, order, after(2)).unwrap().order_id;
    x.set_trading_active(false, after(3));
    assert_eq!(
        x.submit(a, bid(TOP, "1", "0.10"), after(4)),
        Err(Refusal::TradingPaused)
    );
    assert_eq!(x.order(a, goes).unwrap().reason, Some(UpdateReason::HaltCancel));
    x.set_exchange_active(false, after(5));
    assert_eq!(
        x.submit(a, bid(TOP, "1", "0.10"), after(6)),
        Err(Refusal::ExchangePaused)
    );
    assert_eq!(x.cancel(a, stays, after(7)), Err(Refusal::ExchangePaused));
    x.set_exchange_active(true, after(8));
    assert!(
        x.cancel(a, stays, after(9)).is_ok(),
        "a trading pause lets cancels through"
    );
    x.set_trading_active(true, after(10));
    assert!(x.submit(a, bid(TOP, "1", "0.10"), after(11)).is_ok());
}

#[test]
fn a_paused_market_comes_back_with_an_empty_book() {
    let mut x = exchange();
    let a = member(&mut x, "a", 1_000);
    let id = x.submit(a, bid(TOP, "1", "0.10"), after(1)).unwrap().order_id;
    x.pause_market(&t(TOP), after(2)).unwrap();
    assert_eq!(
        x.submit(a, bid(TOP, "1", "0.10"), after(3)),
        Err(Refusal::TradingPaused)
    );
    assert_eq!(x.order(a, id).unwrap().status, OrderStatus::Resting);
    x.resume_market(&t(TOP), after(4)).unwrap();
    assert_eq!(x.order(a, id).unwrap().status, OrderStatus::Canceled);
}

#[test]
fn sides_mean_the_same_contract_from_both_ends() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 1_000));
    x.submit(a, ask(TOP, "10", "0.30"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "10", "0.30")), after(2)).unwrap();
    assert_eq!(x.position(a, &t(TOP)).to_string(), "-10.00");
    assert_eq!(x.position(b, &t(TOP)).to_string(), "10.00");
    let holding = &x.positions(a)[&t(TOP)];
    assert_eq!(holding.cost, m("7"), "ten NO contracts at 0.70");
    let fill = x.fills(a).next().unwrap();
    assert_eq!((fill.side, fill.is_taker), (BookSide::Ask, false));
}
