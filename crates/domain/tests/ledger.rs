//! The ledger: fills, payouts, amended payouts and late fills, to the micro-dollar.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops loudly at what it did not expect"
)]

use autotrader_domain::{
    BookSide, Booking, Contracts, Fill, Liquidity, Money, Portfolio, Price, SettlementRecord, Ticker,
    bookings,
};
use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn ticker(name: &str) -> Ticker {
    name.parse().unwrap()
}

fn fill(number: u32, market: &str, side: BookSide, price: i64, hundredths: i64, fee: i64) -> Fill {
    Fill {
        fill_id: format!("f{number}"),
        venue_order_id: "o".parse().unwrap(),
        client_order_id: None,
        ticker: ticker(market),
        side,
        price: Price::from_raw(price).unwrap(),
        contracts: Contracts::from_raw(hundredths).unwrap(),
        fee: Money::from_raw(fee).unwrap(),
        liquidity: Liquidity::Taker,
        filled_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::from(number)),
    }
}

fn payout(market: &str, value: &str, fee: &str, at: i64) -> SettlementRecord {
    SettlementRecord {
        ticker: ticker(market),
        yes_value: value.parse().unwrap(),
        fee: money(fee),
        settled_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(at),
    }
}

/// Cash − opening cash = realised − fees − cost of what is open.
#[track_caller]
fn holds(portfolio: &Portfolio, opening: Money) {
    let moved = portfolio.cash.checked_sub(opening).unwrap();
    let explained = portfolio
        .realized()
        .checked_sub(portfolio.fees())
        .and_then(|net| net.checked_sub(portfolio.cost()))
        .unwrap();
    assert_eq!(moved, explained, "{portfolio:?}");
}

#[test]
fn an_amended_result_takes_the_first_payout_back() {
    let opening = money("100");
    let mut books = Portfolio::opening(opening);
    books
        .book_fill(&fill(1, "A", BookSide::Bid, 4_000, 1_000, 170_000))
        .unwrap();
    books.book_settlement(&payout("A", "1", "0.05", 50)).unwrap();
    assert_eq!(books.cash, money("105.78"), "100 - 4 - 0.17 + 10 - 0.05");
    books.book_settlement(&payout("A", "0.25", "0.01", 90)).unwrap();
    assert_eq!(books.cash, money("98.32"), "100 - 4 - 0.17 + 2.50 - 0.01");
    let position = books.position(&ticker("A"));
    assert_eq!(
        (position.realized, position.fees),
        (money("-1.50"), money("0.18"))
    );
    assert!(position.net.is_flat());
    holds(&books, opening);
}

#[test]
fn a_payout_of_a_market_that_is_not_held_moves_nothing() {
    let mut books = Portfolio::opening(money("10"));
    books.book_settlement(&payout("A", "1", "0", 5)).unwrap();
    assert_eq!((books.cash, books.fees()), (money("10"), Money::ZERO));
    let read: Portfolio = serde_json::from_str(&serde_json::to_string(&books).unwrap()).unwrap();
    assert_eq!(read, books);
}

#[test]
fn a_fill_learnt_after_the_payout_is_paid_out_too() {
    let early = fill(1, "A", BookSide::Ask, 3_000, 500, 10_000);
    let late = fill(2, "A", BookSide::Ask, 2_000, 300, 20_000);
    let record = payout("A", "0.10", "0.02", 60);
    let mut told_late = Portfolio::opening(money("50"));
    told_late.book_fill(&early).unwrap();
    told_late.book_settlement(&record).unwrap();
    told_late.book_fill(&late).unwrap();
    let mut in_order = Portfolio::opening(money("50"));
    for booking in bookings(&[early, late], &[record]) {
        in_order.book(booking).unwrap();
    }
    assert_eq!(told_late, in_order);
    holds(&told_late, money("50"));
}

#[test]
fn an_overflow_books_nothing() {
    let huge = Money::from_raw(i64::MAX).unwrap();
    let mut books = Portfolio::opening(huge);
    books.book_fill(&fill(1, "A", BookSide::Bid, 1, 100, 0)).unwrap();
    let before = books.clone();
    let error = books.book_settlement(&payout("A", "1", "0", 5)).unwrap_err();
    assert!(error.to_string().contains("of A overflows the books"), "{error}");
    assert_eq!(books, before);
}

fn any_fill() -> impl Strategy<Value = (u8, bool, i64, i64, i64)> {
    (
        0_u8..3,
        any::<bool>(),
        1_i64..10_000,
        1_i64..50_000,
        -200_i64..200_000,
    )
}

fn any_payout() -> impl Strategy<Value = (u8, i64, i64)> {
    (0_u8..3, 0_i64..=10_000, 0_i64..100_000)
}

fn named(market: u8) -> &'static str {
    ["A", "B", "C"][usize::from(market)]
}

proptest! {
    #[test]
    fn cash_is_always_explained_and_the_order_of_learning_does_not_matter(
        fills in prop::collection::vec(any_fill(), 0..40),
        payouts in prop::collection::vec(any_payout(), 0..6),
        told in any::<prop::sample::Index>(),
    ) {
        let opening = money("1000");
        let fills: Vec<Fill> = fills
            .into_iter()
            .zip(1..)
            .map(|((market, buys, price, size, fee), number)| {
                let side = if buys { BookSide::Bid } else { BookSide::Ask };
                fill(number, named(market), side, price, size, fee)
            })
            .collect();
        let payouts: Vec<SettlementRecord> = payouts
            .into_iter()
            .zip(100..)
            .map(|((market, value, fee), at)| SettlementRecord {
                yes_value: Price::from_raw(value).unwrap(),
                fee: Money::from_raw(fee).unwrap(),
                ..payout(named(market), "0", "0", at)
            })
            .collect();
        let in_order = Portfolio::replayed(opening, &fills, &payouts).unwrap();
        holds(&in_order, opening);
        // Some fills are learnt only after every payout.
        let cut = told.index(fills.len() + 1);
        let mut late = Portfolio::opening(opening);
        let entries = fills[..cut].iter().map(Booking::Fill);
        let entries = entries.chain(payouts.iter().map(Booking::Settlement));
        for booking in entries.chain(fills[cut..].iter().map(Booking::Fill)) {
            late.book(booking).unwrap();
            holds(&late, opening);
        }
        prop_assert_eq!(&late.cash, &in_order.cash);
        prop_assert_eq!(late, in_order);
    }
}
