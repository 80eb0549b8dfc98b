//! What can be tuned, with the default of each value and where it comes from.
//!
//! Sources: "evidence" is the study of 229 real boards and 59 dated quotes that the project's fair-value rules rest on;
//! "predecessor" is the earlier system, whose names and values are kept where they still mean something.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, FeeRounding, Money, Price, Ticker};
use chrono::TimeDelta;

use crate::mapping::ApprovedRules;

mod board_walk;
mod validate;

pub use board_walk::{ArrivalPrior, BoardWalkParams};
pub use validate::ParamsError;

/// Which estimator prices the contracts; the others are logged beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EstimatorKind {
    /// A closed form over revisions of scores, refreshes of the page, arrivals and tie-breaks.
    BoardWalk,
    /// The current winner stays as often as winners have stayed.
    Persistence,
    /// The current winner stays as often as winners have stayed lately.
    RecencyPersistence,
    /// A fixed table by best possible rank.
    RankTable,
}

impl EstimatorKind {
    /// Every kind, the one meant for trading first.
    pub const ALL: [Self; 4] = [
        Self::BoardWalk,
        Self::Persistence,
        Self::RecencyPersistence,
        Self::RankTable,
    ];

    /// The stable name, as configuration and records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BoardWalk => "board_walk",
            Self::Persistence => "persistence",
            Self::RecencyPersistence => "recency_persistence",
            Self::RankTable => "rank_table",
        }
    }
}

/// How entries are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryStyle {
    /// What is on the book is taken, or nothing is done.
    Take,
    /// What is not worth taking rests, and waits to be taken.
    Rest,
}

/// The table of `rank_table`.
#[derive(Debug, Clone, PartialEq)]
pub struct RankTableParams {
    /// The share of what is left that a model with `rank_ub` 1, 2, 3, 4, 5 takes. Predecessor.
    pub table: [f64; 5],
    /// How fast the share falls per rank beyond the table. Predecessor (its floor of 0.01 is dropped: over hundreds of
    /// models it would weigh more than the leader).
    pub tail_decay: f64,
    /// Added to the winner's share when no input of its tie-break is missing. Predecessor.
    pub winner_uplift: f64,
    /// The highest share after the uplift. Predecessor.
    pub share_cap: f64,
    /// The part of its share that a preliminary model loses. Predecessor.
    pub preliminary_discount: f64,
    /// The probability that a model wins which the board does not list yet. Evidence: 0.046 at three days.
    pub unlisted: f64,
}

impl Default for RankTableParams {
    fn default() -> Self {
        Self {
            table: [0.65, 0.22, 0.10, 0.06, 0.04],
            tail_decay: 0.3,
            winner_uplift: 0.05,
            share_cap: 0.95,
            preliminary_discount: 0.3,
            unlisted: 0.05,
        }
    }
}

/// How model and market are combined.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolParams {
    /// Weight of the model when there is no fresh news. Evidence: at most 0.3.
    pub weight_at_rest: f64,
    /// Weight of the model the moment a strictly newer board is seen. Not measured: no price reaction is on record.
    pub weight_fresh: f64,
    /// Age at which half of the extra weight is gone. Not measured.
    pub news_half_life: TimeDelta,
    /// Up to this age a strictly newer board counts as fresh for the guards. Not measured.
    pub fresh_for: TimeDelta,
    /// Weight of `persistence` in the model's value of an organisation. Evidence: one half.
    pub organization_persistence: f64,
    /// Probabilities are clipped to this and its complement before pooling. Evidence: the lowest bin of the best
    /// estimator is off by a factor of two, so nothing here is known better than to half a cent.
    pub floor: f64,
}

impl Default for PoolParams {
    fn default() -> Self {
        Self {
            weight_at_rest: 0.3,
            weight_fresh: 0.8,
            news_half_life: TimeDelta::minutes(30),
            fresh_for: TimeDelta::minutes(60),
            organization_persistence: 0.5,
            floor: 0.005,
        }
    }
}

