//! What a durable commit costs on a real file. Every iteration stores something new.
#![allow(clippy::unwrap_used, reason = "a broken fixture must stop the measurement")]
#![allow(dead_code, reason = "the fixtures of the tests hold more than is measured")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use autotrader_domain::ports::{Ledger as _, OrderStore as _};
use autotrader_domain::{BookSide, OrderState, Record, Verdict};
use divan::Bencher;
use tokio::runtime::Runtime;

#[path = "../tests/ports/fixtures.rs"]
mod fixtures;

use fixtures::{BODY, Home, accepted, fill, order, page, reading, request, step};

fn main() {
    divan::main();
}

static NEXT: AtomicI64 = AtomicI64::new(1);

fn next() -> i64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The runtime of the program: calls come from its threads.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

#[divan::bench(sample_count = 2_000, sample_size = 1)]
fn commit_intent(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    bencher
        .with_inputs(|| {
            let order = order(&format!("T-{}", next()), 1);
            let request = request(&order);
            (order, request)
        })
        .bench_local_values(|(order, request)| {
            runtime
                .block_on(store.commit_intent(&order, &request, BODY))
                .unwrap();
        });
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn mark_sent(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    bencher
        .with_inputs(|| {
            let order = order(&format!("T-{}", next()), 1);
            runtime
                .block_on(store.commit_intent(&order, &request(&order), BODY))
                .unwrap();
            step(&order, OrderState::Sent, 2)
        })
        .bench_local_values(|order| {
            runtime
                .block_on(store.update_order(&order, "sent", None))
                .unwrap();
        });
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn record_fill(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    bencher
        .with_inputs(|| fill(&format!("fill-{}", next()), "T-A", BookSide::Bid, "0.5", 10, 1))
        .bench_local_values(|fill| runtime.block_on(store.record_fill(&fill)).unwrap());
}

#[divan::bench(sample_count = 1_000, sample_size = 1)]
fn record_unchanged_reading(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    let shown = page(Verdict::Tradable, 357, 1, vec![]);
    bencher
        .with_inputs(|| vec![Record::Reading(reading(&shown, true, next()))])
        .bench_local_values(|records| {
            runtime.block_on(store.record(records)).unwrap();
        });
}

#[divan::bench(sample_count = 100, sample_size = 1)]
fn record_new_board_of_357_rows(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    bencher
        .with_inputs(|| {
            let mut shown = page(
                Verdict::Tradable,
                357,
                u8::try_from(next() % 251).unwrap(),
                vec![],
            );
            let bytes = next().to_le_bytes();
            if let Some(shown) = Arc::get_mut(&mut shown) {
                for (to, from) in shown.hash.0.iter_mut().zip(bytes) {
                    *to = from;
                }
            }
            vec![Record::Reading(reading(&shown, false, next()))]
        })
        .bench_local_values(|records| {
            runtime.block_on(store.record(records)).unwrap();
        });
}

/// A thousand orders and fills: more than a busy month.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn restore(bencher: Bencher<'_, '_>) {
    let (home, runtime) = (Home::new(), runtime());
    let store = home.open();
    runtime.block_on(async {
        store
            .record(vec![Record::Accepted(accepted(1, 1))])
            .await
            .unwrap();
        for index in 0..1_000 {
            let order = order(&format!("T-{index}"), 1);
            store.commit_intent(&order, &request(&order), BODY).await.unwrap();
            let id = format!("fill-{index}");
            store
                .record_fill(&fill(&id, "T-A", BookSide::Bid, "0.5", 1, index))
                .await
                .unwrap();
        }
    });
    bencher.bench_local(|| runtime.block_on(store.restore()).unwrap());
}
