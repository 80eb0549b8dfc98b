//! Money: conservation, collateral, profit, fees, settlement.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use autotrader_domain::{BookSide, Contracts, MarketStatus, Money, Price, SettlementResult, TimeInForce};
use autotrader_simulator::exchange::{
    AccountId, AccountKind, Exchange, LogEntry, NewOrder, OrderStatus, Refusal, SelfTradePrevention,
    UpdateReason,
};
use proptest::prelude::*;
use support::*;

#[test]
fn buying_and_selling_books_the_exact_profit() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(TOP, "10", "0.52"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "10", "0.52")), after(2)).unwrap();
    // 0.07 · 10 · 0.52 · 0.48 = 0.17472, rounded up to 0.1748.
    assert_eq!(x.balance(b).unwrap().cash, m("94.6252"));
    assert_eq!(
        x.balance(a).unwrap().cash,
        m("95.2"),
        "makers pay no fee in this series"
    );
    x.submit(a, bid(TOP, "4", "0.60"), after(3)).unwrap();
    x.submit(b, ioc(ask(TOP, "4", "0.60")), after(4)).unwrap();
    let holding = &x.positions(b)[&t(TOP)];
    assert_eq!(
        (holding.net.to_string().as_str(), holding.cost),
        ("6.00", m("3.12"))
    );
    assert_eq!(holding.realized, m("0.32"));
    assert_eq!(holding.traded, m("7.60"));
    // 0.07 · 4 · 0.6 · 0.4 = 0.0672.
    assert_eq!(holding.fees, m("0.2420"));
    assert_eq!(
        x.balance(b).unwrap().cash,
        m("94.6252").checked_add(m("2.3328")).unwrap()
    );
    assert_eq!(x.market(&t(TOP)).unwrap().open_interest, c("6"));
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn selling_through_zero_closes_and_opens() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(TOP, "3", "0.50"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "3", "0.50")), after(2)).unwrap();
    x.submit(a, bid(TOP, "5", "0.40"), after(3)).unwrap();
    x.submit(b, ioc(ask(TOP, "5", "0.40")), after(4)).unwrap();
    let holding = &x.positions(b)[&t(TOP)];
    assert_eq!(
        (holding.net.to_string().as_str(), holding.cost),
        ("-2.00", m("1.2"))
    );
    assert_eq!(holding.realized, m("-0.3"));
    assert_eq!(x.market(&t(TOP)).unwrap().open_interest, c("2"));
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn the_fees_of_real_fills_come_out() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(TOP, "1", "0.52"), after(1)).unwrap();
    assert_eq!(
        x.submit(b, ioc(bid(TOP, "1", "0.99")), after(2)).unwrap().fees,
        m("0.0175")
    );
    x.submit(a, ask(TOP, "1", "0.01"), after(3)).unwrap();
    assert_eq!(
        x.submit(b, ioc(bid(TOP, "1", "0.01")), after(4)).unwrap().fees,
        m("0.0007")
    );
}

#[test]
fn makers_pay_where_the_series_says_so() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(LLM, "100", "0.500"), after(1)).unwrap();
    x.submit(b, ioc(bid(LLM, "100", "0.500")), after(2)).unwrap();
    assert_eq!(x.positions(a)[&t(LLM)].fees, m("0.4375"));
    assert_eq!(x.positions(b)[&t(LLM)].fees, m("1.75"));
    assert_eq!(x.fees_kept(), m("2.1875"));
}

#[test]
fn fractional_fills_round_the_balance_down_to_a_hundredth_of_a_cent() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(LLM, "0.03", "0.331"), after(1)).unwrap();
    let ack = x.submit(b, ioc(bid(LLM, "0.03", "0.331")), after(2)).unwrap();
    // 0.00993 for the contracts, a trade fee of 0.0005, 0.00007 to reach the grid.
    assert_eq!(ack.fees, m("0.00057"));
    assert_eq!(x.balance(b).unwrap().cash, m("99.9895"));
}

#[test]
fn resting_orders_hold_collateral_and_closing_ones_do_not() {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 10));
    x.submit(a, bid(TOP, "10", "0.60"), after(1)).unwrap();
    assert_eq!(x.balance(a).unwrap().available, m("4"));
    assert_eq!(
        x.submit(a, bid(TOP_B, "10", "0.41"), after(2)),
        Err(Refusal::InsufficientBalance)
    );
    x.submit(b, ioc(ask(TOP, "10", "0.60")), after(3)).unwrap();
    assert_eq!(x.balance(a).unwrap().cash, m("4"));
    let sell = x.submit(a, ask(TOP, "10", "0.70"), after(4)).unwrap().order_id;
    assert_eq!(x.balance(a).unwrap().reserved, Money::ZERO, "it only closes");
    x.submit(a, ask(TOP, "10", "0.80"), after(5)).unwrap();
    assert_eq!(
        x.balance(a).unwrap().reserved,
        m("2"),
        "the dearer one would open NO at 0.20"
    );
    x.cancel(a, sell, after(6)).unwrap();
    assert_eq!(x.balance(a).unwrap().reserved, Money::ZERO);
}

