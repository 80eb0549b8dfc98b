//! The rate of arrivals and its division between the labs.

use autotrader_domain::{Arrival, BoardHistory, HistoryEvent};
use autotrader_settlement::{Board, Entry, Rating, RuleSet};
use autotrader_strategy::fair::{ArrivalRates, RankedBoard};
use autotrader_strategy::params::{ArrivalPrior, BoardWalkParams};
use chrono::{DateTime, TimeDelta, Utc};

use crate::kit::{close, listed, see, time, within};

fn entry(name: &str, organization: Option<&str>, score: f64) -> Entry {
    Entry {
        organization: organization.map(str::to_owned),
        rank_ub: Some(1),
        score: Some(Rating::from_value(score)),
        ..Entry::named(name)
    }
}

fn now() -> DateTime<Utc> {
    time("2026-11-01T12:00:00Z")
}

/// Some hours before now.
fn ago(hours: i64) -> DateTime<Utc> {
    now() - TimeDelta::hours(hours)
}

/// A history of some days with arrivals some hours ago.
fn history(days: i64, arrivals: &[(i64, Option<&str>, f64)]) -> BoardHistory {
    let mut history = BoardHistory::default();
    listed(&mut history, ago(days * 24), &Entry::named("first"));
    for (age, organization, gap) in arrivals {
        history.apply(&HistoryEvent::Arrived(Arrival {
            at: ago(*age),
            model_name: format!("arrived {age} hours ago"),
            organization: organization.map(str::to_owned),
            gap: *gap,
        }));
    }
    history
}

fn blind() -> BoardWalkParams {
    BoardWalkParams {
        prior: ArrivalPrior::none(),
        ..BoardWalkParams::deployment()
    }
}

#[test]
fn the_rate_forgets_with_fractional_days() {
    let entries = [entry("a", Some("A"), 1500.0), entry("b", Some("B"), 1400.0)];
    let board = RankedBoard::new(&entries, RuleSet::default());
    let params = blind();
    let history = history(
        200,
        &[
            (45 * 24, Some("A"), 3.0),
            (22 * 24 + 12, Some("B"), -4.9),
            (10 * 24, Some("C"), -20.0),
            (-24, Some("D"), 9.0),
        ],
    );
    let rates = ArrivalRates::of(&board, &history, now(), &params);
    let contenders = 0.5f64.sqrt() + 0.5f64.powf(0.25);
    let exposure = (1.0 - (-200.0f64 / 90.0).exp2()) * 90.0 / std::f64::consts::LN_2;
    close(rates.per_day(), (contenders + 2.0) / (exposure + 100.0));
    close(rates.uncertainty(), 1.0 / (contenders + 2.0).sqrt());
    let year = |age: f64| (-age / 365.0).exp2();
    let weights = [year(45.0) + 0.3, year(22.5) + 0.3, year(10.0) + 0.3];
    let base = |weight: f64| 0.96 * weight / weights.iter().sum::<f64>();
    let share = |own: f64, weight: f64| 0.7 * (own + 16.0 * base(weight)) / (contenders + 16.0);
    close(rates.share("A"), 0.3 + share(0.5f64.sqrt(), weights[0]));
    close(rates.share("B"), share(0.5f64.powf(0.25), weights[1]));
    close(rates.share("C"), share(0.0, weights[2]));
    close(rates.share("D"), 0.0);
    let named: f64 = rates.iter().map(|(_, share)| share).sum();
    within(named + rates.other(), 1.0, 1e-12);
}

#[test]
fn the_first_day_counts_as_a_day_and_a_contender_without_a_lab_as_an_unknown_one() {
    let entries = [entry("a", None, 1500.0), entry("b", Some("B"), 1400.0)];
    let board = RankedBoard::new(&entries, RuleSet::default());
    let params = blind();
    let history = history(0, &[(0, None, 3.0)]);
    let rates = ArrivalRates::of(&board, &history, now(), &params);
    let day = (1.0 - (-1.0f64 / 90.0).exp2()) * 90.0 / std::f64::consts::LN_2;
    close(rates.per_day(), 3.0 / (day + 100.0));
    // Nobody is the incumbent, so no share is set apart for it.
    close(rates.share("B"), 16.0 * 0.96 / 17.0);
    close(rates.other(), 1.0 - 16.0 * 0.96 / 17.0);
}

