//! Equity over time, in at most a thousand points.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// How many points are kept: as many as a chart has room for.
const MOST_POINTS: usize = 1_000;

/// The distance of two points at first.
const FIRST_SPACING: TimeDelta = TimeDelta::minutes(1);

/// The equity at one moment, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// Cash plus marked positions.
    pub equity: f64,
    /// How far below its highest value before.
    pub drawdown: f64,
}

/// The equity of a period. When there are too many points every second one goes, so that it never grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    latest: Option<Point>,
    spacing: TimeDelta,
    peak: f64,
    max_drawdown: f64,
}

impl Default for Curve {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            latest: None,
            spacing: FIRST_SPACING,
            peak: f64::NEG_INFINITY,
            max_drawdown: 0.0,
        }
    }
}

impl Curve {
    /// Whether a moment is far enough from the last point to be one.
    #[must_use]
    pub fn is_due(&self, at: DateTime<Utc>) -> bool {
        self.points.last().is_none_or(|last| at - last.at >= self.spacing)
    }

    /// Takes the equity of a moment, in dollars.
    pub fn note(&mut self, at: DateTime<Utc>, equity: f64) {
        self.peak = self.peak.max(equity);
        let drawdown = self.peak - equity;
        self.max_drawdown = self.max_drawdown.max(drawdown);
        let point = Point { at, equity, drawdown };
        if self.is_due(at) {
            self.points.push(point);
        }
        self.latest = Some(point);
        if self.points.len() > MOST_POINTS {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.spacing = self.spacing * 2;
        }
    }

    /// The greatest fall from a highest value, in dollars.
    #[must_use]
    pub const fn max_drawdown(&self) -> f64 {
        self.max_drawdown
    }

    /// The points, the last of all included.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let mut points = self.points.clone();
        if let Some(latest) = self.latest {
            // Of several values of one moment the last one holds.
            if points.last().is_some_and(|last| last.at == latest.at) {
                points.pop();
            }
            points.push(latest);
        }
        points
    }

    /// The last point until a moment, or the first of all.
    #[must_use]
    pub fn at(&self, at: DateTime<Utc>) -> Option<Point> {
        let after = self.points.partition_point(|point| point.at <= at);
        let before = after.checked_sub(1).and_then(|place| self.points.get(place));
        match self.latest {
            Some(latest) if latest.at <= at => Some(latest),
            _ => before.or_else(|| self.points.first()).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn the_fall_is_that_from_the_highest_value_before() {
        let mut curve = Curve::default();
        for (minute, equity) in [(0, 100.0), (1, 130.0), (2, 90.0), (3, 140.0), (4, 120.0)] {
            curve.note(at(minute), equity);
        }
        assert!((curve.max_drawdown() - 40.0).abs() < 1e-12);
        let drawdowns: Vec<f64> = curve.points().iter().map(|point| point.drawdown).collect();
        assert_eq!(drawdowns, [0.0, 0.0, 40.0, 0.0, 20.0]);
        let equity = |moment| curve.at(moment).map(|point| point.equity);
        assert_eq!(equity(at(2) + TimeDelta::seconds(59)), Some(90.0));
        assert_eq!(equity(at(99)), Some(120.0));
        assert_eq!(Curve::default().at(at(0)), None);
    }

    proptest! {
        #[test]
        fn it_never_grows_and_ends_with_the_last_value(
            steps in prop::collection::vec((0i64..3_000, -50.0f64..50.0), 1..4_000),
        ) {
            let mut curve = Curve::default();
            let (mut now, mut equity) = (0, 1_000.0);
            for (wait, change) in steps {
                now += wait;
                equity += change;
                curve.note(at(now), equity);
            }
            let points = curve.points();
            prop_assert!(points.len() <= MOST_POINTS + 1);
            prop_assert_eq!(points.last().unwrap().equity.to_bits(), equity.to_bits());
            prop_assert!(points.windows(2).all(|pair| pair[0].at < pair[1].at));
        }
    }
}
