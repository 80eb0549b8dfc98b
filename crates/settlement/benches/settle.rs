//! Settling, explaining and ranking varied boards of 400 rows: no two iterations see the same one.
//!
//! Budget: 10 µs to settle 400 rows on two cores.

use autotrader_settlement::{
    Board, Entry, Rating, Rule, RuleSet, ScorePrecision, explain, rank_bounds, resolve_top_model,
    settlement_order,
};
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    divan::main();
}

/// How the top of a board looks.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Intervals as wide as the real page's, so a few models share the best rank.
    Usual,
    /// Every model shares the best rank and every score displays alike: all criteria are consulted.
    AllTied,
    /// No field beyond the name.
    NamesOnly,
}

const SHAPES: [Shape; 3] = [Shape::Usual, Shape::AllTied, Shape::NamesOnly];

/// SplitMix64 (Steele, Lea and Flood, 2014): a repeatable stream for each board.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to `bound`, the latter excluded.
    fn below(&mut self, bound: u32) -> f64 {
        f64::from(u32::try_from(self.next() % u64::from(bound)).unwrap_or(0))
    }
}

fn next_board(shape: Shape) -> Board {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut stream = Stream(SEED.fetch_add(1, Ordering::Relaxed));
    let mut entries: Vec<Entry> = (0..400).map(|row| entry(shape, row, &mut stream)).collect();
    if matches!(shape, Shape::Usual) {
        let bounds = rank_bounds(&entries);
        for (entry, bounds) in entries.iter_mut().zip(bounds) {
            entry.rank_ub = bounds.rank_ub;
            entry.rank_lb = bounds.rank_lb;
        }
    }
    Board { entries }
}

fn entry(shape: Shape, row: u32, stream: &mut Stream) -> Entry {
    let name = Entry::named(format!("model-{row}-{:x}", stream.next()));
    let organization = Some(format!("organisation-{}", stream.next() % 40));
    match shape {
        Shape::NamesOnly => name,
        Shape::AllTied => Entry {
            organization,
            rank: Some(1),
            rank_ub: Some(1),
            score: Some(Rating::from_value(1500.0 + stream.below(1_000_000) / 1e7)),
            votes: Some(10_000),
            ..name
        },
        Shape::Usual => {
            let score = 1500.0 - f64::from(row) * 1.2 - stream.below(1_000_000) / 2e5;
            let half_width = 3.0 + stream.below(1_000_000) / 1e5;
            Entry {
                organization,
                rank: Some(i64::from(row) + 1),
                score: Some(Rating::from_value(score)),
                ci_lower: Some(Rating::from_value(score - half_width)),
                ci_upper: Some(Rating::from_value(score + half_width)),
                votes: Some(i64::try_from(stream.next() % 60_000).unwrap_or(0)),
                ..name
            }
        }
    }
}

#[divan::bench(args = SHAPES, sample_count = 500)]
fn resolve_cascade(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let rules = RuleSet::default();
    bencher.with_inputs(|| next_board(shape)).bench_refs(|board| {
        resolve_top_model(&board.entries, &rules)
            .winner()
            .map(|entry| entry.votes)
    });
}

#[divan::bench(args = SHAPES, sample_count = 500)]
fn resolve_cascade_displayed(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
    bencher.with_inputs(|| next_board(shape)).bench_refs(|board| {
        resolve_top_model(&board.entries, &rules)
            .winner()
            .map(|entry| entry.votes)
    });
}

#[divan::bench(args = SHAPES, sample_count = 500)]
fn resolve_rank_ub_alone(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let rules = RuleSet::new(Rule::RankUbAlone, ScorePrecision::Full);
    bencher.with_inputs(|| next_board(shape)).bench_refs(|board| {
        resolve_top_model(&board.entries, &rules)
            .winner()
            .map(|entry| entry.votes)
    });
}

#[divan::bench(args = SHAPES, sample_count = 500)]
fn explain_cascade(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let rules = RuleSet::default();
    bencher
        .with_inputs(|| next_board(shape))
        .bench_refs(|board| explain(&board.entries, &rules));
}

#[divan::bench(args = SHAPES, sample_count = 500)]
fn order_of_settlement(bencher: divan::Bencher<'_, '_>, shape: Shape) {
    let rules = RuleSet::default();
    bencher
        .with_inputs(|| next_board(shape))
        .bench_refs(|board| settlement_order(&board.entries, &rules).len());
}

#[divan::bench(sample_count = 500)]
fn bounds(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(|| next_board(Shape::Usual))
        .bench_refs(|board| rank_bounds(&board.entries));
}