#[test]
fn a_prior_counts_like_the_history_it_stands_for() {
    let entries = [entry("a", Some("A"), 1500.0)];
    let board = RankedBoard::new(&entries, RuleSet::default());
    let seen = [
        (300 * 24, Some("A"), 3.0),
        (150 * 24, Some("B"), 1.0),
        (140 * 24, Some("B"), -20.0),
        (50 * 24, Some("C"), 8.0),
    ];
    let params = blind();
    let whole = history(400, &seen);
    let expected = ArrivalRates::of(&board, &whole, now(), &params);
    // The same arrivals, those of the first 280 days as a prior.
    let decayed = |age: f64, half_life: f64| (-(age - 120.0) / half_life).exp2();
    let told = BoardWalkParams {
        prior: ArrivalPrior {
            as_of: now() - TimeDelta::days(120),
            history_days: 280.0,
            contenders: [("A", decayed(300.0, 90.0)), ("B", decayed(150.0, 90.0))]
                .map(|(name, count)| (name.to_owned(), count))
                .into(),
            releases: [
                ("A", decayed(300.0, 365.0)),
                ("B", decayed(150.0, 365.0) + decayed(140.0, 365.0)),
            ]
            .map(|(name, count)| (name.to_owned(), count))
            .into(),
        },
        ..blind()
    };
    // What the history also knows of the prior's time is not counted twice.
    for own in [whole.clone(), history(120, &seen[3..])] {
        let rates = ArrivalRates::of(&board, &own, now(), &told);
        within(rates.per_day(), expected.per_day(), 1e-14);
        within(rates.uncertainty(), expected.uncertainty(), 1e-14);
        for (name, share) in expected.iter() {
            within(rates.share(name), share, 1e-14);
        }
    }
}

#[test]
fn a_fresh_database_starts_with_the_deployed_prior() {
    let entries = [
        entry("a", Some("Anthropic"), 1500.0),
        entry("b", Some("Google"), 1499.0),
    ];
    let board = RankedBoard::new(&entries, RuleSet::default());
    let params = BoardWalkParams::deployment();
    let nothing = BoardHistory::default();
    let rates = ArrivalRates::of(&board, &nothing, time("2026-04-30T00:00:00Z"), &params);
    // What the executable reference computes on the boards that the prior was counted on.
    within(rates.per_day(), 0.014_350_5, 2e-7);
    assert!(rates.share("Anthropic") > rates.share("Google") && rates.share("Google") > rates.share("xAI"));
    // Half a year of silence is no evidence of quiet when nobody looked, but the old counts fade.
    let later = ArrivalRates::of(&board, &nothing, now(), &params);
    assert!(later.uncertainty() > rates.uncertainty());
}

#[test]
fn boards_that_were_seen_are_counted() {
    let mut history = BoardHistory::default();
    let board = |rows: &[(&str, &str, f64)]| Board {
        entries: rows
            .iter()
            .map(|(name, lab, score)| entry(name, Some(lab), *score))
            .collect(),
    };
    let first = board(&[("a", "A", 1500.0), ("b", "B", 1490.0)]);
    let second = board(&[
        ("a", "A", 1502.0),
        ("b", "B", 1492.0),
        ("c", "C", 1510.0),
        ("c-mini", "C", 1499.0),
        ("d", "D", 1466.0),
    ]);
    see(&mut history, now() - TimeDelta::days(10), &first, None);
    see(&mut history, now() - TimeDelta::days(3), &second, Some(&first));
    let gaps: Vec<(&str, f64)> = history
        .arrivals()
        .iter()
        .map(|arrival| (arrival.model_name.as_str(), arrival.gap))
        .collect();
    // The scale moved by two points; the sibling of the same release counts once.
    assert_eq!(gaps, [("c", 8.0), ("d", -36.0)]);
    let params = blind();
    let ranked = RankedBoard::new(&second.entries, RuleSet::default());
    let rates = ArrivalRates::of(&ranked, &history, now(), &params);
    let exposure = (1.0 - (-10.0f64 / 90.0).exp2()) * 90.0 / std::f64::consts::LN_2;
    close(
        rates.per_day(),
        ((-3.0f64 / 90.0).exp2() + 2.0) / (exposure + 100.0),
    );
}