/// How much is bought.
#[derive(Debug, Clone, PartialEq)]
pub struct SizingParams {
    /// The fraction of the growth-optimal size. Evidence: one quarter.
    pub kelly_fraction: f64,
    /// The largest position in one contract, of either sign. Predecessor: 100.
    pub max_position_per_contract: Contracts,
    /// The largest sum of positions, whatever their sign, in one event. Predecessor: 250.
    pub max_position_per_event: Contracts,
    /// The most that all contracts of one lab may cost together. The limit of risk, so that orders are cut, not refused.
    pub max_lab_exposure: Money,
    /// The most that the worst state of one check may lose. The limit of risk, so that orders are cut, not refused.
    pub max_worst_state_loss: Money,
    /// The smallest order worth its fee's rounding.
    pub min_order: Contracts,
    /// The largest single order; what is wanted beyond it is bought by later ones.
    pub max_order: Contracts,
}

impl Default for SizingParams {
    fn default() -> Self {
        Self {
            kelly_fraction: 0.25,
            max_position_per_contract: Contracts::whole(100),
            max_position_per_event: Contracts::whole(250),
            max_lab_exposure: Money::dollars(150),
            max_worst_state_loss: Money::dollars(150),
            min_order: Contracts::whole(1),
            max_order: Contracts::whole(100),
        }
    }
}

/// When entries stop before the check.
#[derive(Debug, Clone, PartialEq)]
pub struct TimingParams {
    /// No entry in this last stretch before the check.
    pub entry_cutoff: TimeDelta,
    /// Resting orders are withdrawn in this last stretch before the check.
    pub cancel_cutoff: TimeDelta,
    /// How far our clock and the exchange's may differ.
    pub clock_skew: TimeDelta,
}

impl Default for TimingParams {
    fn default() -> Self {
        Self {
            entry_cutoff: TimeDelta::minutes(10),
            cancel_cutoff: TimeDelta::minutes(5),
            clock_skew: TimeDelta::seconds(5),
        }
    }
}

/// How entries rest.
#[derive(Debug, Clone, PartialEq)]
pub struct RestingParams {
    /// Whether entries rest at all.
    pub style: EntryStyle,
    /// After how long the exchange removes a resting order by itself, so that a dead machine leaves nothing behind.
    pub lifetime: TimeDelta,
    /// How long before that it is renewed: time for the cancel, its record and another placement, on either clock.
    pub renewal_margin: TimeDelta,
    /// The least change of the wanted limit that is worth a place in the queue. Not measured.
    pub reprice_step: Price,
    /// The least change of the wanted size, as a share of what rests, that is worth it. Not measured.
    pub resize_share: f64,
    /// A younger order is left alone unless it must go or has lost its edge. Not measured.
    pub least_age: TimeDelta,
}

impl Default for RestingParams {
    fn default() -> Self {
        Self {
            style: EntryStyle::Take,
            lifetime: TimeDelta::minutes(5),
            renewal_margin: TimeDelta::minutes(1),
            reprice_step: Price::from_cents(1).unwrap_or(Price::ZERO),
            resize_share: 0.25,
            least_age: TimeDelta::seconds(20),
        }
    }
}

impl RestingParams {
    /// Sets the lifetime and renews in its last fifth, at least 45 seconds before its end.
    #[must_use]
    pub fn with_lifetime(self, lifetime: TimeDelta) -> Self {
        Self {
            lifetime,
            renewal_margin: (lifetime / 5).max(TimeDelta::seconds(45)),
            ..self
        }
    }
}

/// When knowledge is too old, too thin or too odd to enter on.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardParams {
    /// The leaderboard must have been read within this time. Evidence: 10 minutes.
    pub max_feed_age: TimeDelta,
    /// The board's stamp must be younger than this. Evidence: 14 days.
    pub max_board_age: TimeDelta,
    /// The book must have been received within this time.
    pub max_book_age: TimeDelta,
    /// A gap at the top below this many rating points is too small to call … (design, §7)
    pub ambiguous_gap: f64,
    /// … when the check is at most this far away. (design, §7)
    pub ambiguous_within: TimeDelta,
    /// How many models at the top must have a contract in the event. Evidence: 5.
    pub mapped_top: usize,
    /// The least plausible sum of an event's mids. Evidence says 0.95; a real event without a catch-all leg asked 0.90
    /// in total, hence lower.
    pub min_mid_sum: f64,
    /// The greatest plausible sum of an event's mids. Evidence: 1.10.
    pub max_mid_sum: f64,
    /// The widest spread. Evidence: 5 cents.
    pub max_spread: Price,
    /// The largest difference between model and market without fresh news. Evidence: 25 points.
    pub max_gap: f64,
    /// Above this market price NO needs fresh news. Evidence: 0.85.
    pub favourite: f64,
    /// With a refresh before the check less likely than one minus this, nothing is added to a position on the leader.
    /// Evidence: 0.9.
    pub no_refresh: f64,
}

