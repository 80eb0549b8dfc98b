//! Entries that were not made, settled: figures by hand, and what must hold for any history.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops loudly at what it did not expect"
)]

use std::collections::BTreeMap;

use autotrader_backtest::counterfactual::{Chance, End, Evidence, Guard, Ledger};
use autotrader_domain::{
    Action, BookSide, Contracts, Decided, Fill, Liquidity, Money, Net, Price, Reason, Wanted, Why,
};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use rstest::rstest;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + 60 * minute, 0).unwrap()
}

/// A line: when, the first reason, and the side with contracts, cost and fees of what was wanted.
fn line(minute: i64, reason: Option<Reason>, wanted: Option<(BookSide, u32, &str, &str)>) -> Why {
    Why {
        ticker: "T".parse().unwrap(),
        at: at(minute),
        fair: None,
        market: Some(0.5),
        pooled: None,
        edge: None,
        target: None,
        position: Net::ZERO,
        action: Action::Hold,
        reason,
        next_reason: None,
        baselines: BTreeMap::new(),
        wanted: wanted.map(|(side, contracts, cost, fees)| Wanted {
            side,
            contracts: Contracts::whole(contracts),
            limit: Price::from_cents(50).unwrap(),
            cost: cost.parse().unwrap(),
            fees: fees.parse().unwrap(),
        }),
    }
}

fn word(minute: i64, yes_value: &str, paid: bool) -> Decided {
    Decided {
        ticker: "T".parse().unwrap(),
        at: at(minute),
        yes_value: yes_value.parse().unwrap(),
        paid,
    }
}

fn fill(minute: i64, side: BookSide, contracts: u32, ours: bool) -> Fill {
    Fill {
        fill_id: format!("f-{minute}"),
        venue_order_id: "venue".parse().unwrap(),
        client_order_id: ours.then(|| "kat1-t".parse().unwrap()),
        ticker: "T".parse().unwrap(),
        side,
        price: Price::from_cents(50).unwrap(),
        contracts: Contracts::whole(contracts),
        fee: Money::ZERO,
        liquidity: Liquidity::Taker,
        filled_at: at(minute),
    }
}

fn ledger(lines: &[Why], fills: &[Fill], decided: &[Decided]) -> Ledger {
    Ledger::of(&Evidence {
        lines,
        fills,
        decided,
    })
    .unwrap()
}

/// Saved, cost and net of one reason.
fn sums(ledger: &Ledger, guard: Guard) -> [String; 3] {
    let row = &ledger.reasons[&guard];
    [row.saved, row.cost, row.net].map(|money| money.to_string())
}

const WIDE: Option<Reason> = Some(Reason::WideSpread);
const HALTED: Option<Reason> = Some(Reason::Halted);
const BID: BookSide = BookSide::Bid;
const ASK: BookSide = BookSide::Ask;

// Ten contracts for 4.00 and 0.17 of fees.
#[rstest]
#[case::yes_lost(BID, "0", ["4.170000", "0.000000", "4.170000"])]
#[case::yes_won(BID, "1", ["0.000000", "5.830000", "-5.830000"])]
#[case::no_lost(ASK, "1", ["4.170000", "0.000000", "4.170000"])]
#[case::no_won(ASK, "0", ["0.000000", "5.830000", "-5.830000"])]
#[case::yes_paid_a_part(BID, "0.25", ["1.670000", "0.000000", "1.670000"])]
#[case::no_paid_a_part(ASK, "0.25", ["0.000000", "3.330000", "-3.330000"])]
#[case::paid_what_it_cost(BID, "0.417", ["0.000000", "0.000000", "0.000000"])]
fn a_chance_is_held_to_the_value_that_was_paid(
    #[case] side: BookSide,
    #[case] yes_value: &str,
    #[case] expected: [&str; 3],
) {
    let lines = [line(0, WIDE, Some((side, 10, "4", "0.17")))];
    let ledger = ledger(&lines, &[], &[word(100, yes_value, true)]);
    assert_eq!(sums(&ledger, Guard::Reason(Reason::WideSpread)), expected);
    assert_eq!(ledger.total, ledger.reasons[&Guard::Reason(Reason::WideSpread)]);
    assert_eq!(ledger.total.contracts, Contracts::whole(10));
}

/// Reason, side, contracts, cost and lines of each chance.
fn told(chances: &[Chance]) -> Vec<(&'static str, BookSide, String, String, u32)> {
    chances
        .iter()
        .map(|chance| {
            let (contracts, cost) = (chance.contracts.to_string(), chance.cost.to_string());
            (chance.guard.code(), chance.side, contracts, cost, chance.lines)
        })
        .collect()
}

