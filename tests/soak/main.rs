//! A soak: our client against the stand-in over loopback, REST and WebSocket at once, with every fault on.
//!
//! A seeded flow changes the books thousands of times a second while many workers place, cancel, read and repeat orders. When
//! enough has happened, the faults end, the flow stops, and then nothing that our side holds may differ from the exchange:
//! every book, every order, and every claim that was made about an order on the way.
//!
//! `AUTOTRADER_SOAK=full` asks for a million messages and ten thousand orders; without it the run takes seconds. What takes
//! hours in life is pressed into minutes, so the client's patience and the faults' lengths are pressed by the same measure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops loudly at what it did not expect"
)]

mod scale;
mod stage;
mod traffic;
mod verdict;
mod world;

use std::time::Duration;

use scale::Scale;
use stage::Stage;

/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_every_fault_the_client_ends_with_the_exchanges_own_state() {
    let scale = Scale::asked_for();
    let mut stage = Stage::set(&scale).await;
    let mut looks = 0_u64;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        stage.go_on(&scale);
        let missing = stage.missing(&scale);
        if missing.is_empty() {
            break;
        }
        looks += 1;
        if looks.is_multiple_of(100) {
            stage.tell_progress();
        }
        assert!(
            stage.elapsed() < scale.longest,
            "after {:?} there is still missing: {missing:?}",
            stage.elapsed()
        );
    }
    let report = stage.calm_down().await;
    report.print();
    report.judge(&scale);
}