impl Default for GuardParams {
    fn default() -> Self {
        Self {
            max_feed_age: TimeDelta::minutes(10),
            max_board_age: TimeDelta::days(14),
            max_book_age: TimeDelta::minutes(2),
            ambiguous_gap: 1.0,
            ambiguous_within: TimeDelta::hours(48),
            mapped_top: 5,
            min_mid_sum: 0.75,
            max_mid_sum: 1.10,
            max_spread: Price::from_cents(5).unwrap_or(Price::ZERO),
            max_gap: 0.25,
            favourite: 0.85,
            no_refresh: 0.9,
        }
    }
}

/// What a person has approved about names and texts.
#[derive(Debug, Clone, PartialEq)]
pub struct MappingParams {
    /// Texts of `rules_secondary` by series, each bound to a rule set.
    pub approved_rules: Vec<ApprovedRules>,
    /// The model a market pays on, by ticker.
    pub model_overrides: BTreeMap<Ticker, String>,
    /// The organisation a market pays on, by ticker, as the board spells it.
    pub organization_overrides: BTreeMap<Ticker, String>,
    /// The board's name of a model that the exchange names otherwise.
    pub model_aliases: BTreeMap<String, String>,
    /// The board's name of a company that the exchange names otherwise.
    pub organization_aliases: BTreeMap<String, String>,
    /// The least similarity, 0 to 1, of a suggested name. Predecessor: 0.8.
    pub suggestion_threshold: f64,
    /// How many names are suggested at most.
    pub max_suggestions: usize,
}

impl Default for MappingParams {
    fn default() -> Self {
        Self {
            approved_rules: ApprovedRules::verbatim_top_model().into_iter().collect(),
            model_overrides: BTreeMap::new(),
            organization_overrides: BTreeMap::new(),
            model_aliases: BTreeMap::new(),
            organization_aliases: BTreeMap::new(),
            suggestion_threshold: 0.8,
            max_suggestions: 3,
        }
    }
}

/// Everything that can be tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Which estimator prices the contracts.
    pub estimator: EstimatorKind,
    /// The table of `rank_table`.
    pub rank_table: RankTableParams,
    /// The parameters of `board_walk`, and of the arrival rates that every estimator sees.
    pub board_walk: BoardWalkParams,
    /// How model and market are combined.
    pub pool: PoolParams,
    /// The least expected profit per contract after fees, in dollars. Predecessor: 3 cents.
    pub min_edge_after_fees: Price,
    /// What the least edge rises by for every input that is missing, in dollars. Evidence: one cent.
    pub missing_input_penalty: Price,
    /// How much is bought.
    pub sizing: SizingParams,
    /// The least advantage of selling over holding, in dollars per contract; fee plus half the spread where that is more.
    pub min_exit_hysteresis: Price,
    /// When entries stop before the check.
    pub timing: TimingParams,
    /// How entries rest.
    pub resting: RestingParams,
    /// When knowledge is too old, too thin or too odd.
    pub guards: GuardParams,
    /// What a person has approved about names and texts.
    pub mapping: MappingParams,
    /// How the exchange rounds our fees.
    pub fee_rounding: FeeRounding,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            estimator: EstimatorKind::BoardWalk,
            rank_table: RankTableParams::default(),
            board_walk: BoardWalkParams::default(),
            pool: PoolParams::default(),
            min_edge_after_fees: Price::from_cents(3).unwrap_or(Price::ZERO),
            missing_input_penalty: Price::from_cents(1).unwrap_or(Price::ZERO),
            sizing: SizingParams::default(),
            min_exit_hysteresis: Price::from_cents(1).unwrap_or(Price::ZERO),
            timing: TimingParams::default(),
            resting: RestingParams::default(),
            guards: GuardParams::default(),
            mapping: MappingParams::default(),
            fee_rounding: FeeRounding::Direct,
        }
    }
}
