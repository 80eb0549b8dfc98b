//! Paper honesty: the same decisions on the paper venue and as an account on the stand-in exchange, over many seeds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken test may fail loudly, and what it measures is shown"
)]

mod counter;
mod runs;
mod script;
mod world;

use autotrader_domain::Money;

/// How many seeds are played for each kind of strategy.
const SEEDS: u64 = 240;
/// The share of seeds in which the headline may not exceed what the exchange paid, in percent.
const HONEST: usize = 95;
/// The most that the band's median width may be, in percent of the notional traded on paper, when trades are shown.
const WIDEST_WITH_TRADES: f64 = 7.0;
/// The same when they are not: then whatever leaves the top of a book may have been traded.
const WIDEST_WITHOUT: f64 = 16.0;

#[derive(Debug)]
struct Seed {
    live: Money,
    paper: autotrader_execution::paper::PaperBand,
    on_exchange: runs::Outcome,
    on_paper: runs::Outcome,
}

fn play(knowing: f64, trades: bool) -> Vec<Seed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    (1..=SEEDS)
        .map(|seed| {
            let (live, on_exchange) = runs::live(seed, knowing);
            let (paper, on_paper) = runtime.block_on(runs::paper(seed, knowing, trades));
            Seed {
                live,
                paper,
                on_exchange,
                on_paper,
            }
        })
        .collect()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Shows what was measured and holds it to the contract.
fn judge(what: &str, seeds: &[Seed], widest: f64) {
    let honest = seeds
        .iter()
        .filter(|one| one.paper.pessimistic <= one.live)
        .count();
    let within = seeds
        .iter()
        .filter(|one| one.paper.pessimistic <= one.live && one.live <= one.paper.optimistic)
        .count();
    let share = |one: &Seed| 100.0 * one.paper.width().to_f64() / one.on_paper.notional.to_f64().max(1.0);
    let width = median(seeds.iter().map(share).collect());
    let dollars = |of: fn(&Seed) -> Money| median(seeds.iter().map(|one| of(one).to_f64()).collect());
    let sum = |of: fn(&Seed) -> usize| seeds.iter().map(of).sum::<usize>();
    println!(
        "{what}: {} seeds; headline at most the exchange's result in {honest}, the result inside the band in {within}; \
         median profit {:.2} on paper (optimistic {:.2}), {:.2} on the exchange; median width {width:.2} % of notional; \
         orders {} on paper, {} on the exchange; fills as taker {} and {}, as maker {} and {}",
        seeds.len(),
        dollars(|one| one.paper.pessimistic),
        dollars(|one| one.paper.optimistic),
        dollars(|one| one.live),
        sum(|one| one.on_paper.orders),
        sum(|one| one.on_exchange.orders),
        sum(|one| one.on_paper.taken),
        sum(|one| one.on_exchange.taken),
        sum(|one| one.on_paper.made),
        sum(|one| one.on_exchange.made),
    );
    assert!(
        honest * 100 >= seeds.len() * HONEST,
        "{what}: the headline flattered in {} of {} seeds",
        seeds.len() - honest,
        seeds.len()
    );
    assert!(
        width <= widest,
        "{what}: the band is {width:.2} % of notional wide, more than {widest} %"
    );
    assert!(
        sum(|one| one.on_paper.taken) > seeds.len() && sum(|one| one.on_paper.made) > seeds.len() / 2,
        "{what}: too little was filled to say anything"
    );
}

#[test]
fn with_trades_shown() {
    judge(
        "a strategy that often knows, trades shown",
        &play(0.7, true),
        WIDEST_WITH_TRADES,
    );
}

#[test]
fn without_trades() {
    judge(
        "a strategy that often knows, books only",
        &play(0.7, false),
        WIDEST_WITHOUT,
    );
}

#[test]
fn a_strategy_that_knows_nothing() {
    judge(
        "a strategy that knows nothing, trades shown",
        &play(0.0, true),
        WIDEST_WITH_TRADES,
    );
}
