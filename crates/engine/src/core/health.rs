//! The causes that come and go by themselves: raised when what they name is ill, released when it is healthy again.

use autotrader_domain::{Alert, ChallengeKind, MarketStatus, Record, Severity};
use autotrader_risk::Cause;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::Effect;

/// What health is judged by besides the rest of the core's state.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    /// The first event: what was never heard of is not stale before it had the time to arrive.
    started_at: Option<DateTime<Utc>>,
    /// When the newest book was received.
    newest_book: Option<DateTime<Utc>>,
    /// When there was last no market whose book could arrive.
    unwatched_at: Option<DateTime<Utc>>,
}

impl Watch {
    /// Remembers when a book was received.
    pub(super) fn saw_book(&mut self, received_at: DateTime<Utc>) {
        self.newest_book = self.newest_book.max(Some(received_at));
    }
}

/// How something stands. What is not clear changes nothing: a cause goes only on evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    Unclear,
    Ill,
}

impl Health {
    const fn from_ill(ill: bool) -> Self {
        if ill { Self::Ill } else { Self::Well }
    }
}

impl Engine {
    /// Raises and releases the causes that release themselves.
    pub(super) fn watch_health(&mut self, at: DateTime<Utc>, effects: &mut Vec<Effect>) {
        let started = *self.health.started_at.get_or_insert(at);
        let found = [
            (Cause::LeaderboardStale, self.leaderboard_health(at, started)),
            (Cause::MarketDataStale, self.market_data_health(at, started)),
            (Cause::ExchangePaused, self.exchange_health()),
            (Cause::BoardHeld, self.board_health()),
        ];
        for (cause, health) in found {
            let stands = self.risk.causes().stands(cause);
            match health {
                Health::Ill if !stands => {
                    let detail = self.illness(cause, at);
                    self.raise(at, cause, &detail, effects);
                }
                Health::Well if stands => self.recover(at, cause, effects),
                _ => {}
            }
        }
    }

    fn leaderboard_health(&self, at: DateTime<Utc>, started: DateTime<Utc>) -> Health {
        let (standing, limits) = (self.signals.standing(), self.risk.limits());
        let age = |since: DateTime<Utc>| at.signed_duration_since(since);
        let board_too_old = standing
            .accepted
            .as_ref()
            .is_some_and(|accepted| age(accepted.vintage.0) > limits.max_board_age);
        match standing.feed_at {
            Some(feed_at) => Health::from_ill(board_too_old || age(feed_at) > limits.max_feed_age),
            None if board_too_old || age(started) > limits.max_feed_age => Health::Ill,
            None => Health::Unclear,
        }
    }

    fn market_data_health(&mut self, at: DateTime<Utc>, started: DateTime<Utc>) -> Health {
        let max = self.risk.limits().max_book_age;
        let young =
            |since: Option<DateTime<Utc>>| since.is_some_and(|since| at.signed_duration_since(since) <= max);
        if young(self.health.newest_book) {
            return Health::Well;
        }
        let watched = self
            .markets
            .values()
            .any(|market| market.status == MarketStatus::Active && market.close_time > at);
        if !watched {
            self.health.unwatched_at = Some(at);
            return Health::Well;
        }
        if young(self.health.unwatched_at) || young(Some(started)) {
            Health::Unclear
        } else {
            Health::Ill
        }
    }

    fn exchange_health(&self) -> Health {
        self.exchange.map_or(Health::Unclear, |status| {
            Health::from_ill(!(status.exchange_active && status.trading_active))
        })
    }

    fn board_health(&self) -> Health {
        let standing = self.signals.standing();
        let challenge = standing.challenge.as_ref().map(|challenge| challenge.kind);
        match (challenge, standing.feed_at) {
            (Some(ChallengeKind::Held(_)), _) => Health::Ill,
            (_, Some(_)) => Health::Well,
            // After a restart the page must be seen again before anything is known of a hold.
            (_, None) => Health::Unclear,
        }
    }

    /// What is wrong, in words.
    fn illness(&self, cause: Cause, at: DateTime<Utc>) -> String {
        let seconds = |since: DateTime<Utc>| at.signed_duration_since(since).num_seconds();
        let standing = self.signals.standing();
        match cause {
            Cause::LeaderboardStale => match (standing.feed_at, &standing.accepted) {
                (Some(feed_at), Some(accepted))
                    if at.signed_duration_since(feed_at) <= self.risk.limits().max_feed_age =>
                {
                    format!("the accepted board is of {}", accepted.vintage.0)
                }
                (Some(feed_at), _) => {
                    format!("the leaderboard was last read {} s ago", seconds(feed_at))
                }
                (None, _) => "the leaderboard has not been read since the start".to_owned(),
            },
            Cause::MarketDataStale => match self.health.newest_book {
                Some(newest) => format!("the last order book arrived {} s ago", seconds(newest)),
                None => "no order book has arrived since the start".to_owned(),
            },
            Cause::ExchangePaused => "the exchange says that it takes no orders".to_owned(),
            _ => match standing.challenge.as_ref().map(|challenge| challenge.kind) {
                Some(ChallengeKind::Held(why)) => {
                    format!("a newer board waits for confirmation ({why:?})")
                }
                _ => "a newer board waits for confirmation".to_owned(),
            },
        }
    }

    fn recover(&mut self, at: DateTime<Utc>, cause: Cause, effects: &mut Vec<Effect>) {
        if !self.risk.release(cause) {
            return;
        }
        self.dirty = true;
        effects.push(Effect::Record(Record::RiskCause {
            at,
            cause: cause.code().into(),
            raised: false,
            detail: "healthy again".into(),
        }));
        effects.push(Effect::Alert(Alert {
            severity: Severity::Info,
            name: format!("risk_cause_over:{}", cause.code()),
            text: format!("{} is over: entries are no longer stopped by it.", cause.code()),
            at,
        }));
    }
}
