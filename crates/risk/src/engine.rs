//! The review: states and causes first, then every check.

use std::collections::{BTreeMap, VecDeque};

use autotrader_domain::ports::RiskCheck;
use autotrader_domain::{Money, Order, Purpose, Reason, Refusal, RiskView};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::states::{exposure_of_check, worst_state};
use crate::{Approved, Cause, CauseSet, Limits, RiskState, checks};

/// The account's figures that limits of loss are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The New York day.
    pub day: NaiveDate,
    /// Cash plus marked positions.
    pub equity: Money,
    /// Equity at the start of the New York day.
    pub day_open_equity: Money,
    /// Equity at the first start of the database.
    pub opening_equity: Money,
    /// The highest equity seen.
    pub peak_equity: Money,
}

/// Reviews orders against limits and holds the causes that restrict trading.
pub struct RiskEngine {
    limits: Limits,
    checks: Vec<Box<dyn RiskCheck>>,
    causes: CauseSet,
    approved_at: VecDeque<DateTime<Utc>>,
    bases: BTreeMap<Cause, LossBase>,
}

/// From which equity a loss counts since its cause was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LossBase {
    /// The New York day of the release.
    day: NaiveDate,
    /// Equity at the release; for the drawdown, the highest since.
    equity: Money,
}

/// What a risk engine remembers, limits and checks apart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiskMemory {
    causes: CauseSet,
    approved_at: VecDeque<DateTime<Utc>>,
    bases: BTreeMap<Cause, LossBase>,
}

impl std::fmt::Debug for RiskEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RiskEngine")
            .field("limits", &self.limits)
            .field("causes", &self.causes)
            .finish_non_exhaustive()
    }
}

