//! What can be tuned, with the default of each value and where it comes from.
//!
//! Sources: "evidence" is the study of 229 real boards and 59 dated quotes that the project's fair-value rules rest on;
//! "predecessor" is the earlier system, whose names and values are kept where they still mean something.

use std::collections::BTreeMap;

use autotrader_domain::{Contracts, FeeRounding, Price, Ticker};
use chrono::TimeDelta;

use crate::mapping::ApprovedRules;

/// Which estimator prices the contracts; the others are logged beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EstimatorKind {
    /// A fixed table by best possible rank.
    RankTable,
    /// The current winner stays.
    Persistence,
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

/// How the probability of an unlisted winner is shared between the labs.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlistedParams {
    /// Relative uncertainty of the rate of arrivals: entries use the worse end. Evidence: about 0.5.
    pub uncertainty: f64,
    /// The share that goes to the lab of the current winner before the rest is divided. Evidence: 0.30.
    pub incumbent_share: f64,
    /// The share of labs that the board does not list. Evidence: 0.04.
    pub unknown_lab: f64,
    /// A model within this many rating points of the winner counts for its lab. Evidence: 40.
    pub contender_points: f64,
    /// What every lab counts beyond its contenders. Evidence: 0.3.
    pub base_count: f64,
}

impl Default for UnlistedParams {
    fn default() -> Self {
        Self {
            uncertainty: 0.5,
            incumbent_share: 0.30,
            unknown_lab: 0.04,
            contender_points: 40.0,
            base_count: 0.3,
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
    /// The probability that the current winner does not stay. Evidence: between 0.046 at three days and 0.09 at seven.
    pub persistence_epsilon: f64,
    /// How the probability of an unlisted winner is shared.
    pub unlisted: UnlistedParams,
    /// How model and market are combined.
    pub pool: PoolParams,
    /// The least expected profit per contract after fees, in dollars. Predecessor: 3 cents.
    pub min_edge_after_fees: Price,
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
            estimator: EstimatorKind::RankTable,
            rank_table: RankTableParams::default(),
            persistence_epsilon: 0.05,
            unlisted: UnlistedParams::default(),
            pool: PoolParams::default(),
            min_edge_after_fees: Price::from_cents(3).unwrap_or(Price::ZERO),
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

/// A value that no strategy can run with: the configuration must be corrected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// A probability, share or weight outside its range.
    #[error("{name} is {value}: set it between {low} and {high}")]
    OutOfRange {
        /// The value's path in [`Params`].
        name: &'static str,
        /// The value.
        value: f64,
        /// The least allowed.
        low: f64,
        /// The greatest allowed.
        high: f64,
    },
    /// A duration below zero.
    #[error("{name} is negative: set it to zero or more")]
    NegativeTime {
        /// The value's path in [`Params`].
        name: &'static str,
    },
    /// Two values that contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// A rule set that cannot be read.
    #[error("rule set `{text}`: {detail}")]
    RuleSet {
        /// The text.
        text: String,
        /// What is wrong with it.
        detail: String,
    },
}

fn within(name: &'static str, value: f64, low: f64, high: f64) -> Result<(), ParamsError> {
    // A NaN is in no range, so it is refused too.
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(ParamsError::OutOfRange {
            name,
            value,
            low,
            high,
        })
    }
}

fn not_negative(name: &'static str, time: TimeDelta) -> Result<(), ParamsError> {
    if time < TimeDelta::zero() {
        Err(ParamsError::NegativeTime { name })
    } else {
        Ok(())
    }
}

impl Params {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ParamsError`] naming the first value that is out of its range or contradicts another.
    pub fn validate(&self) -> Result<(), ParamsError> {
        self.validate_estimators()?;
        self.validate_trading()?;
        self.validate_times()?;
        self.validate_resting()
    }

    /// Holds whatever the style is: a style is changed more often than its figures.
    fn validate_resting(&self) -> Result<(), ParamsError> {
        let resting = &self.resting;
        within("resting.resize_share", resting.resize_share, 0.0, 10.0)?;
        not_negative("resting.least_age", resting.least_age)?;
        // Cancel, terminal record and placement must fit in, with both clocks off by the skew.
        if resting.renewal_margin < self.timing.clock_skew * 2 {
            return Err(ParamsError::Contradiction(
                "resting.renewal_margin is below twice timing.clock_skew: orders would expire before they are renewed",
            ));
        }
        if resting.lifetime < resting.renewal_margin * 2 {
            return Err(ParamsError::Contradiction(
                "resting.lifetime is below twice resting.renewal_margin: orders would be renewed all the time",
            ));
        }
        if resting.reprice_step == Price::ZERO {
            return Err(ParamsError::Contradiction(
                "resting.reprice_step must be above zero, or orders follow every tick of the book",
            ));
        }
        if resting.style == EntryStyle::Rest && resting.reprice_step >= self.min_edge_after_fees {
            return Err(ParamsError::Contradiction(
                "resting.reprice_step is not below min_edge_after_fees: an order without an edge would be kept",
            ));
        }
        Ok(())
    }

    fn validate_estimators(&self) -> Result<(), ParamsError> {
        for share in self.rank_table.table {
            within("rank_table.table", share, 0.0, 1.0)?;
        }
        within("rank_table.tail_decay", self.rank_table.tail_decay, 0.0, 10.0)?;
        within(
            "rank_table.winner_uplift",
            self.rank_table.winner_uplift,
            0.0,
            1.0,
        )?;
        within("rank_table.share_cap", self.rank_table.share_cap, 0.0, 1.0)?;
        within(
            "rank_table.preliminary_discount",
            self.rank_table.preliminary_discount,
            0.0,
            1.0,
        )?;
        within("rank_table.unlisted", self.rank_table.unlisted, 0.0, 0.5)?;
        within("persistence_epsilon", self.persistence_epsilon, 0.0, 0.5)?;
        // With at most half the mass unlisted and at most 100 % uncertainty the worse end stays a probability.
        within("unlisted.uncertainty", self.unlisted.uncertainty, 0.0, 1.0)?;
        within(
            "unlisted.incumbent_share",
            self.unlisted.incumbent_share,
            0.0,
            1.0,
        )?;
        within("unlisted.unknown_lab", self.unlisted.unknown_lab, 0.0, 1.0)?;
        within(
            "unlisted.contender_points",
            self.unlisted.contender_points,
            0.0,
            10_000.0,
        )?;
        within("unlisted.base_count", self.unlisted.base_count, 0.0, 1_000.0)
    }

    fn validate_trading(&self) -> Result<(), ParamsError> {
        within("pool.weight_at_rest", self.pool.weight_at_rest, 0.0, 1.0)?;
        within("pool.weight_fresh", self.pool.weight_fresh, 0.0, 1.0)?;
        within(
            "pool.organization_persistence",
            self.pool.organization_persistence,
            0.0,
            1.0,
        )?;
        within("pool.floor", self.pool.floor, 1e-9, 0.1)?;
        within("sizing.kelly_fraction", self.sizing.kelly_fraction, 0.0, 1.0)?;
        within("guards.ambiguous_gap", self.guards.ambiguous_gap, 0.0, 10_000.0)?;
        within("guards.min_mid_sum", self.guards.min_mid_sum, 0.0, 2.0)?;
        within("guards.max_mid_sum", self.guards.max_mid_sum, 0.0, 10.0)?;
        within("guards.max_gap", self.guards.max_gap, 0.0, 1.0)?;
        within("guards.favourite", self.guards.favourite, 0.0, 1.0)?;
        within(
            "mapping.suggestion_threshold",
            self.mapping.suggestion_threshold,
            0.0,
            1.0,
        )?;
        if self.guards.min_mid_sum > self.guards.max_mid_sum {
            return Err(ParamsError::Contradiction(
                "guards.min_mid_sum is above guards.max_mid_sum: set it to at most that",
            ));
        }
        if self.pool.weight_fresh < self.pool.weight_at_rest {
            return Err(ParamsError::Contradiction(
                "pool.weight_fresh is below pool.weight_at_rest: fresh news must not lower the model's weight",
            ));
        }
        if self.min_exit_hysteresis == Price::ZERO || self.min_edge_after_fees == Price::ZERO {
            return Err(ParamsError::Contradiction(
                "min_edge_after_fees and min_exit_hysteresis must be above zero, or entries and exits chase each other",
            ));
        }
        Ok(())
    }

    fn validate_times(&self) -> Result<(), ParamsError> {
        not_negative("pool.fresh_for", self.pool.fresh_for)?;
        not_negative("timing.entry_cutoff", self.timing.entry_cutoff)?;
        not_negative("timing.cancel_cutoff", self.timing.cancel_cutoff)?;
        not_negative("timing.clock_skew", self.timing.clock_skew)?;
        not_negative("guards.max_feed_age", self.guards.max_feed_age)?;
        not_negative("guards.max_board_age", self.guards.max_board_age)?;
        not_negative("guards.max_book_age", self.guards.max_book_age)?;
        not_negative("guards.ambiguous_within", self.guards.ambiguous_within)?;
        if self.pool.news_half_life <= TimeDelta::zero() {
            return Err(ParamsError::Contradiction(
                "pool.news_half_life must be above zero",
            ));
        }
        if self.timing.cancel_cutoff > self.timing.entry_cutoff {
            return Err(ParamsError::Contradiction(
                "timing.cancel_cutoff is above timing.entry_cutoff: entries would be withdrawn as they are made",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Params::default().validate(), Ok(()));
    }

    #[rstest]
    #[case(|p: &mut Params| p.rank_table.table[2] = 1.5, "rank_table.table is 1.5: set it between 0 and 1")]
    #[case(|p: &mut Params| p.rank_table.unlisted = f64::NAN, "rank_table.unlisted is NaN: set it between 0 and 0.5")]
    #[case(|p: &mut Params| p.sizing.kelly_fraction = -0.1, "sizing.kelly_fraction is -0.1: set it between 0 and 1")]
    #[case(|p: &mut Params| p.timing.clock_skew = TimeDelta::seconds(-1), "timing.clock_skew is negative: set it to zero or more")]
    #[case(|p: &mut Params| p.pool.news_half_life = TimeDelta::zero(), "pool.news_half_life must be above zero")]
    #[case(|p: &mut Params| p.guards.min_mid_sum = 1.2, "guards.min_mid_sum is above guards.max_mid_sum: set it to at most that")]
    fn a_value_out_of_range_is_named(#[case] spoil: fn(&mut Params), #[case] message: &str) {
        let mut params = Params::default();
        spoil(&mut params);
        assert_eq!(params.validate().unwrap_err().to_string(), message);
    }
}
