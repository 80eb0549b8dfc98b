//! What holds for every sequence of readings.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod boards;

use std::collections::{BTreeMap, BTreeSet};

use autotrader_arena_signals::VintageSettings;
use autotrader_domain::ports::SignalSource;
use autotrader_domain::{BoardHash, GateReasonCode, Reading};
use autotrader_settlement::Board;
use boards::ladder;
use boards::readings::{Play, failing, hash_of, judged, page, showing};
use proptest::prelude::*;

/// Boards among which the page flaps.
fn boards() -> Vec<Board> {
    let base = ladder(110);
    let mut renamed = base.clone();
    renamed.entries[0].model_name = "m1-high".to_owned();
    let mut shorter = base.clone();
    shorter.entries.remove(2);
    let mut lower = base.clone();
    lower.entries.remove(60);
    vec![base, renamed, shorter, lower]
}

#[derive(Debug, Clone)]
enum Poll {
    Shows { board: usize, hour: i64, origin: u8 },
    Refused { board: usize, hour: i64 },
    Fails,
}

fn poll() -> impl Strategy<Value = (i64, Poll)> {
    let shows = (0_usize..4, 0_i64..4, 0_u8..30).prop_map(|(board, hour, origin)| Poll::Shows {
        board,
        hour,
        origin,
    });
    let refused = (0_usize..4, 0_i64..4).prop_map(|(board, hour)| Poll::Refused { board, hour });
    let what = prop_oneof![8 => shows, 1 => refused, 1 => Just(Poll::Fails)];
    (prop_oneof![Just(30_i64), Just(60), 1_i64..400], what)
}

fn readings(polls: &[(i64, Poll)]) -> Vec<Reading> {
    let boards = boards();
    let mut second = 0;
    polls
        .iter()
        .map(|(pause, poll)| {
            second += pause;
            match poll {
                Poll::Fails => failing(second),
                Poll::Shows { board, hour, origin } => {
                    showing(second, &format!("o{origin}"), page(&boards[*board], *hour))
                }
                Poll::Refused { board, hour } => showing(
                    second,
                    "r",
                    judged(page(&boards[*board], *hour), GateReasonCode::WrongCategory),
                ),
            }
        })
        .collect()
}

/// The shortest runs of one board that the rules ask for, kept small so that random polls reach them.
fn settings() -> VintageSettings {
    VintageSettings {
        rollback_readings: 3,
        rollback_after: std::time::Duration::from_secs(120),
        ..VintageSettings::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_older_or_unconfirmed_is_ever_accepted(polls in proptest::collection::vec(poll(), 1..60)) {
        let readings = readings(&polls);
        let mut play = Play::with(settings());
        // The run of tradable readings that showed the same board and stamp, up to now.
        let mut run: Vec<&Reading> = Vec::new();
        for reading in &readings {
            let before = play.keeper.standing().clone();
            let seen = play.read(reading);
            let autotrader_domain::ReadingOutcome::Page { page, .. } = &reading.outcome else {
                prop_assert!(seen.accepted.is_none());
                continue;
            };
            if page.verdict != autotrader_domain::Verdict::Tradable {
                prop_assert!(seen.accepted.is_none() && seen.signals.is_empty());
                prop_assert_eq!(&before, play.keeper.standing());
                continue;
            }
            let same = |other: &&Reading| match &other.outcome {
                autotrader_domain::ReadingOutcome::Page { page: shown, .. } => {
                    shown.hash == page.hash && shown.vintage == page.vintage
                }
                autotrader_domain::ReadingOutcome::Failed { .. } => false,
            };
            if run.last().is_some_and(|last| !same(last)) {
                run.clear();
            }
            run.push(reading);
            let Some(accepted) = &seen.accepted else {
                prop_assert!(seen.signals.is_empty(), "signals belong to acceptances");
                continue;
            };
            prop_assert_eq!(accepted.hash, page.hash);
            prop_assert!(play.keeper.standing().challenge.is_none());
            let Some(previous) = before.accepted else { continue };
            if accepted.vintage > previous.vintage {
                continue;
            }
            prop_assert_ne!(accepted.hash, previous.hash);
            let origins: BTreeSet<&str> = run.iter().map(|reading| reading.origin.as_str()).collect();
            let lasted = run.last().unwrap().fetched_at - run[0].fetched_at;
            if accepted.vintage == previous.vintage {
                prop_assert!(origins.len() >= 2 && lasted.num_seconds() >= 60);
            } else {
                prop_assert!(origins.len() >= 3 && lasted.num_seconds() >= 120);
            }
        }
    }

    #[test]
    fn equal_readings_give_equal_answers(polls in proptest::collection::vec(poll(), 1..40)) {
        let readings = readings(&polls);
        let (mut one, mut other) = (Play::with(settings()), Play::with(settings()));
        for reading in &readings {
            prop_assert_eq!(one.read(reading), other.read(reading));
            prop_assert_eq!(one.keeper.standing(), other.keeper.standing());
        }
    }

    #[test]
    fn a_challenge_is_never_the_accepted_board(polls in proptest::collection::vec(poll(), 1..60)) {
        let names: BTreeMap<BoardHash, usize> =
            boards().iter().enumerate().map(|(index, board)| (hash_of(board), index)).collect();
        let mut play = Play::with(settings());
        for reading in &readings(&polls) {
            play.read(reading);
            let standing = play.keeper.standing();
            let accepted = standing.accepted.as_ref().map(|accepted| names[&accepted.hash]);
            let challenge = standing.challenge.as_ref().map(|challenge| names[&challenge.hash]);
            prop_assert!(challenge.is_none() || challenge != accepted);
            prop_assert!(standing.news_at <= standing.feed_at);
        }
    }
}
