//! Faults that last: a skewed clock, reads that stand still, ids that are forgotten.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use axum::http::header;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::App;
use super::super::routes::date_value;
use crate::faults::{FaultDesk, FaultKind, Site};

/// For how many requests a skewed clock stays skewed: long enough that a client which corrects itself succeeds, and then
/// has to correct itself again.
const SKEWED_REQUESTS: u32 = 8;

/// How far before the request that begins it a standstill of reads lies: what the request itself does is not shown.
const JUST_BEFORE: TimeDelta = TimeDelta::milliseconds(1);

tokio::task_local! {
    static CONDITIONS: Conditions;
}

/// What holds while one request is processed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    skew: TimeDelta,
}

impl Conditions {
    /// The `Date` of an answer under a skewed clock is skewed too.
    pub(super) fn show(self, now: DateTime<Utc>, response: &mut Response) {
        if !self.skew.is_zero()
            && let Some(value) = date_value(now + self.skew)
        {
            response.headers_mut().insert(header::DATE, value);
        }
    }
}

/// Runs a request under its conditions.
pub(super) async fn within<F: Future>(conditions: Conditions, request: F) -> F::Output {
    CONDITIONS.scope(conditions, request).await
}

/// By how much the exchange's clock is ahead for the request that is being processed; nothing outside of requests.
pub(in super::super) fn skew() -> TimeDelta {
    CONDITIONS
        .try_with(|conditions| conditions.skew)
        .unwrap_or(TimeDelta::zero())
}

/// Faults that began and have not ended.
#[derive(Debug, Default)]
pub(in super::super) struct Episodes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    skew: Option<Skew>,
    standstill: Option<Standstill>,
}

#[derive(Debug)]
struct Skew {
    by: TimeDelta,
    requests_left: u32,
}

#[derive(Debug)]
struct Standstill {
    shown: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Episodes {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The time at which reads of accounts stand still; all of them, and the timestamp that tells of it, at the same.
    pub(in super::super) fn reads_stand_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.with(|state| {
            state
                .standstill
                .as_ref()
                .filter(|standstill| now < standstill.until)
                .map(|standstill| standstill.shown)
        })
    }
}

/// Lets conditions begin, go on or end with a request.
pub(super) fn begin(app: &App, desk: &mut FaultDesk, site: Site<'_>, now: DateTime<Utc>) -> Conditions {
    if site.path.starts_with("/portfolio/") {
        stand_still(app, desk, site, now);
    }
    Conditions {
        skew: clock_skew(app, desk, site, now),
    }
}

fn stand_still(app: &App, desk: &mut FaultDesk, site: Site<'_>, now: DateTime<Utc>) {
    if app.episodes.reads_stand_at(now).is_some() {
        return;
    }
    if let Some(action) = desk.fires(FaultKind::ReadLag, site, now) {
        app.episodes.with(|state| {
            state.standstill = Some(Standstill {
                shown: now - JUST_BEFORE,
                until: now + TimeDelta::milliseconds(action.amount_ms),
            });
        });
    }
}

fn clock_skew(app: &App, desk: &mut FaultDesk, site: Site<'_>, now: DateTime<Utc>) -> TimeDelta {
    app.episodes.with(|state| {
        if let Some(skew) = state.skew.as_mut().filter(|skew| skew.requests_left > 0) {
            skew.requests_left -= 1;
            return skew.by;
        }
        let Some(action) = desk.fires(FaultKind::ClockSkew, site, now) else {
            return TimeDelta::zero();
        };
        let by = TimeDelta::milliseconds(action.amount_ms);
        state.skew = Some(Skew {
            by,
            requests_left: SKEWED_REQUESTS - 1,
        });
        by
    })
}
