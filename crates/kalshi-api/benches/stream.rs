//! Frames of the stream to books: parse, numbering, application, and what the reader pays for a book.

// A bench may unwrap: a failure here is a failed run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;

use autotrader_domain::{Price, Ticker};
use autotrader_kalshi_api::websocket::{Channel, StreamLimits, StreamReplay};
use chrono::{DateTime, Utc};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const MARKETS: usize = 60;
const FRAMES: usize = 20_000;

fn tickers() -> Vec<Ticker> {
    (0..MARKETS)
        .map(|n| {
            format!("KXTOPMODEL-26DEC{:02}-M{n:02}", n % 28 + 1)
                .parse()
                .unwrap()
        })
        .collect()
}

fn price(raw: usize) -> Price {
    Price::from_raw(i64::try_from(raw).unwrap()).unwrap()
}

/// A replay with 60 books of 40 levels a side, and changes that differ in market, side, price, size and direction.
fn recording() -> (StreamReplay, Vec<String>) {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let limits = StreamLimits {
        channels: BTreeSet::from([Channel::Orderbook]),
        ..StreamLimits::default()
    };
    let tickers = tickers();
    let mut replay = StreamReplay::new(limits, tickers.iter().cloned().collect(), at);
    replay.text(
        at,
        r#"{"type":"subscribed","msg":{"channel":"orderbook_delta","sid":1}}"#,
    );
    let mut seq = 0;
    for ticker in &tickers {
        seq += 1;
        let side = |from: usize| {
            let level = |n: usize| format!(r#"["{}","5000.00"]"#, price(from + 100 * n));
            (0..40).map(level).collect::<Vec<_>>().join(",")
        };
        let (yes, no) = (side(500), side(5_500));
        replay.text(
            at,
            &format!(
                r#"{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{{"market_ticker":"{ticker}","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","yes_dollars_fp":[{yes}],"no_dollars_fp":[{no}]}}}}"#
            ),
        );
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((state >> 33) % u64::try_from(below).unwrap()).unwrap()
    };
    let frames = (0..FRAMES).map(|n| {
        seq += 1;
        let ticker = &tickers[draw(MARKETS)];
        let (from, side) = if draw(2) == 0 { (500, "yes") } else { (5_500, "no") };
        // Near the best price most often: the best YES bid is the highest, the best NO level the lowest on this scale.
        let depth = draw(6) * draw(7);
        let level = if side == "yes" { 39 - depth } else { depth };
        let sign = if n % 2 == 0 { "" } else { "-" };
        format!(
            "{{\"type\":\"orderbook_delta\",\"sending_ts_ms\":{},\"sid\":1,\"seq\":{seq},\"msg\":{{\"market_ticker\":\"{ticker}\",\"market_id\":\"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1\",\"clock\":{},\"price_dollars\":\"{}\",\"delta_fp\":\"{sign}{}.{:02}\",\"side\":\"{side}\",\"ts_ms\":{}}}}}\n",
            1_795_000_000_000_u64 + n as u64,
            4_182_061 + n,
            price(from + 100 * level),
            draw(5) + 1,
            draw(100),
            1_795_000_000_000_u64 + n as u64,
        )
    });
    let frames = frames.collect();
    (replay, frames)
}

/// Text frames as received, to books applied: parse, numbering, lookup, change, notice.
#[divan::bench(sample_count = 50)]
fn frames_to_books(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(FRAMES))
        .with_inputs(recording)
        .bench_values(|(mut replay, frames)| {
            for frame in &frames {
                replay.text(DateTime::UNIX_EPOCH, black_box(frame));
            }
            assert_eq!((replay.counters().gaps, replay.counters().corrupt), (0, 0));
            replay
        });
}

/// What a reader pays for one book of 80 levels.
#[divan::bench]
fn one_book_read(bencher: Bencher<'_, '_>) {
    let (replay, _) = recording();
    let tickers = tickers();
    let mut next = 0;
    bencher.bench_local(move || {
        next = (next + 1) % MARKETS;
        replay.book(&tickers[next]).unwrap()
    });
}
