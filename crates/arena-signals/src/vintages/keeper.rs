//! The keeper of the accepted board.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::ports::SignalSource;
use autotrader_domain::{
    AcceptedBoard, Alert, BoardStanding, Challenge, ChallengeKind, GatedBoard, Observation, ParsePath,
    Reading, ReadingOutcome, Severity, Verdict, Vintage,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::VintageSettings;
use super::feed::FeedHealth;
use super::holds::{Hold, hold};
use super::sightings::{Sightings, elapsed};
use crate::comparison::{Comparison, Coverage};
use crate::diff::{Side, diff_compared};

/// Keeps the accepted board and its challenger, and says what each reading changes.
#[derive(Debug, Clone)]
pub struct VintageKeeper {
    settings: VintageSettings,
    standing: BoardStanding,
    /// How far down the accepted board is known to reach.
    coverage: Coverage,
    /// When a reading last showed the accepted entries.
    last_shown: Option<DateTime<Utc>>,
    sightings: Sightings,
    /// Renames of the standing that are only suspected: refuted when both names are listed.
    suspected: Vec<(String, String)>,
    feed: FeedHealth,
}

/// What a keeper remembers, settings apart.
#[derive(Serialize, Deserialize)]
struct Memory {
    standing: BoardStanding,
    coverage: Coverage,
    last_shown: Option<DateTime<Utc>>,
    sightings: Sightings,
    suspected: Vec<(String, String)>,
    feed: FeedHealth,
}

/// The board that another replaces.
struct Replaced<'a> {
    accepted: &'a AcceptedBoard,
    /// When the other one was first seen.
    first_seen: DateTime<Utc>,
    comparison: Comparison<'a>,
}

/// How a board that is not the accepted one comes to be accepted.
enum Trial {
    /// At once.
    None,
    /// When this many readings of distinct origin, this far apart, have shown it.
    Confirm,
    /// When it persists.
    Rollback,
    /// Never.
    Never,
}

impl VintageKeeper {
    /// A keeper that knows no board yet.
    #[must_use]
    pub fn new(settings: VintageSettings) -> Self {
        Self {
            settings,
            standing: BoardStanding::default(),
            coverage: Coverage::Unknown,
            last_shown: None,
            sightings: Sightings::default(),
            suspected: Vec::new(),
            feed: FeedHealth::default(),
        }
    }

    fn tradable(&mut self, reading: &Reading, page: &GatedBoard, seen: &mut Observation) {
        let at = reading.fetched_at;
        self.standing.feed_at = self.standing.feed_at.max(Some(at));
        seen.alerts.extend(self.feed.tradable(at));
        match self.standing.accepted.clone() {
            Some(accepted) if accepted.hash == page.hash => self.shown_again(&accepted, page, at, seen),
            Some(accepted) => self.other_board(&accepted, reading, page, seen),
            None => match dated(page) {
                Some((vintage, path)) => self.accept(page, vintage, path, at, None, seen),
                None => {
                    if self.sightings.is_empty() {
                        seen.alerts
                            .push(challenged(ChallengeKind::SameStamp, None, page, at));
                    }
                    self.sightings.add(&reading.origin, at, Duration::ZERO);
                }
            },
        }
    }

    /// The page shows the accepted entries.
    fn shown_again(
        &mut self,
        accepted: &AcceptedBoard,
        page: &GatedBoard,
        at: DateTime<Utc>,
        seen: &mut Observation,
    ) {
        self.last_shown = self.last_shown.max(Some(at));
        if Coverage::of(page) == Coverage::Complete {
            self.coverage = Coverage::Complete;
        }
        seen.challenge_changed = self.standing.challenge.take().is_some();
        self.sightings = Sightings::default();
        if let Some((vintage, path)) = dated(page)
            && vintage > accepted.vintage
        {
            // The same entries under a newer stamp: the board is younger, and nothing in it is news.
            let restamped = Arc::new(AcceptedBoard {
                vintage,
                path,
                accepted_at: at,
                ..accepted.clone()
            });
            self.standing.accepted = Some(Arc::clone(&restamped));
            seen.accepted = Some(restamped);
        }
    }

