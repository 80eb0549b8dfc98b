//! Parsing, gating and recognising pages, on bytes that differ from one iteration to the next.
//!
//! Budgets on two cores: page to board 0.45 ms, to gated board 0.65 ms, unchanged page 0.12 ms. The page is the captured
//! one where it is there (2.46 MB), else a written one of as many rows.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[path = "../tests/pages/mod.rs"]
mod pages;

use std::sync::atomic::{AtomicUsize, Ordering};

use autotrader_arena_signals::parse::parse_page;
use autotrader_arena_signals::{GateSettings, PageReader, gate, hash_board, read_file};
use divan::Bencher;
use divan::counter::BytesCount;
use pages::now;

fn main() {
    divan::main();
}

/// The page with the deployment id and one low row's votes changed, in payload and table alike, as each poll may bring.
fn varied(count: usize) -> Vec<String> {
    let page = pages::captured_text(pages::REAL).unwrap_or_else(|| pages::written::board(357, 1).today());
    (0..count)
        .map(|index| {
            let deployment = format!("dpl_{index:028}");
            let votes = 2_391 + i64::try_from(index).unwrap();
            page.replace("dpl_fzAbBvb9P7kqjk1udCvVFv7EkcC3", &deployment)
                .replace("\\\"votes\\\":2391,", &format!("\\\"votes\\\":{votes},"))
                .replace(">2,391<", &format!(">{}<", pages::written::grouped(votes)))
        })
        .collect()
}

/// Gives the pages in turn, each freshly copied as a body that has just been received and decompressed.
struct Turn {
    pages: Vec<String>,
    next: AtomicUsize,
}

impl Turn {
    fn new() -> Self {
        Self {
            pages: varied(16),
            next: AtomicUsize::new(0),
        }
    }

    fn borrowed(&self) -> &[u8] {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.pages.len();
        self.pages.get(turn).unwrap().as_bytes()
    }

    fn next(&self) -> Vec<u8> {
        self.borrowed().to_vec()
    }

    fn bytes(&self) -> BytesCount {
        BytesCount::new(self.pages.first().unwrap().len())
    }
}

#[divan::bench(sample_count = 400)]
fn parse(bencher: Bencher<'_, '_>) {
    let turn = Turn::new();
    bencher
        .counter(turn.bytes())
        .with_inputs(|| turn.next())
        .bench_refs(|page| parse_page(page).board);
}

#[divan::bench(sample_count = 400)]
fn gated(bencher: Bencher<'_, '_>) {
    let (turn, settings) = (Turn::new(), GateSettings::default());
    bencher
        .counter(turn.bytes())
        .with_inputs(|| turn.next())
        .bench_refs(|page| gate(parse_page(page), &settings, now()));
}

#[divan::bench(sample_count = 400)]
fn gate_alone(bencher: Bencher<'_, '_>) {
    let (turn, settings) = (Turn::new(), GateSettings::default());
    bencher
        .with_inputs(|| parse_page(turn.borrowed()))
        .bench_values(|parsed| gate(parsed, &settings, now()));
}

#[divan::bench(sample_count = 400)]
fn hash(bencher: Bencher<'_, '_>) {
    let turn = Turn::new();
    bencher
        .with_inputs(|| parse_page(turn.borrowed()).board)
        .bench_refs(|board| hash_board(board));
}

/// The shell differs, the leaderboard object does not.
#[divan::bench(sample_count = 400)]
fn unchanged(bencher: Bencher<'_, '_>) {
    let page = varied(1).remove(0);
    let shells: Vec<String> = (0..16)
        .map(|index| page.replace(&format!("dpl_{:028}", 0), &format!("dpl_{index:028}")))
        .collect();
    let mut reader = PageReader::new(GateSettings::default());
    reader.read_page(page.as_bytes(), now());
    let mut turn = shells.iter().cycle();
    bencher
        .counter(BytesCount::new(page.len()))
        .with_inputs(|| turn.next().unwrap().as_bytes().to_vec())
        .bench_local_refs(|page| reader.read_page(page, now()).1);
}

/// The slow way for comparison: the table by a whole HTML parser.
#[divan::bench(sample_count = 20)]
fn table_only(bencher: Bencher<'_, '_>) {
    let page = pages::captured_text(pages::TABLE_ONLY)
        .unwrap_or_else(|| pages::written::board(357, 1).table_page(pages::written::Layout::Prices));
    bencher.bench(|| read_file(page.as_bytes(), &GateSettings::default(), now()));
}
