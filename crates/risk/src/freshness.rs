//! Whether what an entry rests on is open, and recent enough to be acted on.
//!
//! The strategy guards itself against old knowledge; risk does not rely on that.

use autotrader_domain::ports::RiskCheck;
use autotrader_domain::{
    BoardStanding, ChallengeKind, MarketStatus, Order, Purpose, Reason, Refusal, RiskView,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The market and the exchange must take orders now.
#[derive(Debug)]
pub(crate) struct Open;

impl RiskCheck for Open {
    fn name(&self) -> &'static str {
        "open"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if order.intent.purpose != Purpose::Entry {
            return Ok(());
        }
        let ticker = &order.intent.ticker;
        let Some(market) = view.markets.get(ticker) else {
            return Err(Refusal::new(
                Reason::NotOpen,
                format!("{ticker} is not a known market."),
            ));
        };
        if view.at >= market.close_time {
            return Err(Refusal::new(
                Reason::PastClose,
                format!("{ticker} closed at {}.", market.close_time),
            ));
        }
        if market.status != MarketStatus::Active {
            return Err(Refusal::new(
                Reason::NotOpen,
                format!("{ticker} is {:?}.", market.status),
            ));
        }
        match view.exchange {
            Some(status) if status.exchange_active && status.trading_active => Ok(()),
            Some(_) => Err(Refusal::new(
                Reason::ExchangePaused,
                "The exchange says that it takes no orders.",
            )),
            // Not asked yet is not the same as open.
            None => Err(Refusal::new(
                Reason::ExchangePaused,
                "The exchange has not been asked yet.",
            )),
        }
    }
}

/// The leaderboard must have been read, its board be accepted, young and unchallenged by a held one, and the contract's
/// book have arrived within its limit.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) max_feed_age: TimeDelta,
    pub(crate) max_board_age: TimeDelta,
    pub(crate) max_book_age: TimeDelta,
}

impl RiskCheck for Fresh {
    fn name(&self) -> &'static str {
        "fresh"
    }

    fn check(&self, order: &Order, view: &RiskView<'_>) -> Result<(), Refusal> {
        if order.intent.purpose != Purpose::Entry {
            return Ok(());
        }
        self.board(view.standing, view.at)?;
        let ticker = &order.intent.ticker;
        let Some(book) = view.books.get(ticker) else {
            return Err(Refusal::new(Reason::NoBook, format!("{ticker} has no book.")));
        };
        refuse_older(
            Reason::StaleBook,
            "The book",
            book.received_at,
            self.max_book_age,
            view.at,
        )
    }
}

impl Fresh {
    fn board(&self, standing: &BoardStanding, at: DateTime<Utc>) -> Result<(), Refusal> {
        let Some(accepted) = &standing.accepted else {
            return Err(Refusal::new(Reason::NoBoard, "No board has been accepted."));
        };
        match standing.challenge.as_ref().map(|challenge| challenge.kind) {
            Some(ChallengeKind::Held(why)) => {
                return Err(Refusal::new(
                    Reason::HeldBoard,
                    format!("A newer board is held: {why:?}."),
                ));
            }
            Some(ChallengeKind::CoarserPath) => {
                return Err(Refusal::new(
                    Reason::BoardNotTradable,
                    "The page is now read by a coarser path than the accepted board was.",
                ));
            }
            // Whether these matter depends on who would win: the strategy knows.
            Some(ChallengeKind::SameStamp | ChallengeKind::OlderVintage) | None => {}
        }
        let Some(feed_at) = standing.feed_at else {
            return Err(Refusal::new(
                Reason::StaleFeed,
                "The leaderboard has not been read since the start.",
            ));
        };
        refuse_older(
            Reason::StaleFeed,
            "The leaderboard's last reading",
            feed_at,
            self.max_feed_age,
            at,
        )?;
        refuse_older(
            Reason::StaleBoard,
            "The accepted board's stamp",
            accepted.vintage.0,
            self.max_board_age,
            at,
        )
    }
}

/// Refuses what is older than its limit; at the limit it passes.
fn refuse_older(
    reason: Reason,
    what: &str,
    since: DateTime<Utc>,
    max: TimeDelta,
    at: DateTime<Utc>,
) -> Result<(), Refusal> {
    let age = at.signed_duration_since(since);
    if age > max {
        Err(Refusal::new(
            reason,
            format!(
                "{what} is {} of {} seconds old.",
                age.num_seconds(),
                max.num_seconds()
            ),
        ))
    } else {
        Ok(())
    }
}
