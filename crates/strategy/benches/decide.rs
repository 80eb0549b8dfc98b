//! From a new board to intents: 400 rows, 60 contracts, 6 events; no two iterations see the same board or books.
//!
//! Budget: 1 ms from a new board to approved intents on two cores.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]
#![allow(dead_code, reason = "the scene is shared with the tests")]

#[path = "../tests/scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use autotrader_domain::ports::Strategy;
use autotrader_domain::{Evaluation, Mapping, Ticker};
use autotrader_strategy::LeaderboardAlpha;
use chrono::TimeDelta;
use scene::{Scene, board, check};

fn main() {
    divan::main();
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a repeatable stream for each scene.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound)).unwrap()
    }
}

/// A scene with what a process keeps between evaluations: the strategy and the mappings.
struct Prepared {
    scene: Scene,
    strategy: LeaderboardAlpha,
    mappings: BTreeMap<Ticker, Mapping>,
}

fn prepare() -> Prepared {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut stream = Stream(SEED.fetch_add(1, Ordering::Relaxed));
    let rows: Vec<(String, String, f64, f64)> = (0..400)
        .map(|row| {
            let score = 1500.0 - f64::from(row) * 1.2 - f64::from(stream.below(1_000)) / 500.0;
            let half = 3.0 + f64::from(stream.below(1_000)) / 250.0;
            (
                format!("maker-model-{row}"),
                format!("lab-{}", row % 10),
                score,
                half,
            )
        })
        .collect();
    let mut scene = Scene::at_rest(board(&rows));
    scene.standing.news_at = Some(scene.at - TimeDelta::minutes(1 + i64::from(stream.below(20))));
    // The sizes of the real events: more contracts than are listed on most days.
    scene.params.guards.max_mid_sum = 9.0;
    for day in [28, 29, 30] {
        for i in 0..10 {
            let (bid, ask) = match (i, stream.below(4)) {
                (0, extra) => (15 + extra, 18 + extra),
                (1, extra) => (60 + extra, 63 + extra),
                (_, extra) => (1 + extra, 3 + extra),
            };
            let (bid, ask) = (format!("0.{bid:02}"), format!("0.{ask:02}"));
            let (model, lab) = (
                format!("KXTOPMODEL-26SEP{day}-M{i}"),
                format!("KXLLM1-26SEP{day}-L{i}"),
            );
            scene.list_model(&model, &format!("maker-model-{i}"), &bid, &ask);
            scene.list_lab(&lab, &format!("lab-{i}"), &bid, &ask);
            for ticker in [model, lab] {
                let market = scene.markets.get_mut(&ticker.parse().unwrap()).unwrap();
                market.rules_primary = market.rules_primary.replace("Sep 28", &format!("Sep {day}"));
                market.close_time = check() + TimeDelta::days(day - 28);
            }
        }
    }
    let (strategy, mappings) = (scene.strategy(), scene.mappings());
    Prepared {
        scene,
        strategy,
        mappings,
    }
}

impl Prepared {
    fn evaluate(&self) -> Evaluation {
        self.strategy.evaluate(&self.scene.view(&self.mappings))
    }
}

#[divan::bench(sample_count = 1_000)]
fn evaluate(bencher: divan::Bencher<'_, '_>) {
    let example = prepare().evaluate();
    assert!(example.why.len() == 60 && !example.intents.is_empty());
    bencher
        .with_inputs(prepare)
        .bench_refs(|prepared| prepared.evaluate());
}

#[divan::bench(sample_count = 1_000)]
fn map_and_evaluate(bencher: divan::Bencher<'_, '_>) {
    bencher.with_inputs(prepare).bench_refs(|prepared| {
        let (strategy, scene) = (&prepared.strategy, &prepared.scene);
        let mappings: BTreeMap<Ticker, Mapping> = scene
            .markets
            .iter()
            .map(|(ticker, market)| {
                (
                    ticker.clone(),
                    strategy.map(market, &scene.standing, &scene.approvals),
                )
            })
            .collect();
        strategy.evaluate(&scene.view(&mappings))
    });
}
