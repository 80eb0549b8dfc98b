//! A released loss: what an operator at three in the morning expects.

use autotrader_domain::ports::Restored;
use autotrader_domain::{Command, EquityMark, Money, Reason, Record};
use autotrader_engine::{Account, Effect};
use autotrader_risk::{Limits, RiskState};

use crate::kit::{Play, at, buy, causes, placed, refusals};

fn limits() -> Limits {
    Limits {
        max_daily_loss: Money::micros(400_000),
        ..Limits::default()
    }
}

fn resume() -> Command {
    Command::Resume {
        cause: "daily_loss".into(),
    }
}

fn base(effects: &[Effect]) -> Option<(String, Money)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Record(Record::LossBase { cause, equity, .. }) => Some((cause.clone(), *equity)),
        _ => None,
    })
}

#[test]
fn a_released_loss_does_not_trip_again_before_as_much_is_lost_again() {
    let mut play = Play::begun(limits());
    play.tick(1);
    // Ten bought at 0.45 and marked at 0.40: half a dollar is gone.
    play.acquire(10, buy("M1A", 10));
    let effects = play.decide(20, vec![buy("LA", 1)]);
    assert_eq!(causes(&effects), ["+daily_loss"]);
    assert_eq!(refusals(&effects)["LA"], Reason::ReduceOnly);
    let effects = play.command(21, resume());
    assert_eq!(causes(&effects), ["-daily_loss"]);
    let equity: Money = "999.5".parse().unwrap();
    assert_eq!(base(&effects), Some(("daily_loss".to_owned(), equity)));
    assert_eq!(placed(&play.decide(30, vec![buy("LA", 1)])).len(), 1);
    assert_eq!(play.engine.risk().state(), RiskState::Active);
    // Four more cents on ten contracts are as much again.
    play.show(40, "M1A", &[("0.37", 5)], &[("0.55", 5)]);
    assert_eq!(causes(&play.tick(41)), [""; 0]);
    play.show(42, "M1A", &[("0.36", 5)], &[("0.55", 5)]);
    assert_eq!(causes(&play.tick(43)), ["+daily_loss"]);
}

#[test]
fn the_release_is_remembered_over_a_restart_for_the_same_day_only() {
    for (seconds_before, expected) in [(3_600, vec![]), (86_400 * 2, vec!["+daily_loss".to_owned()])] {
        let mut play = Play::with(limits());
        play.engine.restore(Restored {
            loss_bases: vec![("daily_loss".into(), Money::dollars(999), at(-seconds_before))],
            opening_cash: Some(Money::dollars(1_000)),
            ..Restored::default()
        });
        play.list(0, crate::kit::NAMES.map(crate::kit::market).to_vec());
        play.handle(0, &autotrader_engine::Event::Exchange(crate::kit::TRADING));
        play.look(0);
        play.tick(1);
        play.acquire(10, buy("M1A", 10));
        assert_eq!(causes(&play.decide(20, vec![])), expected);
    }
}

#[test]
fn releasing_what_does_not_stand_gives_no_new_allowance() {
    let mut play = Play::begun(limits());
    assert_eq!(play.command(5, resume()), []);
}

/// What was written down of the equity.
fn marks(effects: &[Effect]) -> Vec<EquityMark> {
    let mark = |effect: &Effect| match effect {
        Effect::Record(Record::Equity(mark)) => Some(*mark),
        _ => None,
    };
    effects.iter().filter_map(mark).collect()
}

#[test]
fn a_restart_does_not_forget_the_days_loss_or_the_peak() {
    let mut play = Play::begun(limits());
    let first = marks(&play.tick(1));
    assert_eq!(first.len(), 1, "the day's first equity is written down");
    let kept = first[0];
    assert_eq!(
        (kept.day_open, kept.peak),
        (Money::dollars(1_000), Money::dollars(1_000))
    );
    assert_eq!(
        marks(&play.tick(2)),
        [],
        "and not again while nothing about it changes"
    );
    // Restarted with four dimes less than the day began with: the limit trips although nothing was lost since.
    let mut again = Play::with(limits());
    again.engine.restore(Restored {
        equity: Some(EquityMark {
            day_open: "1000.4".parse().unwrap(),
            ..kept
        }),
        opening_cash: Some(Money::dollars(1_000)),
        ..Restored::default()
    });
    assert_eq!(causes(&again.tick(5)), ["+daily_loss"]);
}

