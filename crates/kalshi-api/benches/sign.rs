//! An approved intent to signed request bytes: rendering, signing, and the parse of the answer's book.

// A bench may unwrap: a failure here is a failed run.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::Clock;
use autotrader_domain::{BookSide, Contracts, Environment, ManualClock, OrderRequest, Price, TimeInForce};
use autotrader_kalshi_api::{ClientSettings, Credentials, Signer, render_order};
use chrono::{DateTime, Utc};
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
            post_only: false,
            exchange_index: 0,
            order_group: None,
        })
        .collect()
}

/// The times of consecutive requests.
fn times() -> impl FnMut() -> DateTime<Utc> {
    let mut millis = 1_795_359_600_000;
    move || {
        millis += 7;
        DateTime::from_timestamp_millis(millis).unwrap()
    }
}

const CREATE: &str = "/trade-api/v2/portfolio/events/orders";

/// The private key of the first test of RFC 8032, section 7.1, in PKCS#8 version 1.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

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
fn sign_rsa_2048(bencher: Bencher<'_, '_>) {
    let credentials = credentials();
    bencher
        .with_inputs(times())
        .bench_local_values(|at| credentials.sign(at, "POST", CREATE));
}

#[divan::bench]
fn sign_ed25519(bencher: Bencher<'_, '_>) {
    let credentials = Credentials::from_pem("id", ED25519.as_bytes()).unwrap();
    bencher
        .with_inputs(times())
        .bench_local_values(|at| credentials.sign(at, "POST", CREATE));
}

/// What is left to do for a create whose signature was made ahead. Making it is not counted.
#[divan::bench]
fn take_ready(bencher: Bencher<'_, '_>) {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let root = "http://127.0.0.1:1";
    let mut settings = ClientSettings::new(&format!("{root}/trade-api/v2"), Environment::Demo).unwrap();
    settings.credentials = Some(credentials());
    settings.ready_signature_max_age = Some(Duration::from_secs(5));
    let signer = Signer::new(&settings, Arc::clone(&clock) as Arc<dyn Clock>);
    let url = url::Url::parse(&format!("{root}{CREATE}")).unwrap();
    let mut time = times();
    bencher
        .with_inputs(|| {
            clock.advance_to(time());
            assert!(signer.prepare("POST", &url).unwrap());
        })
        .bench_local_values(|()| signer.sign("POST", black_box(&url)));
}

#[divan::bench]
fn render_and_sign(bencher: Bencher<'_, '_>) {
    let (credentials, requests) = (credentials(), requests());
    let (mut turn, mut time) = (requests.iter().cycle(), times());
    bencher
        .with_inputs(|| (turn.next().unwrap(), time()))
        .bench_local_values(|(request, at)| {
            let body = render_order(black_box(request));
            let headers = credentials.sign(at, "POST", CREATE);
            (body, headers)
        });
}

#[divan::bench]
fn load_key(bencher: Bencher<'_, '_>) {
    let key = rsa::RsaPrivateKey::new(&mut rand::rngs::StdRng::seed_from_u64(7), 2048).unwrap();
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    bencher.bench_local(|| Credentials::from_pem("id", black_box(pem.as_bytes())));
}