    /// The page shows other entries than the accepted ones.
    fn other_board(
        &mut self,
        accepted: &AcceptedBoard,
        reading: &Reading,
        page: &GatedBoard,
        seen: &mut Observation,
    ) {
        let at = reading.fetched_at;
        let comparison = Comparison::new(&accepted.board, &page.board, &self.settings.diff.renames);
        let (kind, trial, held) = self.judge(accepted, page, &comparison);
        let first_seen = match &self.standing.challenge {
            Some(known) if known.kind == kind && known.hash == page.hash && known.vintage == page.vintage => {
                known.first_seen
            }
            _ => {
                self.sightings = Sightings::default();
                at
            }
        };
        let is_new = self.sightings.is_empty();
        let apart = match trial {
            Trial::Confirm => self.settings.confirm_apart,
            Trial::None | Trial::Rollback | Trial::Never => Duration::ZERO,
        };
        let confirmations = self.sightings.add(&reading.origin, at, apart);
        let passed = match trial {
            Trial::None => true,
            Trial::Confirm => confirmations >= self.settings.confirm_readings,
            Trial::Rollback => {
                confirmations >= self.settings.rollback_readings
                    && elapsed(first_seen, at) >= self.settings.rollback_after
            }
            Trial::Never => false,
        };
        if passed && let Some((vintage, path)) = dated(page) {
            if matches!(trial, Trial::Rollback) {
                seen.alerts.push(rolled_back(accepted, vintage, at));
            }
            self.accept(
                page,
                vintage,
                path,
                at,
                Some(Replaced {
                    accepted,
                    first_seen,
                    comparison,
                }),
                seen,
            );
            return;
        }
        if is_new {
            seen.challenge_changed = true;
            seen.alerts.push(challenged(kind, held, page, at));
        }
        self.standing.challenge = Some(Challenge {
            kind,
            board: Arc::clone(&page.board),
            hash: page.hash,
            vintage: page.vintage,
            first_seen,
            confirmations,
        });
    }

    /// What sort of challenge a board is, and what it takes to accept it.
    fn judge(
        &self,
        accepted: &AcceptedBoard,
        page: &GatedBoard,
        comparison: &Comparison<'_>,
    ) -> (ChallengeKind, Trial, Option<Hold>) {
        let Some((vintage, path)) = dated(page) else {
            return (ChallengeKind::SameStamp, Trial::Never, None);
        };
        if path.is_coarse() && !accepted.path.is_coarse() {
            return (ChallengeKind::CoarserPath, Trial::Never, None);
        }
        match vintage.cmp(&accepted.vintage) {
            Ordering::Less => (ChallengeKind::OlderVintage, Trial::Rollback, None),
            // Exact scores supersede rounded ones of the same or an earlier stamp, and cannot be compared with them.
            _ if accepted.path.is_coarse() && !path.is_coarse() => {
                (ChallengeKind::SameStamp, Trial::None, None)
            }
            Ordering::Equal => (ChallengeKind::SameStamp, Trial::Confirm, None),
            Ordering::Greater => match hold(comparison, &accepted.board, &page.board, &self.settings.holds) {
                Some(held) => (ChallengeKind::Held(held.reason), Trial::Confirm, Some(held)),
                None => (ChallengeKind::SameStamp, Trial::None, None),
            },
        }
    }

    /// Makes a board current.
    fn accept(
        &mut self,
        page: &GatedBoard,
        vintage: Vintage,
        path: ParsePath,
        at: DateTime<Utc>,
        replaced: Option<Replaced<'_>>,
        seen: &mut Observation,
    ) {
        let coverage = Coverage::of(page);
        if let Some(Replaced {
            accepted: previous,
            first_seen,
            comparison,
        }) = replaced
        {
            if previous.path.is_coarse() == path.is_coarse() {
                let before = Side {
                    board: &previous.board,
                    coverage: self.coverage,
                };
                let now = Side {
                    board: &page.board,
                    coverage,
                };
                seen.signals = diff_compared(&comparison, before, now, &self.settings.diff);
                seen.alerts.extend(self.remember_renames(&comparison, at));
            }
            // Only a strictly newer stamp is news: a confirmed correction or a rollback must not pass for it.
            self.standing.news_at = self.last_shown.filter(|shown| {
                vintage > previous.vintage && elapsed(*shown, first_seen) <= self.settings.fresh_gap()
            });
        }
        let accepted = Arc::new(AcceptedBoard {
            board: Arc::clone(&page.board),
            hash: page.hash,
            vintage,
            path,
            accepted_at: at,
        });
        seen.challenge_changed |= self.standing.challenge.take().is_some();
        seen.accepted = Some(Arc::clone(&accepted));
        self.standing.accepted = Some(accepted);
        self.coverage = coverage;
        self.last_shown = Some(at);
        self.sightings = Sightings::default();
    }