impl RiskEngine {
    /// An engine with the standard checks under `limits` and no causes.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            checks: checks::standard(&limits),
            limits,
            causes: CauseSet::default(),
            approved_at: VecDeque::new(),
            bases: BTreeMap::new(),
        }
    }

    /// What it remembers.
    #[must_use]
    pub fn memory(&self) -> RiskMemory {
        RiskMemory {
            causes: self.causes.clone(),
            approved_at: self.approved_at.clone(),
            bases: self.bases.clone(),
        }
    }

    /// Goes on from what another remembered, under these limits.
    #[must_use]
    pub fn remembering(self, memory: RiskMemory) -> Self {
        let RiskMemory {
            causes,
            approved_at,
            bases,
        } = memory;
        Self {
            causes,
            approved_at,
            bases,
            ..self
        }
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Puts other limits in force; standing causes stay.
    pub fn set_limits(&mut self, limits: Limits) {
        self.checks = checks::standard(&limits);
        self.limits = limits;
    }

    /// The standing causes.
    #[must_use]
    pub const fn causes(&self) -> &CauseSet {
        &self.causes
    }

    /// What the program may do now.
    #[must_use]
    pub fn state(&self) -> RiskState {
        self.causes.state()
    }

    /// Raises a cause; `false` when it stood already.
    pub fn raise(&mut self, cause: Cause, detail: impl Into<String>) -> bool {
        self.causes.raise(cause, detail)
    }

    /// Releases one cause; `false` when it did not stand.
    pub fn release(&mut self, cause: Cause) -> bool {
        self.causes.release(cause)
    }

    /// Counts the loss of a cause from this equity on: what was lost before was looked at by the operator who released it.
    ///
    /// The day's loss counts from there until the New York day ends, that of the strategy and the drawdown until the next
    /// release. Causes that are not about losses have no base.
    pub fn rebase(&mut self, cause: Cause, equity: Money, day: NaiveDate) {
        if cause.is_loss() {
            self.bases.insert(cause, LossBase { day, equity });
        }
    }

    /// What the loss of a cause is measured from: the base of its release, or else `usual`.
    fn reference(&mut self, cause: Cause, figures: &Figures, usual: Money) -> Money {
        let Some(base) = self.bases.get_mut(&cause) else {
            return usual;
        };
        match cause {
            Cause::DailyLoss if base.day != figures.day => usual,
            Cause::Drawdown => {
                base.equity = base.equity.max(figures.equity);
                base.equity
            }
            _ => base.equity,
        }
    }

    /// Holds the figures against the limits of loss and raises what they break; returns the causes newly raised.
    pub fn assess(&mut self, figures: &Figures) -> Vec<(Cause, String)> {
        let limits = [
            (
                Cause::DailyLoss,
                self.reference(Cause::DailyLoss, figures, figures.day_open_equity),
                self.limits.max_daily_loss,
                "today",
            ),
            (
                Cause::StrategyLoss,
                self.reference(Cause::StrategyLoss, figures, figures.opening_equity),
                self.limits.max_strategy_loss,
                "since the first start",
            ),
            (
                Cause::Drawdown,
                self.reference(Cause::Drawdown, figures, figures.peak_equity),
                self.limits.max_drawdown,
                "from the highest equity",
            ),
        ];
        let mut raised = Vec::new();
        for (cause, base, limit, since) in limits {
            let loss = base.saturating_sub(figures.equity);
            if loss >= limit {
                let detail = format!("lost {loss} of {limit} dollars {since}");
                if self.causes.raise(cause, detail.clone()) {
                    raised.push((cause, detail));
                }
            }
        }
        raised
    }

    /// Reviews one order: the only way to an [`Approved`] one.
    ///
    /// # Errors
    /// The first [`Refusal`]; the order is gone with it.
    pub fn review(&mut self, order: Order, view: &RiskView<'_>) -> Result<Approved<Order>, Refusal> {
        match self.refusal(&order, view) {
            Some(refusal) => Err(refusal),
            None => {
                self.approved_at.push_back(view.at);
                Ok(Approved::mint(order))
            }
        }
    }

    fn refusal(&mut self, order: &Order, view: &RiskView<'_>) -> Option<Refusal> {
        self.state_refusal(order, view)
            .or_else(|| self.rate_refusal(order, view.at))
            .or_else(|| {
                self.checks
                    .iter()
                    .find_map(|check| check.check(order, view).err())
            })
    }

    fn state_refusal(&self, order: &Order, view: &RiskView<'_>) -> Option<Refusal> {
        let causes = || {
            self.causes
                .iter()
                .map(|(cause, _)| cause.code())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (self.state(), order.intent.purpose) {
            (RiskState::Halt, Purpose::Flatten) if order.reduce_only => None,
            (RiskState::Halt, _) => Some(Refusal::new(
                Reason::Halted,
                format!("Standing causes: {}.", causes()),
            )),
            (RiskState::Reduce, Purpose::Entry) => Some(Refusal::new(
                Reason::ReduceOnly,
                format!("Standing causes: {}.", causes()),
            )),
            (RiskState::Reduce, Purpose::Exit | Purpose::Flatten) if !order.reduce_only => Some(
                Refusal::new(Reason::ReduceOnly, "The exit is not marked reduce-only."),
            ),
            (RiskState::Reduce, Purpose::Exit) => Self::raises_worst_state(order, view),
            (RiskState::NoEntries, Purpose::Entry) => Some(Refusal::new(
                self.pausing_reason(),
                format!("Standing causes: {}.", causes()),
            )),
            (RiskState::Reduce, Purpose::Flatten) | (RiskState::NoEntries | RiskState::Active, _) => None,
        }
    }

    /// What the first standing cause that stops entries is called to the strategy's ledger.
    fn pausing_reason(&self) -> Reason {
        match self.causes.iter().next() {
            Some((Cause::LeaderboardStale, _)) => Reason::StaleFeed,
            Some((Cause::MarketDataStale, _)) => Reason::MarketDataStale,
            Some((Cause::ExchangePaused, _)) => Reason::ExchangePaused,
            _ => Reason::HeldBoard,
        }
    }

    /// Under Reduce, an exit may not raise the event's worst-state loss: closing a hedge can.
    fn raises_worst_state(order: &Order, view: &RiskView<'_>) -> Option<Refusal> {
        let worst = |extra| {
            let states = exposure_of_check(order.intent.check_time, view.portfolio, view.mappings, extra);
            worst_state(&states).map_or(Money::ZERO, |state| state.pnl)
        };
        let (before, after) = (worst(None), worst(Some(order)));
        (after < before).then(|| {
            Refusal::new(
                Reason::WorstStateLoss,
                format!("The worst state would go from {before} to {after} dollars."),
            )
        })
    }

    /// How many more entries the limit of orders per minute lets pass now.
    #[must_use]
    pub fn orders_left(&self, at: DateTime<Utc>) -> usize {
        let window_start = at - TimeDelta::seconds(60);
        let recent = self
            .approved_at
            .iter()
            .filter(|approved| **approved > window_start)
            .count();
        usize::try_from(self.limits.max_orders_per_minute)
            .unwrap_or(usize::MAX)
            .saturating_sub(recent)
    }

    fn rate_refusal(&mut self, order: &Order, at: DateTime<Utc>) -> Option<Refusal> {
        let window_start = at - TimeDelta::seconds(60);
        while self
            .approved_at
            .front()
            .is_some_and(|approved| *approved <= window_start)
        {
            self.approved_at.pop_front();
        }
        let full = self.approved_at.len()
            >= usize::try_from(self.limits.max_orders_per_minute).unwrap_or(usize::MAX);
        (full && order.intent.purpose == Purpose::Entry).then(|| {
            Refusal::new(
                Reason::OrderRate,
                format!("{} orders in the last minute.", self.approved_at.len()),
            )
        })
    }
}
