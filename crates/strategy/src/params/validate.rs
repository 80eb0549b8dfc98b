//! Which values no strategy can run with.

use autotrader_domain::Price;
use chrono::TimeDelta;

use super::{EntryStyle, Params};

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

pub(super) fn within(name: &'static str, value: f64, low: f64, high: f64) -> Result<(), ParamsError> {
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
        self.board_walk.validate()
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
        within("guards.no_refresh", self.guards.no_refresh, 0.0, 1.0)?;
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