#[rstest]
#[case::one_run_is_bought_once_at_its_first_line(
    &[line(0, WIDE, Some((BID, 10, "4", "0"))), line(60, WIDE, Some((BID, 30, "15", "0")))],
    &[("wide_spread", BID, "10.00", "4.000000", 2)],
)]
#[case::another_reason_is_another_chance(
    &[line(0, WIDE, Some((BID, 10, "4", "0"))), line(60, HALTED, Some((BID, 10, "5", "0")))],
    &[("wide_spread", BID, "10.00", "4.000000", 1), ("halted", BID, "10.00", "5.000000", 1)],
)]
#[case::another_side_is_another_chance(
    &[line(0, WIDE, Some((BID, 10, "4", "0"))), line(60, WIDE, Some((ASK, 10, "5", "0")))],
    &[("wide_spread", BID, "10.00", "4.000000", 1), ("wide_spread", ASK, "10.00", "5.000000", 1)],
)]
#[case::an_edge_that_flickers_is_one_chance(
    &[
        line(0, WIDE, Some((BID, 10, "4", "0"))),
        line(60, Some(Reason::NoEdge), None),
        line(90, WIDE, Some((BID, 9, "4", "0"))),
        line(120, WIDE, Some((BID, 40, "20", "0"))),
    ],
    &[("wide_spread", BID, "10.00", "4.000000", 3)],
)]
#[case::what_is_wanted_more_after_a_break_is_bought_too(
    &[
        line(0, WIDE, Some((BID, 10, "4", "0"))),
        line(60, HALTED, None),
        line(90, WIDE, Some((BID, 40, "20", "0"))),
        line(150, HALTED, None),
        line(180, WIDE, Some((BID, 40, "24", "0"))),
    ],
    &[("wide_spread", BID, "10.00", "4.000000", 1), ("wide_spread", BID, "30.00", "15.000000", 2)],
)]
#[case::what_was_only_not_sent_has_no_reason(
    &[line(0, None, Some((BID, 10, "4", "0"))), line(60, None, None)],
    &[("shadow", BID, "10.00", "4.000000", 1)],
)]
#[case::what_the_exchange_would_not_have_taken_is_no_chance(
    &[
        line(0, Some(Reason::NotOpen), Some((BID, 10, "4", "0"))),
        line(60, Some(Reason::ExchangePaused), Some((BID, 10, "4", "0"))),
        line(120, Some(Reason::PastClose), Some((BID, 10, "4", "0"))),
    ],
    &[],
)]
#[case::nothing_wanted_is_no_chance(&[line(0, WIDE, None), line(1, WIDE, Some((BID, 0, "0", "0")))], &[])]
fn chances_are_runs_of_lines(
    #[case] lines: &[Why],
    #[case] expected: &[(&'static str, BookSide, &str, &str, u32)],
) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(code, side, contracts, cost, lines)| {
            (*code, *side, (*contracts).to_owned(), (*cost).to_owned(), *lines)
        })
        .collect();
    assert_eq!(told(&ledger(lines, &[], &[]).chances), expected);
}

#[rstest]
#[case::nothing_bought(&[], "9.00", "3.000000")]
#[case::a_part(&[fill(5, BID, 4, true)], "5.00", "1.666667")]
#[case::all_and_more(&[fill(5, BID, 4, true), fill(6, BID, 50, true)], "0.00", "0.000000")]
#[case::before_the_chance(&[fill(-5, BID, 4, true)], "9.00", "3.000000")]
#[case::the_other_side(&[fill(5, ASK, 4, true)], "9.00", "3.000000")]
#[case::by_someone_else(&[fill(5, BID, 4, false)], "9.00", "3.000000")]
#[case::what_closed_a_position_opened_none(&[fill(-5, ASK, 3, true), fill(5, BID, 4, true)], "8.00", "2.666667")]
#[case::after_the_payout(&[fill(101, BID, 4, true)], "9.00", "3.000000")]
fn what_was_bought_after_all_is_taken_off(
    #[case] fills: &[Fill],
    #[case] contracts: &str,
    #[case] cost: &str,
) {
    let lines = [line(0, WIDE, Some((BID, 9, "3", "0")))];
    let ledger = ledger(&lines, fills, &[word(100, "1", true)]);
    let chance = &ledger.chances[0];
    assert_eq!(
        (chance.contracts.to_string(), chance.cost.to_string()),
        (contracts.to_owned(), cost.to_owned())
    );
    assert_eq!(
        chance.wanted,
        chance.contracts.checked_add(chance.bought).unwrap()
    );
}