    /// Brings the standing's renames up to date with a board that becomes current.
    fn remember_renames(&mut self, comparison: &Comparison<'_>, at: DateTime<Utc>) -> Vec<Alert> {
        let refuted = |pair: &(String, String)| {
            comparison.current.contains_key(pair.0.as_str())
                && comparison.current.contains_key(pair.1.as_str())
        };
        let (suspected, renames) = (&mut self.suspected, &mut self.standing.renames);
        renames.retain(|pair| !(suspected.contains(pair) && refuted(pair)));
        suspected.retain(|pair| !refuted(pair));
        let mut alerts = Vec::new();
        for rename in &comparison.renames {
            let pair = (
                rename.old.entry.model_name.clone(),
                rename.new.entry.model_name.clone(),
            );
            // A model that got its old name back is no longer renamed.
            renames.retain(|(old, new)| !(*old == pair.1 && *new == pair.0));
            suspected.retain(|(old, new)| !(*old == pair.1 && *new == pair.0));
            alerts.push(Alert {
                severity: Severity::Warning,
                name: "model_renamed".to_owned(),
                text: format!(
                    "The leaderboard {} {} to {}: contracts on the old name are frozen until a person decides.",
                    if rename.certain { "renamed" } else { "seems to have renamed" },
                    pair.0,
                    pair.1
                ),
                at,
            });
            if !rename.certain && !suspected.contains(&pair) {
                suspected.push(pair.clone());
            }
            if !renames.contains(&pair) {
                renames.push(pair);
            }
        }
        alerts
    }
}

impl SignalSource for VintageKeeper {
    fn observe(&mut self, reading: &Reading) -> Observation {
        let mut seen = Observation::default();
        let at = reading.fetched_at;
        match &reading.outcome {
            ReadingOutcome::Failed { code, detail } => {
                let limit = self.settings.max_consecutive_failures;
                seen.alerts.extend(self.feed.failed(code, detail, limit, at));
            }
            ReadingOutcome::Page { page, .. } if page.verdict == Verdict::Tradable => {
                self.tradable(reading, page, &mut seen);
            }
            ReadingOutcome::Page { page, .. } => seen.alerts.extend(self.feed.not_tradable(page, at)),
        }
        seen
    }

    fn standing(&self) -> &BoardStanding {
        &self.standing
    }

    fn restore(&mut self, accepted: AcceptedBoard, renames: Vec<(String, String)>) {
        *self = Self::new(self.settings);
        // The last reading that showed it is not on record; that it was accepted then is.
        self.last_shown = Some(accepted.accepted_at);
        self.standing.accepted = Some(Arc::new(accepted));
        self.standing.renames = renames;
    }

    fn snapshot(&self) -> Result<serde_json::Value, serde_json::Error> {
        let Self {
            settings: _,
            standing,
            coverage,
            last_shown,
            sightings,
            suspected,
            feed,
        } = self.clone();
        serde_json::to_value(Memory {
            standing,
            coverage,
            last_shown,
            sightings,
            suspected,
            feed,
        })
    }

    fn resume(&mut self, snapshot: &serde_json::Value) -> Result<(), serde_json::Error> {
        let Memory {
            standing,
            coverage,
            last_shown,
            sightings,
            suspected,
            feed,
        } = Memory::deserialize(snapshot)?;
        *self = Self {
            settings: self.settings,
            standing,
            coverage,
            last_shown,
            sightings,
            suspected,
            feed,
        };
        Ok(())
    }
}

/// The stamp and the path of a page that can become current.
fn dated(page: &GatedBoard) -> Option<(Vintage, ParsePath)> {
    Some((page.vintage?, page.path?))
}

fn stamp(vintage: Option<Vintage>) -> String {
    vintage.map_or_else(|| "an unknown stamp".to_owned(), |vintage| vintage.0.to_rfc3339())
}

fn rolled_back(accepted: &AcceptedBoard, vintage: Vintage, at: DateTime<Utc>) -> Alert {
    Alert {
        severity: Severity::Warning,
        name: "board_rolled_back".to_owned(),
        text: format!(
            "The page went back from the board of {} to that of {} and stayed there; it is current now.",
            stamp(Some(accepted.vintage)),
            stamp(Some(vintage))
        ),
        at,
    }
}

/// What the operator is told when a challenge appears.
fn challenged(kind: ChallengeKind, held: Option<Hold>, page: &GatedBoard, at: DateTime<Utc>) -> Alert {
    let (severity, name, text) = match kind {
        _ if page.vintage.is_none() => (
            Severity::Warning,
            "board_undated",
            "The page shows a board without a stamp; it cannot become current.".to_owned(),
        ),
        ChallengeKind::Held(_) => (
            Severity::Warning,
            "board_held",
            format!(
                "A newer board is held until it is confirmed: {}.",
                held.map_or_else(|| "no detail".to_owned(), |held| held.detail)
            ),
        ),
        ChallengeKind::SameStamp => (
            Severity::Info,
            "board_unconfirmed",
            "The page shows other entries under the same stamp; they wait for confirmation.".to_owned(),
        ),
        ChallengeKind::OlderVintage => (
            Severity::Warning,
            "board_older_vintage",
            format!(
                "The page shows an older board, of {}; no entries where its winner differs.",
                stamp(page.vintage)
            ),
        ),
        ChallengeKind::CoarserPath => (
            Severity::Warning,
            "board_coarser",
            "The page gives rounded scores only; they do not replace the exact ones.".to_owned(),
        ),
    };
    Alert {
        severity,
        name: name.to_owned(),
        text,
        at,
    }
}
