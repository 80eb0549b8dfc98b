//! From model and market to the probability traded on.
//!
//! `logit q = w · logit p + (1 − w) · logit m`: the logarithmic pool of two binary forecasts. The weight `w` of the model is
//! small at rest, because markets are hard to beat with a model, and higher right after a strictly newer board.

use autotrader_domain::BoardStanding;
use chrono::{DateTime, TimeDelta, Utc};

use crate::params::PoolParams;
use crate::prior::MarketPrior;

/// The age of the news that the accepted board is; `None` when nothing is known to be news.
///
/// News dated at most `skew` ahead of now counts as just in; dated further ahead it is not believed.
#[must_use]
pub fn news_age(standing: &BoardStanding, at: DateTime<Utc>, skew: TimeDelta) -> Option<TimeDelta> {
    let age = at.signed_duration_since(standing.news_at?);
    (age >= -skew).then(|| age.max(TimeDelta::zero()))
}

/// Whether the news is fresh enough that a lagging market is plausible.
#[must_use]
pub fn is_fresh(age: Option<TimeDelta>, params: &PoolParams) -> bool {
    age.is_some_and(|age| age <= params.fresh_for)
}

/// The weight of the model, 0 to 1, for news of an age: `rest + (fresh − rest) · 2^(−age / half-life)`.
#[must_use]
pub fn model_weight(age: Option<TimeDelta>, params: &PoolParams) -> f64 {
    let Some(age) = age else {
        return params.weight_at_rest;
    };
    let half_lives = seconds(age) / seconds(params.news_half_life);
    params.weight_at_rest + (params.weight_fresh - params.weight_at_rest) * (-half_lives).exp2()
}

fn seconds(time: TimeDelta) -> f64 {
    // Milliseconds of a century are exact in an f64.
    time.num_milliseconds() as f64 / 1_000.0
}

/// Pools the model's probability with what the market says.
///
/// Where the market leaves only an interval, the point of it nearest to the model speaks for the market.
#[must_use]
pub fn pool(model: f64, market: MarketPrior, weight: f64, floor: f64) -> f64 {
    let clip = |p: f64| p.clamp(floor, 1.0 - floor);
    let market = match market {
        MarketPrior::Point(m) => m,
        MarketPrior::Interval { low, high } => model.max(low).min(high),
    };
    logistic(weight * logit(clip(model)) + (1.0 - weight) * logit(clip(market)))
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    // The worked example of the trading rules: p .90, m .80, weight .3.
    #[case(0.90, MarketPrior::Point(0.80), 0.3, 0.836)]
    #[case(0.90, MarketPrior::Point(0.80), 0.0, 0.8)]
    #[case(0.90, MarketPrior::Point(0.80), 1.0, 0.9)]
    #[case(0.5, MarketPrior::Point(0.5), 0.3, 0.5)]
    #[case(0.10, MarketPrior::Interval { low: 0.0, high: 0.03 }, 0.0, 0.03)]
    #[case(0.02, MarketPrior::Interval { low: 0.0, high: 0.03 }, 0.3, 0.02)]
    #[case(0.70, MarketPrior::Interval { low: 0.97, high: 1.0 }, 0.0, 0.97)]
    fn pools(#[case] model: f64, #[case] market: MarketPrior, #[case] weight: f64, #[case] expected: f64) {
        let pooled = pool(model, market, weight, 0.005);
        assert!((pooled - expected).abs() < 5e-4, "{pooled} instead of {expected}");
    }

    #[test]
    fn certainty_is_clipped_before_pooling() {
        let pooled = pool(0.0, MarketPrior::Point(1.0), 0.5, 0.005);
        assert!((pooled - 0.5).abs() < 1e-12, "{pooled}");
    }

    #[rstest]
    #[case(None, 0.3)]
    #[case(Some(0), 0.8)]
    #[case(Some(30), 0.55)]
    #[case(Some(60), 0.425)]
    #[case(Some(100_000), 0.3)]
    fn the_weight_decays_with_the_age_of_the_news(#[case] minutes: Option<i64>, #[case] expected: f64) {
        let weight = model_weight(minutes.map(TimeDelta::minutes), &PoolParams::default());
        assert!((weight - expected).abs() < 1e-9, "{weight}");
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some(-60), Some(60))]
    #[case(Some(3), Some(0))]
    #[case(Some(5), Some(0))]
    #[case(Some(6), None)]
    fn news_from_the_future_is_believed_within_the_skew(
        #[case] offset: Option<i64>,
        #[case] age: Option<i64>,
    ) {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let standing = BoardStanding {
            news_at: offset.map(|seconds| at + TimeDelta::seconds(seconds)),
            ..BoardStanding::default()
        };
        assert_eq!(
            news_age(&standing, at, TimeDelta::seconds(5)),
            age.map(TimeDelta::seconds)
        );
    }

    proptest! {
        #[test]
        fn a_pool_lies_between_its_parts(p in 0.005f64..0.995, m in 0.005f64..0.995, w in 0.0f64..=1.0) {
            let pooled = pool(p, MarketPrior::Point(m), w, 0.005);
            prop_assert!(pooled >= p.min(m) - 1e-12 && pooled <= p.max(m) + 1e-12);
        }
    }
}