#[test]
fn a_fill_takes_the_oldest_chance_of_each_reason_first() {
    let lines = [
        line(0, WIDE, Some((BID, 10, "4", "0"))),
        line(10, HALTED, Some((BID, 10, "5", "0"))),
        line(20, WIDE, Some((BID, 30, "12", "0"))),
    ];
    let ledger = ledger(&lines, &[fill(30, BID, 12, true)], &[]);
    let left: Vec<String> = ledger
        .chances
        .iter()
        .map(|chance| chance.contracts.to_string())
        .collect();
    assert_eq!(left, ["0.00", "0.00", "18.00"]);
}

#[rstest]
#[case::nothing_known(&[], None, "-1.000000")]
#[case::determined_is_a_mark(&[word(50, "1", false)], None, "4.000000")]
#[case::paid(&[word(50, "1", false), word(90, "1", true)], Some("4.000000"), "")]
#[case::seen_late(&[word(50, "1", true), word(90, "1", false)], Some("4.000000"), "")]
#[case::amended(&[word(50, "1", true), word(90, "0", true)], Some("-6.000000"), "")]
#[case::amended_at_once_the_later_word(&[word(50, "0", true), word(50, "0.3", true)], Some("-3.000000"), "")]
#[case::disputed_after_payment(&[word(50, "1", true), word(90, "0", false)], None, "-6.000000")]
fn the_last_word_counts(#[case] decided: &[Decided], #[case] settled: Option<&str>, #[case] marked: &str) {
    let lines = [line(0, WIDE, Some((BID, 10, "5.5", "0.5")))];
    let ledger = ledger(&lines, &[], decided);
    let chance = &ledger.chances[0];
    assert_eq!(
        chance.settled().map(|result| result.to_string()).as_deref(),
        settled
    );
    match chance.end {
        End::Open { result, .. } => {
            assert_eq!(result.unwrap().to_string(), marked);
            assert_eq!((ledger.total.settled, ledger.total.open.episodes), (0, 1));
            assert_eq!(ledger.total.open.invested.to_string(), "6.000000");
            assert_eq!(ledger.total.net, Money::ZERO, "open chances are in no sum");
        }
        End::Settled { .. } => assert_eq!((ledger.total.settled, ledger.total.open.episodes), (1, 0)),
    }
}

#[test]
fn figures_that_no_account_could_hold_are_refused() {
    let mut huge = line(0, WIDE, Some((BID, 1, "1", "0")));
    huge.wanted.as_mut().unwrap().contracts = Contracts::from_raw(i64::MAX).unwrap();
    let evidence = Evidence {
        lines: &[huge],
        fills: &[],
        decided: &[word(1, "1", true)],
    };
    let refused = Ledger::of(&evidence).unwrap_err();
    assert_eq!(refused.to_string(), "the figures of T overflow");
}

const REASONS: [Option<Reason>; 3] = [WIDE, HALTED, None];

fn side() -> impl Strategy<Value = BookSide> {
    prop_oneof![Just(BID), Just(ASK)]
}

prop_compose! {
    fn any_line()(
        ticker in 0..3_u8,
        reason in 0..REASONS.len(),
        wanted in proptest::option::of((side(), 1..5_000_i64, 1..5_000_000_i64, 0..100_000_i64)),
        market in proptest::option::of(0.0..1.0_f64),
    ) -> Why {
        Why {
            ticker: format!("T{ticker}").parse().unwrap(),
            market,
            wanted: wanted.map(|(side, contracts, cost, fees)| Wanted {
                side,
                contracts: Contracts::from_raw(contracts).unwrap(),
                limit: Price::from_cents(50).unwrap(),
                cost: Money::micros(cost),
                fees: Money::micros(fees),
            }),
            ..line(0, REASONS[reason], None)
        }
    }
}

prop_compose! {
    fn any_fill()(ticker in 0..3_u8, side in side(), contracts in 1..5_000_i64, ours in any::<bool>()) -> Fill {
        Fill {
            ticker: format!("T{ticker}").parse().unwrap(),
            contracts: Contracts::from_raw(contracts).unwrap(),
            ..fill(0, side, 1, ours)
        }
    }
}

prop_compose! {
    fn any_word()(ticker in 0..3_u8, value in 0..=10_000_i64, paid in any::<bool>()) -> Decided {
        Decided {
            ticker: format!("T{ticker}").parse().unwrap(),
            yes_value: Price::from_raw(value).unwrap(),
            ..word(0, "0", paid)
        }
    }
}

