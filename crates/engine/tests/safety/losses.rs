//! A released loss: what an operator at three in the morning expects.

use autotrader_domain::ports::Restored;
use autotrader_domain::{Command, Money, Reason, Record};
use autotrader_engine::Effect;
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
