//! An approved intent to signed request bytes: rendering, signing, and the parse of the answer's book.

// A bench may unwrap: a failure here is a failed run.
#![allow(clippy::unwrap_used, missing_docs)]

use autotrader_domain::{BookSide, Contracts, OrderRequest, Price, TimeInForce};
use autotrader_kalshi_api::{Credentials, render_order};
use chrono::DateTime;
use divan::{Bencher, black_box};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::SeedableRng as _;

fn main() {
    divan::main();
}

/// Requests that differ in every field that varies in life.
fn requests() -> Vec<OrderRequest> {
    (0_i64..997)
        .map(|n| OrderRequest {
            client_order_id: format!("kat1-{:032x}", n * 0x9e37_79b9).parse().unwrap(),
            ticker: format!("KXTOPMODEL-27JAN{:02}-M{n}", n % 28 + 1).parse().unwrap(),
            side: if n % 2 == 0 { BookSide::Bid } else { BookSide::Ask },
            contracts: Contracts::from_raw(100 * (n % 500 + 1)).unwrap(),
            limit: Price::from_raw(100 * (n % 99 + 1)).unwrap(),
            time_in_force: TimeInForce::ImmediateOrCancel,
            reduce_only: n % 5 == 0,
            exchange_index: 0,
        })
        .collect()
}

fn credentials() -> Credentials {
    let key = rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(7), 2048).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    Credentials::from_pem("0b6d2c1e-0000-4000-8000-000000000001", pem.as_bytes()).unwrap()
}

#[divan::bench]
fn render(bencher: Bencher<'_, '_>) {
    let requests = requests();
    let mut turn = requests.iter().cycle();
    bencher
        .with_inputs(|| turn.next().unwrap())
        .bench_local_refs(|request| render_order(black_box(request)));
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let credentials = credentials();
    let mut millis = 1_795_359_600_000;
    bencher
        .with_inputs(|| {
            millis += 7;
            DateTime::from_timestamp_millis(millis).unwrap()
        })
        .bench_local_values(|at| credentials.sign(at, "POST", "/trade-api/v2/portfolio/events/orders"));
}

#[divan::bench]
fn render_and_sign(bencher: Bencher<'_, '_>) {
    let (credentials, requests) = (credentials(), requests());
    let mut turn = requests.iter().cycle();
    let mut millis = 1_795_359_600_000;
    bencher
        .with_inputs(|| {
            millis += 7;
            (
                turn.next().unwrap(),
                DateTime::from_timestamp_millis(millis).unwrap(),
            )
        })
        .bench_local_values(|(request, at)| {
            let body = render_order(black_box(request));
            let headers = credentials.sign(at, "POST", "/trade-api/v2/portfolio/events/orders");
            (body, headers)
        });
}

#[divan::bench]
fn load_key(bencher: Bencher<'_, '_>) {
    let key = rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(7), 2048).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    bencher.bench_local(|| Credentials::from_pem("id", black_box(pem.as_bytes())));
}
