//! Intervals of means over days that hang together: whole blocks of days are drawn anew.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Days drawn together: boards change every few days, and forecasts of neighbouring days share their outcome. Source: the
/// study.
pub(crate) const BLOCK_DAYS: i64 = 28;

/// How often the blocks are drawn anew.
const RESAMPLES: usize = 2_000;

/// The seed of the draws: equal data give equal intervals.
const SEED: u64 = 20_260_430;

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Sums and counts of blocks of days.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blocks(Vec<(f64, f64)>);

impl Blocks {
    /// Blocks of values by their days, from the first day on.
    pub(crate) fn of(values: impl Iterator<Item = (NaiveDate, f64)>) -> Self {
        let mut blocks: Vec<(f64, f64)> = Vec::new();
        let mut began: Option<NaiveDate> = None;
        for (date, value) in values {
            let fits = began.is_some_and(|began| date.signed_duration_since(began).num_days() < BLOCK_DAYS);
            if !fits {
                began = Some(date);
                blocks.push((0.0, 0.0));
            }
            if let Some((sum, count)) = blocks.last_mut() {
                *sum += value;
                *count += 1.0;
            }
        }
        Self(blocks)
    }

    /// Blocks of values by a key that says which hang together.
    pub(crate) fn by_group<K: Ord>(values: impl Iterator<Item = (K, f64)>) -> Self {
        let mut groups: BTreeMap<K, Vec<f64>> = BTreeMap::new();
        for (key, value) in values {
            groups.entry(key).or_default().push(value);
        }
        let block = |values: Vec<f64>| (values.iter().sum(), values.len() as f64);
        Self(groups.into_values().map(block).collect())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The mean and its interval by the percentiles of redrawn means.
    pub(crate) fn interval(&self) -> Interval {
        let mean = |blocks: &mut dyn Iterator<Item = &(f64, f64)>| {
            let (sum, count) = blocks.fold((0.0, 0.0), |(s, c), (sum, count)| (s + sum, c + count));
            sum / count
        };
        let mut means = Vec::with_capacity(RESAMPLES);
        redraw(&self.0, |drawn| means.push(mean(&mut drawn.iter().copied())));
        let (low, high) = percentiles(means).unwrap_or((f64::NAN, f64::NAN));
        Interval {
            mean: mean(&mut self.0.iter()),
            low,
            high,
        }
    }
}

/// Draws as many blocks as there are, with replacement, again and again.
pub(crate) fn redraw<'a, T>(blocks: &'a [T], mut see: impl FnMut(&[&'a T])) {
    let mut stream = ChaCha8Rng::seed_from_u64(SEED);
    let mut drawn = Vec::with_capacity(blocks.len());
    for _ in 0..RESAMPLES {
        drawn.clear();
        drawn.extend((0..blocks.len()).filter_map(|_| blocks.get(stream.gen_range(0..blocks.len()))));
        see(&drawn);
    }
}

/// The values between which the middle 95 % lie; nothing without values.
pub(crate) fn percentiles(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let aside = values.len() / 40;
    let top = values.len().checked_sub(1 + aside)?;
    Some((*values.get(aside)?, *values.get(top)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(n)
    }

    #[test]
    fn days_of_four_weeks_hang_together() {
        let blocks = Blocks::of((0..60).map(|n| (day(n), 1.0)));
        assert_eq!(blocks.0, [(28.0, 28.0), (28.0, 28.0), (4.0, 4.0)]);
        let interval = blocks.interval();
        assert_eq!((interval.mean, interval.low, interval.high), (1.0, 1.0, 1.0));
    }

    #[test]
    fn the_interval_covers_the_mean_and_is_repeatable() {
        let blocks = Blocks::of((0..300).map(|n| (day(n), f64::from(u8::from(n / 28 % 2 == 0)))));
        let interval = blocks.interval();
        assert!(
            interval.low < interval.mean && interval.mean < interval.high,
            "{interval:?}"
        );
        assert_eq!(interval, blocks.interval());
    }

    #[test]
    fn the_middle_of_values_leaves_out_one_in_forty_at_each_end() {
        assert_eq!(
            percentiles((0..=40).rev().map(f64::from).collect()),
            Some((1.0, 39.0))
        );
        assert_eq!(percentiles(vec![2.0]), Some((2.0, 2.0)));
        assert_eq!(percentiles(Vec::new()), None);
    }
}