#[test]
fn an_order_that_cannot_pay_its_fee_is_refused() {
    let mut x = exchange();
    let a = member(&mut x, "a", 100);
    let b = x.open_account("b", AccountKind::Member, m("5.0000"), start());
    x.submit(a, ask(TOP, "10", "0.50"), after(1)).unwrap();
    assert_eq!(
        x.submit(b, ioc(bid(TOP, "10", "0.50")), after(2)),
        Err(Refusal::InsufficientBalance)
    );
    assert!(x.submit(b, ioc(bid(TOP, "9", "0.50")), after(3)).is_ok());
}

fn settled(result: SettlementResult, value: &str) -> (Exchange, AccountId, AccountId) {
    let mut x = exchange();
    let [a, b] = ["a", "b"].map(|name| member(&mut x, name, 100));
    x.submit(a, ask(TOP, "10", "0.40"), after(1)).unwrap();
    x.submit(b, ioc(bid(TOP, "10", "0.40")), after(2)).unwrap();
    let resting = x.submit(b, bid(TOP, "1", "0.05"), after(3)).unwrap().order_id;
    x.advance(close());
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Closed);
    assert_eq!(x.order(b, resting).unwrap().status, OrderStatus::Resting);
    assert_eq!(
        x.submit(b, bid(TOP, "1", "0.05"), close()),
        Err(Refusal::MarketInactive)
    );
    assert_eq!(x.cancel(b, resting, close()), Err(Refusal::MarketInactive));
    x.advance(close() + chrono::TimeDelta::seconds(1));
    let cleared = x.order(b, resting).unwrap();
    assert_eq!(
        (cleared.status, cleared.reason),
        (OrderStatus::Canceled, Some(UpdateReason::CloseCancel)),
        "shortly after the close"
    );
    let decided = close() + chrono::TimeDelta::minutes(5);
    x.determine(&t(TOP), result, p(value), decided).unwrap();
    let before = x.balance(b).unwrap().cash;
    x.advance(decided + chrono::TimeDelta::seconds(1_799));
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Determined);
    assert_eq!(
        x.balance(b).unwrap().cash,
        before,
        "provisional until the timer has run"
    );
    x.advance(decided + chrono::TimeDelta::days(1));
    assert_eq!(x.market(&t(TOP)).unwrap().status, MarketStatus::Finalized);
    assert_eq!(
        x.market(&t(TOP)).unwrap().settled_at,
        Some(decided + chrono::TimeDelta::seconds(1_800))
    );
    assert_eq!(x.total(), x.opening_cash());
    (x, a, b)
}

#[test]
fn yes_pays_the_yes_side() {
    let (x, a, b) = settled(SettlementResult::Yes, "0");
    assert_eq!(x.balance(a).unwrap().cash, m("94"));
    assert_eq!(x.balance(b).unwrap().cash, m("105.832"));
    let entry = x.settlements(b).next().unwrap();
    assert_eq!(
        (entry.yes_count, entry.yes_cost, entry.revenue),
        (c("10"), m("4"), m("10"))
    );
    assert_eq!(x.positions(b)[&t(TOP)].realized, m("6"));
    let loser = x.settlements(a).next().unwrap();
    assert_eq!(
        (loser.no_count, loser.no_cost, loser.revenue),
        (c("10"), m("6"), m("0"))
    );
}

#[test]
fn no_pays_the_no_side() {
    let (x, a, b) = settled(SettlementResult::No, "0.7");
    assert_eq!(x.balance(a).unwrap().cash, m("104"));
    assert_eq!(x.balance(b).unwrap().cash, m("95.832"));
}

#[test]
fn scalar_pays_both_in_whole_cents() {
    let (x, a, b) = settled(SettlementResult::Scalar, "0.3333");
    assert_eq!(x.settlements(b).next().unwrap().revenue, m("3.33"));
    assert_eq!(x.settlements(b).next().unwrap().settlement_fee, m("0.003"));
    assert_eq!(x.settlements(a).next().unwrap().revenue, m("6.66"));
}

