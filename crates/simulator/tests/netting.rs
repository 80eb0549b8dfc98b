//! Collateral returned on NO positions of mutually exclusive events, and the log that explains every balance.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;

use autotrader_domain::{BookSide, Contracts, Money, Price, SettlementResult, Ticker};
use autotrader_simulator::exchange::{
    AccountId, AmendOrder, Decrease, Exchange, ExpirationChange, LogEntry, NewOrder, OrderStatus, Refusal,
};
use chrono::TimeDelta;
use proptest::prelude::*;
use support::*;

/// A third market of the event.
const TOP_C: &str = "KXTOPMODEL-26SEP28-CIRR";

fn three() -> Exchange {
    let mut x = exchange();
    x.add_market(market(TOP_C, "KXTOPMODEL-26SEP28", cents()), start())
        .unwrap();
    x.sweep_one_in(0);
    x
}

/// Sells `count` YES of a market at `price` to a rich counterparty, which opens NO.
fn short(x: &mut Exchange, who: AccountId, rich: AccountId, ticker: &str, count: &str, price: &str, at: i64) {
    x.submit(rich, bid(ticker, count, price), after(at)).unwrap();
    x.submit(who, ioc(ask(ticker, count, price)), after(at)).unwrap();
}

fn balance(x: &Exchange, who: AccountId) -> (Money, Money) {
    let view = x.balance(who).unwrap();
    (view.returned, view.balance())
}

#[test]
fn all_but_the_largest_no_position_come_back() {
    let mut x = three();
    let [rich, who] = ["rich", "who"].map(|name| member(&mut x, name, 10_000));
    x.set_netting(who, true, after(0)).unwrap();
    short(&mut x, who, rich, TOP, "10", "0.50", 1);
    assert_eq!(balance(&x, who).0, m("0"));
    short(&mut x, who, rich, TOP_B, "4", "0.30", 2);
    assert_eq!(balance(&x, who).0, m("4"));
    short(&mut x, who, rich, TOP_C, "0.50", "0.30", 3);
    assert_eq!(balance(&x, who).0, m("4.50"));
    let raw = x.balance(who).unwrap().cash;
    assert_eq!(
        balance(&x, who).1,
        raw.saturating_add(m("4.50")),
        "kept beside cash"
    );
    assert_eq!(balance(&x, rich).0, m("0"), "YES positions return nothing");
    x.set_netting(who, false, after(4)).unwrap();
    assert_eq!(balance(&x, who), (m("0"), raw));
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn other_events_and_other_accounts_get_nothing_back() {
    let mut x = three();
    let [rich, who] = ["rich", "who"].map(|name| member(&mut x, name, 10_000));
    short(&mut x, who, rich, TOP, "10", "0.50", 1);
    short(&mut x, who, rich, TOP_B, "10", "0.50", 2);
    assert_eq!(balance(&x, who).0, m("0"), "netting is off by default");
    x.set_netting(who, true, after(3)).unwrap();
    assert_eq!(balance(&x, who).0, m("10"), "and looks back when enabled");
    short(&mut x, who, rich, LLM, "10", "0.500", 4);
    assert_eq!(balance(&x, who).0, m("10"), "another event is another matter");
}

#[test]
fn a_winner_returns_every_other_no_position_and_settlement_pays_what_was_returned() {
    let mut x = three();
    let [rich, who] = ["rich", "who"].map(|name| member(&mut x, name, 10_000));
    x.set_netting(who, true, after(0)).unwrap();
    for (at, ticker) in (1..).zip([TOP, TOP_B, TOP_C]) {
        short(&mut x, who, rich, ticker, "10", "0.30", at);
    }
    assert_eq!(balance(&x, who).0, m("20"));
    let before = balance(&x, who).1;
    let decided = close() + TimeDelta::minutes(5);
    x.determine(&t(TOP), SettlementResult::Yes, Price::ONE, decided)
        .unwrap();
    assert_eq!(balance(&x, who), (m("20"), before), "the winner's own NO is lost");
    let event = "KXTOPMODEL-26SEP28".parse().unwrap();
    x.determine_event(&event, Some(&t(TOP)), decided).unwrap();
    x.advance(decided + TimeDelta::hours(1));
    assert_eq!(balance(&x, who), (m("0"), before), "paid what had been returned");
    assert_eq!(x.total(), x.opening_cash());
}

#[test]
fn a_dispute_takes_a_winner_back() {
    let mut x = three();
    let [rich, who] = ["rich", "who"].map(|name| member(&mut x, name, 10_000));
    x.set_netting(who, true, after(0)).unwrap();
    short(&mut x, who, rich, TOP_B, "10", "0.30", 1);
    let decided = close() + TimeDelta::minutes(5);
    x.determine(&t(TOP), SettlementResult::Yes, Price::ONE, decided)
        .unwrap();
    assert_eq!(balance(&x, who).0, m("10"));
    x.dispute(&t(TOP), decided + TimeDelta::minutes(1)).unwrap();
    assert_eq!(balance(&x, who).0, m("0"));
}

#[test]
fn returned_collateral_can_be_spent_and_then_netting_cannot_be_disabled() {
    let mut x = three();
    let rich = member(&mut x, "rich", 10_000);
    let who = member(&mut x, "who", 16);
    x.set_netting(who, true, after(0)).unwrap();
    short(&mut x, who, rich, TOP, "10", "0.50", 1);
    short(&mut x, who, rich, TOP_B, "10", "0.50", 2);
    // 16 - 5 - 5 - two fees of 0.175, and 10 back.
    assert_eq!(x.balance(who).unwrap().available, m("15.65"));
    x.submit(who, bid(TOP_C, "15", "0.99"), after(3)).unwrap();
    assert_eq!(
        x.set_netting(who, false, after(4)),
        Err(Refusal::InsufficientBalance)
    );
    assert!(x.account(who).unwrap().netting);
}

#[test]
fn a_bid_that_closes_no_contracts_holds_back_its_price_because_it_ends_their_return() {
    let mut x = three();
    let [rich, who] = ["rich", "who"].map(|name| member(&mut x, name, 10_000));
    x.set_netting(who, true, after(0)).unwrap();
    short(&mut x, who, rich, TOP, "10", "0.50", 1);
    short(&mut x, who, rich, TOP_B, "10", "0.50", 2);
    let before = x.balance(who).unwrap().available;
    x.submit(who, bid(TOP, "10", "0.40"), after(3)).unwrap();
    let resting = x.balance(who).unwrap();
    assert_eq!(resting.reserved, m("4"));
    x.submit(rich, ioc(ask(TOP, "10", "0.40")), after(4)).unwrap();
    let after_fill = x.balance(who).unwrap();
    assert_eq!(
        after_fill.available,
        before.saturating_sub(m("4")),
        "exactly what was held back"
    );
    assert_eq!(after_fill.returned, m("0"));
}

#[derive(Debug, Clone)]
enum Move {
    Submit {
        who: usize,
        ticker: usize,
        buy: bool,
        cents: i64,
        count: i64,
        immediate: bool,
    },
    Amend {
        who: usize,
        nth: usize,
        cents: i64,
        total: i64,
    },
    Decrease {
        who: usize,
        nth: usize,
        by: i64,
    },
    Netting {
        who: usize,
        enabled: bool,
    },
    Deposit {
        who: usize,
    },
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        10 => (0..3_usize, 0..4_usize, any::<bool>(), 1..100_i64, 1..3_000_i64, any::<bool>()).prop_map(
            |(who, ticker, buy, cents, count, immediate)| Move::Submit { who, ticker, buy, cents, count, immediate }
        ),
        3 => (0..3_usize, 0..6_usize, 1..100_i64, 1..3_000_i64)
            .prop_map(|(who, nth, cents, total)| Move::Amend { who, nth, cents, total }),
        1 => (0..3_usize, 0..6_usize, 1..900_i64).prop_map(|(who, nth, by)| Move::Decrease { who, nth, by }),
        1 => (0..3_usize, any::<bool>()).prop_map(|(who, enabled)| Move::Netting { who, enabled }),
        1 => (0..3_usize).prop_map(|who| Move::Deposit { who }),
    ]
}

