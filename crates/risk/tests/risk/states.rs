//! Active, Reduce, Halt; the order rate; the limits of loss.

use autotrader_domain::{BookSide, Money, Order, Reason};
use autotrader_risk::{Cause, Figures, Limits, RiskEngine, RiskState};
use chrono::TimeDelta;

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