/// A history in which no two things happen at the same instant.
fn history() -> impl Strategy<Value = (Vec<Why>, Vec<Fill>, Vec<Decided>)> {
    let lines = prop::collection::vec(any_line(), 0..30);
    let fills = prop::collection::vec(any_fill(), 0..10);
    let words = prop::collection::vec(any_word(), 0..6);
    (lines, fills, words, 0..40_i64).prop_map(|(mut lines, mut fills, mut words, paid_from)| {
        for (minute, line) in (0..).step_by(3).zip(&mut lines) {
            line.at = at(minute);
        }
        for (minute, fill) in (1..).step_by(7).zip(&mut fills) {
            fill.filled_at = at(minute);
            fill.fill_id = format!("f-{minute}");
        }
        for (minute, word) in (paid_from..).step_by(11).zip(&mut words) {
            word.at = at(minute);
        }
        (lines, fills, words)
    })
}

proptest! {
    #[test]
    fn the_reasons_sum_to_the_total_and_both_to_the_chances((lines, fills, decided) in history()) {
        let ledger = ledger(&lines, &fills, &decided);
        let rows = || ledger.reasons.values();
        let total = &ledger.total;
        prop_assert_eq!(rows().map(|row| row.net).sum::<Money>(), total.net);
        prop_assert_eq!(rows().map(|row| row.saved).sum::<Money>(), total.saved);
        prop_assert_eq!(rows().map(|row| row.cost).sum::<Money>(), total.cost);
        prop_assert_eq!(rows().map(|row| row.episodes).sum::<usize>(), ledger.chances.len());
        prop_assert_eq!(total.settled + total.open.episodes, total.episodes);
        let results: Money = ledger.chances.iter().filter_map(Chance::settled).sum();
        prop_assert_eq!(results.negated(), total.net);
        prop_assert!(!total.saved.is_negative() && !total.cost.is_negative());
    }

    #[test]
    fn the_order_of_what_is_read_is_of_no_account(
        (lines, fills, decided) in history(),
        turn in any::<prop::sample::Index>(),
    ) {
        let known = ledger(&lines, &fills, &decided);
        let (mut lines, mut fills, mut decided) = (lines, fills, decided);
        lines.reverse();
        fills.reverse();
        decided.reverse();
        if !lines.is_empty() {
            let places = lines.len();
            lines.rotate_left(turn.index(places));
        }
        prop_assert_eq!(ledger(&lines, &fills, &decided), known);
    }

    #[test]
    fn nothing_is_bought_twice_and_no_part_costs_more_than_the_whole((lines, fills, decided) in history()) {
        let ledger = ledger(&lines, &fills, &decided);
        let mut bought: BTreeMap<_, i64> = BTreeMap::new();
        for chance in &ledger.chances {
            prop_assert_eq!(chance.wanted.raw(), chance.contracts.raw() + chance.bought.raw());
            prop_assert!(chance.from <= chance.until && chance.lines >= 1);
            let place = (chance.ticker.clone(), chance.guard, chance.side);
            *bought.entry(place).or_default() += chance.wanted.raw();
            let first = lines.iter().find(|line| line.ticker == chance.ticker && line.at == chance.from);
            let entry = first.unwrap().wanted.as_ref().unwrap();
            prop_assert!(chance.cost <= entry.cost && chance.fees <= entry.fees);
            prop_assert!(chance.contracts > Contracts::ZERO || chance.cost == Money::ZERO);
        }
        for ((ticker, guard, side), sum) in bought {
            let most = lines
                .iter()
                .filter(|line| line.ticker == ticker && Guard::of(line) == guard)
                .filter_map(|line| line.wanted.as_ref())
                .filter(|entry| entry.side == side)
                .map(|entry| entry.contracts.raw())
                .max();
            prop_assert!(sum <= most.unwrap(), "{sum} bought, never more than {most:?} wanted");
        }
    }

    /// What one side gains at a value, nobody but the fees and the price takes: a chance and its mirror cost their two prices.
    #[test]
    fn a_dearer_outcome_never_makes_a_chance_worse(
        contracts in 1..5_000_i64,
        cost in 1..5_000_000_i64,
        value in 0..10_000_i64,
    ) {
        let result = |side, value| {
            let mut only = line(0, WIDE, Some((side, 1, "0", "0")));
            let entry = only.wanted.as_mut().unwrap();
            entry.contracts = Contracts::from_raw(contracts).unwrap();
            entry.cost = Money::micros(cost);
            let yes_value = Price::from_raw(value).unwrap();
            let paid = Decided { yes_value, ..word(1, "0", true) };
            ledger(&[only], &[], &[paid]).chances[0].settled().unwrap().raw()
        };
        prop_assert_eq!(result(BID, value + 1) - result(BID, value), contracts);
        prop_assert_eq!(result(BID, value) + result(ASK, value), 10_000 * contracts - 2 * cost);
    }
}