#[test]
fn an_event_has_one_winner_and_an_amendment_starts_the_timer_again() {
    let mut x = exchange();
    let event = "KXTOPMODEL-26SEP28".parse().unwrap();
    x.advance(close());
    x.determine_event(&event, Some(&t(TOP_B)), close()).unwrap();
    let value = |x: &Exchange, ticker| x.market(&t(ticker)).unwrap().determination.unwrap().value;
    assert_eq!((value(&x, TOP), value(&x, TOP_B)), (Price::ZERO, Price::ONE));
    let later = close() + chrono::TimeDelta::minutes(20);
    x.determine(&t(TOP_B), SettlementResult::No, Price::ZERO, later)
        .unwrap();
    assert_eq!(x.market(&t(TOP_B)).unwrap().status, MarketStatus::Amended);
    x.advance(close() + chrono::TimeDelta::minutes(40));
    assert_eq!(x.market(&t(TOP_B)).unwrap().status, MarketStatus::Amended);
    x.advance(later + chrono::TimeDelta::minutes(30));
    assert_eq!(x.market(&t(TOP_B)).unwrap().status, MarketStatus::Finalized);
    assert!(
        x.determine(&t(TOP_B), SettlementResult::Yes, Price::ONE, later)
            .is_err(),
        "paid is paid"
    );
}

#[test]
fn house_accounts_forget_finished_orders_and_log_nothing_but_trades() {
    let mut x = exchange();
    let maker = x.open_account("maker", AccountKind::House, Money::dollars(1_000), start());
    let trader = member(&mut x, "trader", 100);
    let quote = x.submit(maker, ask(TOP, "5", "0.50"), after(1)).unwrap().order_id;
    assert!(x.order(maker, quote).is_some());
    x.submit(trader, ioc(bid(TOP, "5", "0.50")), after(2)).unwrap();
    assert!(x.order(maker, quote).is_none());
    let kinds: Vec<&str> = x
        .log()
        .entries()
        .iter()
        .filter(|entry| {
            let listed = matches!(
                entry,
                LogEntry::SeriesFees { .. } | LogEntry::EventListed { .. } | LogEntry::MarketListed { .. }
            );
            !listed
        })
        .map(|entry| match entry {
            LogEntry::Opening { .. } => "opening",
            LogEntry::OrderRequest { .. } => "order",
            LogEntry::Trade(_) => "trade",
            LogEntry::Fill(_) => "fill",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["opening", "opening", "order", "trade", "fill"]);
    let text = x.log().to_ndjson().unwrap();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["kind"].is_string() && value["at"].is_string(), "{line}");
    }
}

#[derive(Debug, Clone)]
enum Move {
    Submit {
        who: usize,
        ticker: usize,
        buy: bool,
        cents: i64,
        count: i64,
        kind: u8,
        maker_stp: bool,
    },
    Cancel {
        who: usize,
        nth: usize,
    },
    CancelAll {
        who: usize,
    },
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => (0..4_usize, 0..3_usize, any::<bool>(), 1..100_i64, 1..3_000_i64, 0..5_u8, any::<bool>()).prop_map(
            |(who, ticker, buy, cents, count, kind, maker_stp)| Move::Submit {
                who, ticker, buy, cents, count, kind, maker_stp
            }
        ),
        2 => (0..4_usize, 0..20_usize).prop_map(|(who, nth)| Move::Cancel { who, nth }),
        1 => (0..4_usize).prop_map(|who| Move::CancelAll { who }),
    ]
}

fn play(x: &mut Exchange, accounts: &[AccountId], step: i64, play: &Move) {
    let at = after(step);
    match *play {
        Move::Submit {
            who,
            ticker,
            buy,
            cents,
            count,
            kind,
            maker_stp,
        } => {
            let side = if buy { BookSide::Bid } else { BookSide::Ask };
            let count = Contracts::from_raw(count).unwrap();
            let price = Price::from_cents(cents).unwrap();
            let mut order = NewOrder::resting(t([TOP, TOP_B, LLM][ticker]), side, count, price);
            order.time_in_force = match kind {
                0 => TimeInForce::ImmediateOrCancel,
                1 => TimeInForce::FillOrKill,
                2 => TimeInForce::GoodTillCanceled {
                    expires_at: Some(after(step + 7)),
                },
                _ => TimeInForce::GoodTillCanceled { expires_at: None },
            };
            order.reduce_only = kind == 0 && cents % 2 == 0;
            order.post_only = kind == 4;
            order.self_trade_prevention = if maker_stp {
                SelfTradePrevention::Maker
            } else {
                SelfTradePrevention::TakerAtCross
            };
            // Refusals are part of the game: they must leave the ledger alone too.
            let _ = x.submit(accounts[who], order, at);
        }
        Move::Cancel { who, nth } => {
            let id = x.orders(accounts[who]).nth(nth).map(|order| order.id);
            if let Some(id) = id {
                let _ = x.cancel(accounts[who], id, at);
            }
        }
        Move::CancelAll { who } => {
            let _ = x.cancel_all(accounts[who], at);
        }
    }
}