// A refusal is part of the game: it must leave the ledger alone too.
fn play(x: &mut Exchange, accounts: &[AccountId], step: i64, one: &Move) {
    let at = after(step);
    let nth = |x: &Exchange, who: usize, nth: usize| {
        let mut resting = x
            .orders(accounts[who])
            .filter(|order| order.status == OrderStatus::Resting);
        resting.nth(nth).cloned()
    };
    match *one {
        Move::Submit {
            who,
            ticker,
            buy,
            cents,
            count,
            immediate,
        } => {
            let side = if buy { BookSide::Bid } else { BookSide::Ask };
            let (count, price) = (
                Contracts::from_raw(count).unwrap(),
                Price::from_cents(cents).unwrap(),
            );
            let ticker = t([TOP, TOP_B, TOP_C, LLM][ticker]);
            let order = if immediate {
                NewOrder::immediate(ticker, side, count, price)
            } else {
                NewOrder::resting(ticker, side, count, price)
            };
            let _ = x.submit(accounts[who], order, at);
        }
        Move::Amend {
            who,
            nth: index,
            cents,
            total,
        } => {
            let Some(order) = nth(x, who, index) else { return };
            let amend = AmendOrder {
                ticker: order.asked.ticker.clone(),
                side: order.asked.side,
                price: Price::from_cents(cents).unwrap(),
                count: Contracts::from_raw(total).unwrap(),
                client_order_id: None,
                updated_client_order_id: None,
                expiration: ExpirationChange::Keep,
            };
            let _ = x.amend(accounts[who], order.id, amend, at);
        }
        Move::Decrease { who, nth: index, by } => {
            let Some(order) = nth(x, who, index) else { return };
            let by = Contracts::from_raw(by).unwrap();
            x.decrease(accounts[who], order.id, Decrease::By(by), at).unwrap();
        }
        Move::Netting { who, enabled } => {
            let _ = x.set_netting(accounts[who], enabled, at);
        }
        Move::Deposit { who } => x.deposit(accounts[who], m("0.37"), at).unwrap(),
    }
}

