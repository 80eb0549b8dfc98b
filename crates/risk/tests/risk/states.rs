//! Active, Reduce, Halt; the order rate; the limits of loss.

use autotrader_domain::{BookSide, Money, Order, Reason};
use autotrader_risk::{Cause, Figures, Limits, RiskEngine, RiskState};
use chrono::{NaiveDate, TimeDelta};

use crate::kit::{World, buy, exit, money, now, sell, wide};

fn reason(engine: &mut RiskEngine, world: &World, order: Order) -> Option<Reason> {
    engine
        .review(order, &world.view())
        .err()
        .map(|refusal| refusal.reason)
}

#[test]
fn halt_lets_nothing_through() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    let mut engine = RiskEngine::new(wide());
    engine.raise(Cause::HaltFile, "it is there");
    assert_eq!(
        reason(&mut engine, &world, buy("L-B", 1, "0.40")),
        Some(Reason::Halted)
    );
    assert_eq!(
        reason(&mut engine, &world, exit(sell("L-A", 5, "0.40"))),
        Some(Reason::Halted)
    );
    engine.raise(Cause::DailyLoss, "too much");
    assert!(engine.release(Cause::HaltFile));
    assert_eq!(engine.state(), RiskState::Reduce);
    assert_eq!(reason(&mut engine, &world, exit(sell("L-A", 5, "0.40"))), None);
}

#[test]
fn reduce_lets_reductions_through() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    for cause in Cause::ALL
        .into_iter()
        .filter(|cause| cause.state() == RiskState::Reduce)
    {
        let mut engine = RiskEngine::new(wide());
        engine.raise(cause, "for a reason");
        assert_eq!(
            reason(&mut engine, &world, buy("L-B", 1, "0.40")),
            Some(Reason::ReduceOnly),
            "{cause}"
        );
        assert_eq!(
            reason(&mut engine, &world, sell("L-A", 1, "0.40")),
            Some(Reason::ReduceOnly),
            "an entry that closes is an entry"
        );
        assert_eq!(reason(&mut engine, &world, exit(sell("L-A", 5, "0.40"))), None);
        let mut unmarked = exit(sell("L-A", 5, "0.40"));
        unmarked.reduce_only = false;
        assert_eq!(reason(&mut engine, &world, unmarked), Some(Reason::ReduceOnly));
    }
}

#[test]
fn reduce_does_not_take_away_a_hedge() {
    let mut engine = RiskEngine::new(wide());
    engine.raise(Cause::Drawdown, "too deep");
    // NO on a model at 0.70 and YES on its lab at 0.40: no state loses more than 1.
    let mut world = World::new();
    world.hold("M-1A", BookSide::Ask, 10, "0.30");
    world.hold("L-A", BookSide::Bid, 10, "0.40");
    let sale = || exit(sell("L-A", 10, "0.30"));
    // Without the YES, the model's win loses 7, and the sale has lost 1.
    assert_eq!(reason(&mut engine, &world, sale()), Some(Reason::WorstStateLoss));
    // Closing the NO at a loss of 1 leaves 5 to lose instead of 1.
    let back = || exit(buy("M-1A", 10, "0.40"));
    assert_eq!(reason(&mut engine, &world, back()), Some(Reason::WorstStateLoss));
    engine.release(Cause::Drawdown);
    assert_eq!(reason(&mut engine, &world, sale()), None);
    assert_eq!(reason(&mut engine, &world, back()), None);
    // Two bets on different labs do not hedge each other: either may be closed.
    engine.raise(Cause::Drawdown, "again");
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 10, "0.50");
    world.hold("L-B", BookSide::Bid, 10, "0.45");
    assert_eq!(reason(&mut engine, &world, exit(sell("L-A", 10, "0.40"))), None);
}

#[test]
fn entries_are_limited_per_minute() {
    let mut world = World::new();
    world.hold("L-A", BookSide::Bid, 5, "0.40");
    let limits = Limits {
        max_orders_per_minute: 2,
        ..wide()
    };
    let mut engine = RiskEngine::new(limits);
    assert_eq!(reason(&mut engine, &world, buy("L-B", 1, "0.40")), None);
    world.at = now() + TimeDelta::seconds(59);
    // A refused order uses nothing up.
    assert_eq!(
        reason(&mut engine, &world, buy("L-B", 1, "0.405")),
        Some(Reason::OffGrid)
    );
    assert_eq!(reason(&mut engine, &world, buy("L-B", 1, "0.40")), None);
    assert_eq!(
        reason(&mut engine, &world, buy("L-B", 1, "0.40")),
        Some(Reason::OrderRate)
    );
    assert_eq!(reason(&mut engine, &world, exit(sell("L-A", 1, "0.40"))), None);
    // At 60 s the first no longer counts; the second and the exit do.
    world.at = now() + TimeDelta::seconds(60);
    assert_eq!(
        reason(&mut engine, &world, buy("L-B", 1, "0.40")),
        Some(Reason::OrderRate)
    );
    world.at = now() + TimeDelta::seconds(119);
    assert_eq!(reason(&mut engine, &world, buy("L-B", 1, "0.40")), None);
}