fn check_invariants(x: &Exchange, accounts: &[AccountId]) {
    assert_eq!(x.total(), x.opening_cash(), "money is neither made nor lost");
    for market in x.all_markets() {
        let nets: Vec<i64> = accounts
            .iter()
            .map(|id| x.position(*id, &market.listing.ticker).raw())
            .collect();
        assert_eq!(nets.iter().sum::<i64>(), 0, "every YES has its NO");
        let longs: i64 = nets.iter().filter(|net| **net > 0).sum();
        assert_eq!(longs, market.open_interest.raw());
        if let (Some((bid, _)), Some((ask, _))) = (market.best_bid(), market.best_ask()) {
            assert!(bid < ask, "a book never stays crossed");
        }
        let mut on_book = 0;
        for id in accounts {
            on_book += x
                .resting(*id, &market.listing.ticker)
                .map(|o| o.remaining.raw())
                .sum::<i64>();
        }
        let book = x.book(&market.listing.ticker).unwrap();
        let shown: i64 = book
            .bids
            .iter()
            .chain(&book.asks)
            .map(|(_, count)| count.raw())
            .sum();
        assert_eq!(shown, on_book, "the book shows what rests");
    }
    for id in accounts {
        let balance = x.balance(*id).unwrap();
        // Fees of fractional maker fills round up one by one; they may eat at most this much more than was held back.
        assert!(balance.available.raw() >= -1_000, "{balance:?}");
        let account = x.account(*id).unwrap();
        let realized: Money = account.holdings.values().map(|h| h.realized).sum();
        let cost: Money = account.holdings.values().map(|h| h.cost).sum();
        let fees: Money = account.holdings.values().map(|h| h.fees).sum();
        let explained = Money::dollars(50)
            .saturating_add(realized)
            .saturating_sub(cost)
            .saturating_sub(fees);
        assert_eq!(
            account.cash, explained,
            "cash is opening + realised - cost - fees"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn money_is_conserved_whatever_participants_do(script in prop::collection::vec(moves(), 1..120)) {
        let mut x = exchange();
        let accounts: Vec<AccountId> = (0..4).map(|n| member(&mut x, &n.to_string(), 50)).collect();
        for (step, one) in (1..).zip(&script) {
            play(&mut x, &accounts, step, one);
            check_invariants(&x, &accounts);
        }
        x.advance(close());
        x.determine_event(&"KXTOPMODEL-26SEP28".parse().unwrap(), Some(&t(TOP)), close()).unwrap();
        x.determine(&t(LLM), SettlementResult::Scalar, p("0.4321"), close()).unwrap();
        x.advance(close() + chrono::TimeDelta::days(1));
        check_invariants(&x, &accounts);
        for id in &accounts {
            prop_assert!(x.account(*id).unwrap().holdings.values().all(|holding| holding.net.is_flat()));
        }
    }

    #[test]
    fn equal_scripts_give_equal_logs(script in prop::collection::vec(moves(), 1..40)) {
        let run = || {
            let mut x = exchange();
            let accounts: Vec<AccountId> = (0..4).map(|n| member(&mut x, &n.to_string(), 50)).collect();
            for (step, one) in (1..).zip(&script) {
                play(&mut x, &accounts, step, one);
            }
            x.log().to_ndjson().unwrap()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn priority_is_price_then_time(quotes in prop::collection::vec((1..99_i64, 1..500_i64), 1..30), want in 1..5_000_i64) {
        let mut x = exchange();
        let maker = member(&mut x, "maker", 1_000_000);
        let taker = member(&mut x, "taker", 1_000_000);
        for (step, (cents, count)) in (1..).zip(&quotes) {
            let order = NewOrder::resting(
                t(TOP), BookSide::Ask, Contracts::from_raw(*count).unwrap(), Price::from_cents(*cents).unwrap(),
            );
            x.submit(maker, order, after(step)).unwrap();
        }
        let ids: Vec<_> = x.orders(maker).map(|order| order.id).collect();
        let order = NewOrder::immediate(
            t(TOP), BookSide::Bid, Contracts::from_raw(want).unwrap(), p("0.99"),
        );
        x.submit(taker, order, after(100)).unwrap();
        // The reference: sort by price, stable in time, and fill from the front.
        let mut queue: Vec<usize> = (0..quotes.len()).collect();
        queue.sort_by_key(|index| quotes[*index].0);
        let mut left = want;
        for index in queue {
            let taken = left.min(quotes[index].1);
            left -= taken;
            prop_assert_eq!(x.order(maker, ids[index]).unwrap().filled.raw(), taken);
        }
    }
}