#[test]
fn a_new_york_day_begins_at_its_own_midnight() {
    // 8 March 2026 has 23 hours and 1 November 25; midnight is 05:00 UTC in winter and 04:00 in summer.
    let cases = [
        ("2026-03-08T04:59:59Z", "2026-03-07"),
        ("2026-03-08T05:00:00Z", "2026-03-08"),
        ("2026-03-09T03:59:59Z", "2026-03-08"),
        ("2026-03-09T04:00:00Z", "2026-03-09"),
        ("2026-11-01T03:59:59Z", "2026-10-31"),
        ("2026-11-01T04:00:00Z", "2026-11-01"),
        ("2026-11-02T04:59:59Z", "2026-11-01"),
        ("2026-11-02T05:00:00Z", "2026-11-02"),
    ];
    for (instant, day) in cases {
        let mut account = Account::opened_with(Money::dollars(10));
        let figures = account.figures(instant.parse().unwrap()).unwrap();
        assert_eq!(figures.day.to_string(), day, "{instant}");
    }
}

#[test]
fn the_days_loss_counts_from_the_first_equity_of_the_day_and_the_drawdown_does_not_care() {
    let mut account = Account::opened_with(Money::dollars(10));
    let figures = |account: &mut Account, instant: &str| account.figures(instant.parse().unwrap()).unwrap();
    figures(&mut account, "2026-11-01T04:00:00Z");
    account.portfolio.cash = Money::dollars(7);
    let same = figures(&mut account, "2026-11-02T04:59:59Z");
    assert_eq!(
        (same.day_open_equity, same.peak_equity),
        (Money::dollars(10), Money::dollars(10))
    );
    let next = figures(&mut account, "2026-11-02T05:00:00Z");
    assert_eq!(
        (next.day_open_equity, next.peak_equity),
        (Money::dollars(7), Money::dollars(10))
    );
}

#[test]
fn after_a_restart_a_released_drawdown_counts_from_the_peak_since_its_release() {
    let limits = Limits {
        max_drawdown: Money::dollars(10),
        ..Limits::default()
    };
    let mark = |peak| EquityMark {
        at: at(-60),
        day: at(0).date_naive(),
        equity: Money::dollars(1_000),
        day_open: Money::dollars(1_000),
        peak: Money::dollars(peak),
    };
    // Released at 990; the account has 1000 now and has had as much as this since.
    for (peak, expected) in [(1_009, vec![]), (1_010, vec!["+drawdown".to_owned()])] {
        let mut play = Play::with(limits.clone());
        play.engine.restore(Restored {
            loss_bases: vec![("drawdown".into(), Money::dollars(990), at(-3_600))],
            equity: Some(mark(peak)),
            opening_cash: Some(Money::dollars(1_000)),
            ..Restored::default()
        });
        assert_eq!(causes(&play.tick(5)), expected, "peak {peak}");
    }
}

#[test]
fn what_is_lost_while_no_process_runs_counts_for_the_next_day() {
    let yesterday = EquityMark {
        at: "2026-10-31T20:00:00Z".parse().unwrap(),
        day: "2026-10-31".parse().unwrap(),
        equity: Money::dollars(12),
        day_open: Money::dollars(20),
        peak: Money::dollars(25),
    };
    let mut account = Account::opened_with(Money::dollars(10));
    account.restore_equity(yesterday);
    let figures = account.figures("2026-11-01T14:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(
        (figures.equity, figures.day_open_equity, figures.peak_equity),
        (Money::dollars(10), Money::dollars(12), Money::dollars(25))
    );
}