fn day(of_month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, of_month).unwrap()
}

#[track_caller]
fn losses(equity: &str, expected: &[Cause]) {
    let limits = Limits {
        max_daily_loss: money("50"),
        max_strategy_loss: money("100"),
        max_drawdown: money("200"),
        ..wide()
    };
    let mut engine = RiskEngine::new(limits);
    let figures = Figures {
        day: day(1),
        equity: money(equity),
        day_open_equity: money("1000"),
        opening_equity: money("1000"),
        peak_equity: money("1100"),
    };
    let raised: Vec<Cause> = engine
        .assess(&figures)
        .into_iter()
        .map(|(cause, _)| cause)
        .collect();
    assert_eq!(raised, expected, "at {equity}");
    assert!(engine.assess(&figures).is_empty(), "each is raised once");
    let state = if expected.is_empty() {
        RiskState::Active
    } else {
        RiskState::Reduce
    };
    assert_eq!(engine.state(), state);
}

#[test]
fn losses_at_their_limit_lead_to_reduce() {
    use Cause::{DailyLoss, Drawdown, StrategyLoss};
    losses("1000", &[]);
    losses("950.000001", &[]);
    losses("950", &[DailyLoss]);
    losses("900", &[DailyLoss, StrategyLoss, Drawdown]);
    losses("900.000001", &[DailyLoss]);
}

#[test]
fn recovering_does_not_release() {
    let mut engine = RiskEngine::new(Limits {
        max_daily_loss: money("50"),
        ..wide()
    });
    let figures = |equity| Figures {
        day: day(1),
        equity,
        day_open_equity: money("100"),
        opening_equity: money("100"),
        peak_equity: money("100"),
    };
    engine.assess(&figures(Money::ZERO));
    engine.assess(&figures(money("100")));
    assert_eq!(engine.state(), RiskState::Reduce);
    assert!(engine.release(Cause::DailyLoss));
    assert_eq!(engine.state(), RiskState::Active);
}

/// Equity by equity, the causes raised; every cause that stands is released after each, as an operator would.
fn losses_released(steps: &[(u32, &str)]) -> Vec<Vec<Cause>> {
    let mut engine = RiskEngine::new(Limits {
        max_daily_loss: money("50"),
        max_strategy_loss: money("100"),
        max_drawdown: money("80"),
        ..wide()
    });
    let figures = |of_month, equity| Figures {
        day: day(of_month),
        equity: money(equity),
        day_open_equity: money("1000"),
        opening_equity: money("1000"),
        peak_equity: money("1000"),
    };
    steps
        .iter()
        .map(|(of_month, equity)| {
            let figures = figures(*of_month, equity);
            let raised: Vec<Cause> = engine
                .assess(&figures)
                .into_iter()
                .map(|(cause, _)| cause)
                .collect();
            for cause in &raised {
                assert!(engine.release(*cause));
                engine.rebase(*cause, figures.equity, figures.day);
                assert!(
                    engine.assess(&figures).is_empty(),
                    "the same loss does not trip again"
                );
            }
            raised
        })
        .collect()
}

#[test]
fn a_released_loss_counts_anew_and_trips_again_when_as_much_is_lost_again() {
    use Cause::{DailyLoss, Drawdown, StrategyLoss};
    assert_eq!(
        losses_released(&[(1, "950"), (1, "900.000001"), (1, "900"), (1, "850")]),
        [
            vec![DailyLoss],
            vec![Drawdown],
            vec![DailyLoss, StrategyLoss],
            vec![DailyLoss]
        ]
    );
    // On the next day the day's own opening counts again: 1000, of which 60 are gone.
    assert_eq!(
        losses_released(&[(1, "940"), (1, "930"), (2, "940"), (2, "940")]),
        [vec![DailyLoss], vec![], vec![DailyLoss], vec![]]
    );
    // After its release the drawdown counts from the highest equity since.
    assert_eq!(
        losses_released(&[(1, "920"), (3, "960"), (3, "920"), (3, "880.000001"), (3, "880")]),
        [
            vec![DailyLoss, Drawdown],
            vec![],
            vec![DailyLoss],
            vec![StrategyLoss],
            vec![Drawdown]
        ]
    );
}

#[test]
fn only_losses_have_a_base() {
    let mut engine = RiskEngine::new(wide());
    for cause in Cause::ALL {
        engine.rebase(cause, Money::ZERO, day(1));
    }
    let figures = Figures {
        day: day(1),
        ..Figures::default()
    };
    assert!(engine.assess(&figures).is_empty());
}
