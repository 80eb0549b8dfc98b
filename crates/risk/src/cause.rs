//! Risk states and the causes that hold them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the program may do now: the strictest of all standing causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskState {
    /// Entries and exits.
    Active,
    /// No entries; exits as ever.
    NoEntries,
    /// Reductions only: immediate-or-cancel, reduce-only, and none that makes the worst state worse.
    Reduce,
    /// Our orders cancelled, nothing new but a flatten's reduce-only orders.
    Halt,
}

/// Why trading is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An operator asked for a halt.
    OperatorHalt,
    /// An operator asked for reductions only.
    OperatorReduce,
    /// The `HALT` file is there, or cannot be ruled out.
    HaltFile,
    /// The day's loss reached its limit.
    DailyLoss,
    /// The strategy's loss reached its limit.
    StrategyLoss,
    /// The drawdown reached its limit.
    Drawdown,
    /// Our books and the venue's differ.
    ReconciliationMismatch,
    /// The account has orders with our prefix that are not in our database.
    ForeignOrders,
    /// The exchange's answers are not what its specification promises.
    SchemaError,
    /// The exchange refuses our key, or what it asks for.
    AccessRefused,
    /// The database or journal is not durable.
    StoreNotDurable,
    /// The leaderboard was not read for too long, or its accepted board is too old.
    LeaderboardStale,
    /// No order book arrived for too long.
    MarketDataStale,
    /// The exchange takes no orders.
    ExchangePaused,
    /// A newer board waits for confirmation.
    BoardHeld,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 15] = [
        Self::OperatorHalt,
        Self::OperatorReduce,
        Self::HaltFile,
        Self::DailyLoss,
        Self::StrategyLoss,
        Self::Drawdown,
        Self::ReconciliationMismatch,
        Self::ForeignOrders,
        Self::SchemaError,
        Self::AccessRefused,
        Self::StoreNotDurable,
        Self::LeaderboardStale,
        Self::MarketDataStale,
        Self::ExchangePaused,
        Self::BoardHeld,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OperatorHalt => "operator_halt",
            Self::OperatorReduce => "operator_reduce",
            Self::HaltFile => "halt_file",
            Self::DailyLoss => "daily_loss",
            Self::StrategyLoss => "strategy_loss",
            Self::Drawdown => "drawdown",
            Self::ReconciliationMismatch => "reconciliation_mismatch",
            Self::ForeignOrders => "foreign_orders",
            Self::SchemaError => "schema_error",
            Self::AccessRefused => "access_refused",
            Self::StoreNotDurable => "store_not_durable",
            Self::LeaderboardStale => "leaderboard_stale",
            Self::MarketDataStale => "market_data_stale",
            Self::ExchangePaused => "exchange_paused",
            Self::BoardHeld => "board_held",
        }
    }

    /// The state this cause alone leads to.
    #[must_use]
    pub const fn state(self) -> RiskState {
        match self {
            Self::OperatorHalt | Self::HaltFile | Self::StoreNotDurable => RiskState::Halt,
            Self::OperatorReduce
            | Self::DailyLoss
            | Self::StrategyLoss
            | Self::Drawdown
            | Self::ReconciliationMismatch
            | Self::ForeignOrders
            | Self::SchemaError
            | Self::AccessRefused => RiskState::Reduce,
            Self::LeaderboardStale | Self::MarketDataStale | Self::ExchangePaused | Self::BoardHeld => {
                RiskState::NoEntries
            }
        }
    }

    /// Whether the cause is a loss beyond its limit: releasing it counts the loss anew.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(self, Self::DailyLoss | Self::StrategyLoss | Self::Drawdown)
    }

    /// Whether the cause goes by itself when what it names is healthy again; every other one waits for an operator.
    #[must_use]
    pub const fn releases_itself(self) -> bool {
        matches!(self.state(), RiskState::NoEntries)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Cause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|cause| cause.code() == text)
            .ok_or_else(|| {
                let known: Vec<&str> = Self::ALL.iter().map(|cause| cause.code()).collect();
                format!("`{text}` is not a cause: expected one of {}", known.join(", "))
            })
    }
}

/// The causes that stand, each with its detail. Releasing one never clears another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CauseSet(BTreeMap<Cause, String>);

impl CauseSet {
    /// Raises a cause; `false` when it stood already (its first detail is kept).
    pub fn raise(&mut self, cause: Cause, detail: impl Into<String>) -> bool {
        let fresh = !self.0.contains_key(&cause);
        self.0.entry(cause).or_insert_with(|| detail.into());
        fresh
    }

    /// Releases one cause; `false` when it did not stand.
    pub fn release(&mut self, cause: Cause) -> bool {
        self.0.remove(&cause).is_some()
    }

    /// The strictest state of all standing causes.
    #[must_use]
    pub fn state(&self) -> RiskState {
        self.0
            .keys()
            .map(|cause| cause.state())
            .max()
            .unwrap_or(RiskState::Active)
    }

    /// Whether a cause stands.
    #[must_use]
    pub fn stands(&self, cause: Cause) -> bool {
        self.0.contains_key(&cause)
    }

    /// The standing causes with their details, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, &str)> {
        self.0.iter().map(|(cause, detail)| (*cause, detail.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_cause_decides_and_releases_do_not_spill() {
        let mut causes = CauseSet::default();
        assert_eq!(causes.state(), RiskState::Active);
        assert!(causes.raise(Cause::DailyLoss, "lost 60 of 50 dollars"));
        assert_eq!(causes.state(), RiskState::Reduce);
        assert!(causes.raise(Cause::HaltFile, "file present"));
        assert!(!causes.raise(Cause::HaltFile, "again"));
        assert_eq!(causes.state(), RiskState::Halt);
        assert!(causes.release(Cause::HaltFile));
        assert_eq!(
            causes.state(),
            RiskState::Reduce,
            "releasing one cause never clears another"
        );
        assert!(!causes.release(Cause::OperatorHalt));
    }

    #[test]
    fn codes_read_back() {
        for cause in Cause::ALL {
            assert_eq!(cause.code().parse(), Ok(cause));
        }
        assert!(
            "everything"
                .parse::<Cause>()
                .unwrap_err()
                .contains("expected one of operator_halt")
        );
    }
}
