//! Deaths at random moments: a long story with many contracts, in which one life after another ends somewhere.
//!
//! Half of the lives end at a drawn step, half at a drawn moment of real time, which no list of steps knows.
//! `AUTOTRADER_KILLS=5000` asks for so many deaths.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::probe::{How, When};
use crate::scene::MEDLEY;
use crate::stage::{End, Stage};
use crate::truth;

/// Deaths when none are asked for.
const DEATHS: u64 = 320;

/// Stories told at once.
const AT_ONCE: u64 = 3;

/// After so many deaths a story is told to its end.
const DEATHS_OF_A_STORY: u64 = 10;

/// A life has at most so many steps before it ends, so that every story sees several deaths.
const MOST_STEPS: u64 = 160;

/// A life ends by the clock within so many microseconds: about what a life takes that is not disturbed.
const MOST_MICROSECONDS: u64 = 250_000;

#[expect(
    clippy::disallowed_methods,
    reason = "the number of deaths is asked of the environment of the test run"
)]
fn deaths_wanted() -> u64 {
    match std::env::var("AUTOTRADER_KILLS") {
        Ok(text) => text.parse().expect("AUTOTRADER_KILLS is a number"),
        Err(_) => DEATHS,
    }
}

/// What a worker needs to know of the others.
struct Count {
    wanted: u64,
    died: AtomicU64,
    by_clock: AtomicU64,
    stories: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

fn tell_stories(count: &Count) {
    while count.died.load(Ordering::SeqCst) < count.wanted {
        let seed = count.stories.fetch_add(1, Ordering::SeqCst);
        let found = tell(seed, count);
        let named = found.into_iter().map(|wrong| format!("story {seed}: {wrong}"));
        count.wrong.lock().unwrap().extend(named);
    }
}

/// Tells one story through several deaths; gives what differs at its end.
fn tell(seed: u64, count: &Count) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let stage = Stage::set(&MEDLEY);
    let loses_power = seed.is_multiple_of(3);
    if loses_power {
        stage.expect_power_loss();
    }
    for _ in 0..DEATHS_OF_A_STORY {
        let how = match (loses_power, random.gen_bool(0.5)) {
            (true, _) => How::PowerLoss,
            (false, true) => How::Kill,
            (false, false) => How::Abort,
        };
        let by_clock = random.gen_bool(0.5);
        let (end, _) = if by_clock {
            let after = Duration::from_micros(random.gen_range(0..MOST_MICROSECONDS));
            stage.life_of(after, how)
        } else {
            stage.life(Some((When::Step(random.gen_range(1..=MOST_STEPS)), how)))
        };
        match end {
            End::Died => {
                count.died.fetch_add(1, Ordering::SeqCst);
                count.by_clock.fetch_add(u64::from(by_clock), Ordering::SeqCst);
            }
            End::Told(report) => return truth::differences(&stage, &report),
        }
    }
    match stage.life(None) {
        (End::Told(report), _) => truth::differences(&stage, &report),
        (End::Died, _) => panic!("nobody killed it"),
    }
}

#[test]
fn deaths_at_random_moments_leave_no_difference() {
    let count = Count {
        wanted: deaths_wanted(),
        died: AtomicU64::new(0),
        by_clock: AtomicU64::new(0),
        stories: AtomicU64::new(0),
        wrong: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| tell_stories(&count));
        }
    });
    let died = count.died.into_inner();
    writeln!(
        std::io::stderr(),
        "random deaths: {died}, {} of them by the clock, in {} stories",
        count.by_clock.into_inner(),
        count.stories.into_inner()
    )
    .unwrap();
    let wrong = count.wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} differences: {wrong:#?}", wrong.len());
    assert!(died >= count.wanted, "{died} of {}", count.wanted);
}
