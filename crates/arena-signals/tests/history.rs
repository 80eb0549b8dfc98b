//! The vintage rules over the boards that really followed each other on the page.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod boards;

use std::collections::BTreeMap;
use std::io::Read;

use autotrader_domain::ports::SignalSource;
use autotrader_domain::{ChallengeKind, Signal};
use autotrader_settlement::{Board, Entry, Rating};
use boards::readings::{Play, hash_of, page, showing};
use boards::shared;

/// The recorded top fifties of the page that settles, in order: each as first seen by a five-minute poller.
fn recorded() -> Option<Vec<(String, Board)>> {
    let packed = shared("arena/history/arena_history_to_2026-04-30.csv.gz")?;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    let mut boards: BTreeMap<String, Board> = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| line.ends_with(",timothytfchan/arena-monitor"))
    {
        let cells: Vec<&str> = line.split(',').collect();
        let rating = |index: usize| Some(Rating::parse(cells[index]).unwrap());
        boards
            .entry(cells[1].to_owned())
            .or_default()
            .entries
            .push(Entry {
                organization: Some(cells[3].to_owned()),
                rank: Some(cells[4].parse().unwrap()),
                rank_ub: Some(cells[5].parse().unwrap()),
                rank_lb: Some(cells[7].parse().unwrap()),
                score: rating(8),
                ci_lower: rating(9),
                ci_upper: rating(10),
                votes: Some(cells[11].parse().unwrap()),
                ..Entry::named(cells[2])
            });
    }
    Some(boards.into_iter().collect())
}

#[test]
fn real_refreshes_are_accepted_and_rarely_held() {
    let Some(recorded) = recorded() else { return };
    let mut play = Play::new();
    let (mut held, mut leaders, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (hour, (seen_at, board)) in (0..).zip(&recorded) {
        // Two polls after one another, as long as it takes to confirm; every board under a stamp of its own.
        for poll in 0..3 {
            let second = 3_600 * hour + 60 * poll;
            let mut shown = page(board, hour);
            // A top fifty says nothing of what lies below it.
            shown.total_models = None;
            let seen = play.read(&showing(second, &second.to_string(), shown));
            if let Some(challenge) = play.keeper.standing().challenge.as_ref().filter(|_| poll == 0)
                && let ChallengeKind::Held(reason) = challenge.kind
            {
                held.push(format!("{seen_at} {reason:?}"));
            }
            for signal in seen.signals {
                match signal {
                    Signal::NewLeader { new_leader, .. } => leaders.push(format!("{seen_at} {new_leader}")),
                    Signal::ModelRemoved { model_name, .. } => {
                        removed.push(format!("{seen_at} {model_name}"));
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(play.accepted(), hash_of(board), "{seen_at} was confirmed");
    }
    assert_eq!(recorded.len(), 45);
    // A listed rating that was corrected by 48 points, and a top model that returned renamed and rated anew.
    assert_eq!(
        held,
        [
            "2026-03-11T19:26:22Z ImplausibleJump",
            "2026-04-02T23:52:11Z TopModelRemoved"
        ]
    );
    // The other 38 models that left the fifty slid off its end.
    assert_eq!(removed, ["2026-04-02T23:52:11Z dola-seed-2.0-preview"]);
    assert_eq!(
        leaders,
        [
            "2026-02-19T04:46:04Z claude-opus-4-6",
            "2026-03-18T22:19:38Z claude-opus-4-6-thinking",
        ]
    );
    let renamed = (
        "gpt-5.2-chat-latest".to_owned(),
        "gpt-5.2-chat-latest-20260210".to_owned(),
    );
    assert_eq!(play.keeper.standing().renames, [renamed]);
}
