//! What the stand-in world costs: a page, a page with its compression, days of quoting.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a broken fixture must stop the bench; benches are not an interface"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use autotrader_simulator::site::board_page;
use autotrader_simulator::{Scenario, SimulatedWorld as _, World, WorldOptions};
use chrono::{DateTime, TimeDelta, Utc};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn options(seed: u64) -> WorldOptions {
    let start: DateTime<Utc> = "2026-09-21T00:00:00Z".parse().unwrap();
    WorldOptions {
        seed,
        start,
        days: 6,
        tweak_row: None,
    }
}

/// A page of 357 rows; every iteration another board.
#[divan::bench]
fn render_page(bencher: Bencher<'_, '_>) {
    let seed = AtomicU64::new(0);
    bencher
        .with_inputs(|| {
            let seed = seed.fetch_add(1, Ordering::Relaxed);
            let scenario = Scenario::demo(&options(seed));
            scenario.public_board(options(0).start).cloned().unwrap()
        })
        .bench_values(|board| board_page(&board, "dpl_bench"));
}

/// The first request of a page: rendered and compressed.
#[divan::bench]
fn first_request(bencher: Bencher<'_, '_>) {
    let seed = AtomicU64::new(0);
    bencher
        .with_inputs(|| {
            let seed = seed.fetch_add(1, Ordering::Relaxed);
            World::demo(&options(seed))
        })
        .bench_values(|mut world| {
            world.leaderboard("/leaderboard/text/overall-no-style-control", options(0).start)
        });
}

/// Six days read every five minutes: 1 729 pages, three checks of two series quoted throughout.
#[divan::bench(sample_count = 5)]
fn six_days(bencher: Bencher<'_, '_>) {
    let seed = AtomicU64::new(0);
    bencher
        .with_inputs(|| {
            let seed = seed.fetch_add(1, Ordering::Relaxed);
            World::demo(&options(seed))
        })
        .bench_values(|mut world| {
            for round in 0..=1_728 {
                let at = options(0).start + TimeDelta::minutes(5 * round);
                world.advance_to(at);
                black_box(world.leaderboard("/leaderboard/text/overall-no-style-control", at));
            }
            world
        });
}