/// The balances as the log alone tells them, every entry checked against the balance it states.
fn replayed(x: &Exchange) -> BTreeMap<AccountId, Money> {
    let mut balances: BTreeMap<AccountId, Money> = BTreeMap::new();
    for entry in x.log().entries() {
        let (account, change, stated) = match entry {
            LogEntry::Opening {
                account,
                cash,
                balance,
                ..
            }
            | LogEntry::Deposit {
                account,
                cash,
                balance,
                ..
            } => (*account, *cash, *balance),
            LogEntry::Fill(fill) => (fill.account, fill.revenue.saturating_sub(fill.fee), fill.balance),
            LogEntry::CollateralReturn {
                account,
                change,
                balance,
                ..
            } => (*account, *change, *balance),
            LogEntry::Settlement(entry) => (entry.account, entry.revenue, entry.balance),
            LogEntry::Reversal {
                account,
                revenue,
                balance,
                ..
            } => (*account, revenue.negated(), *balance),
            _ => continue,
        };
        let balance = balances.entry(account).or_insert(Money::ZERO);
        *balance = balance.saturating_add(change);
        assert_eq!(*balance, stated, "{entry:?}");
    }
    balances
}

/// The least that an account's contracts of one event can pay, whichever of its markets wins or none.
fn least_payout(x: &Exchange, who: AccountId, markets: &[Ticker]) -> i64 {
    let paid = |winner: Option<&Ticker>| -> i64 {
        markets
            .iter()
            .map(|ticker| {
                let net = x.position(who, ticker).raw();
                if winner == Some(ticker) {
                    net.max(0)
                } else {
                    (-net).max(0)
                }
            })
            .sum()
    };
    markets
        .iter()
        .map(Some)
        .chain([None])
        .map(paid)
        .min()
        .unwrap_or(0)
}

fn check(x: &Exchange, accounts: &[AccountId]) {
    assert_eq!(x.total(), x.opening_cash(), "returns are no money made");
    let markets = [TOP, TOP_B, TOP_C].map(t);
    for who in accounts {
        let account = x.account(*who).unwrap();
        // Fees of fractional maker fills round up one by one; they may eat at most this much more than was held back.
        assert!(account.spendable().raw() >= -1_000, "{:?}", x.balance(*who));
        // Never more than the contracts are certain to pay, at ten thousand millionths for a hundredth of a contract.
        assert!(account.returned().raw() <= least_payout(x, *who, &markets) * 10_000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn balances_stay_sound_and_the_log_explains_them(
        script in prop::collection::vec(moves(), 1..120),
        winner in 0..4_usize,
        amended in 0..4_usize,
    ) {
        let mut x = three();
        let accounts = ["a", "b", "d"].map(|name| member(&mut x, name, 50)).to_vec();
        for who in &accounts[..2] {
            x.set_netting(*who, true, after(0)).unwrap();
        }
        for (step, one) in (1..).zip(&script) {
            play(&mut x, &accounts, step, one);
            check(&x, &accounts);
        }
        let markets = [TOP, TOP_B, TOP_C].map(t);
        let event = "KXTOPMODEL-26SEP28".parse().unwrap();
        x.determine_event(&event, markets.get(winner), close()).unwrap();
        x.determine(&t(LLM), SettlementResult::Scalar, p("0.4321"), close()).unwrap();
        let spendable: Vec<Money> = accounts.iter().map(|who| x.account(*who).unwrap().spendable()).collect();
        prop_assert!(spendable.iter().all(|money| money.raw() >= -1_000));
        x.advance(close() + TimeDelta::days(1));
        check(&x, &accounts);
        for who in &accounts {
            let account = x.account(*who).unwrap();
            prop_assert_eq!(account.returned(), Money::ZERO);
            prop_assert_eq!(account.reserved(), Money::ZERO);
        }
        // Another winner a day later: every payout is taken back and made again.
        for (index, ticker) in markets.iter().enumerate() {
            let result = if index == amended { SettlementResult::Yes } else { SettlementResult::No };
            x.amend_settled(ticker, result, Price::ZERO, close() + TimeDelta::days(1)).unwrap();
        }
        x.advance(close() + TimeDelta::days(2));
        prop_assert_eq!(x.total(), x.opening_cash());
        let told = replayed(&x);
        for who in &accounts {
            prop_assert_eq!(told[who], x.account(*who).unwrap().balance());
        }
    }
}
