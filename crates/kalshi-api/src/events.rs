//! Events: the contracts that answer one question, and the terms they share.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{EventTicker, FeeSchedule, FeeType, SeriesTicker};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde::Deserialize;

use crate::KalshiClient;
use crate::markets::ListedMarket;
use crate::parse::decode::schema;
use crate::question::{Question, comma_separated};
use crate::series::{SettlementSource, fee_schedule};
use crate::wire::Page;
use crate::wire::fees::optional_multiplier;
use crate::wire::present;
use crate::word::Word;

/// One event, as the exchange lists it. Source: `EventData` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// The event.
    pub event_ticker: EventTicker,
    /// Its series.
    pub series_ticker: SeriesTicker,
    /// Its question.
    pub title: String,
    /// Its question, shortened.
    pub sub_title: String,
    /// How collateral is given back across its markets.
    pub collateral_return_type: Word<CollateralReturn>,
    /// At most one of its markets can resolve to YES.
    pub mutually_exclusive: bool,
    /// What it settles by; `None` when none is named.
    #[serde(deserialize_with = "present")]
    pub settlement_sources: Option<Vec<SettlementSource>>,
    /// The date it is about, where it is about a date.
    #[serde(default)]
    pub strike_date: Option<DateTime<Utc>>,
    /// The period it is about, where it is about a period.
    #[serde(default)]
    pub strike_period: Option<String>,
    /// Its markets, where they were asked for.
    #[serde(default)]
    pub markets: Option<Vec<ListedMarket>>,
    /// When its description last changed.
    #[serde(default)]
    pub last_updated_ts: Option<DateTime<Utc>>,
    /// How it charges, where it does not charge as its series.
    #[serde(default)]
    pub fee_type_override: Option<String>,
    /// The fee multiplier in millionths, where it does not charge as its series.
    #[serde(
        default,
        rename = "fee_multiplier_override",
        deserialize_with = "optional_multiplier"
    )]
    pub fee_multiplier_override_millionths: Option<u32>,
    /// The shard of its markets.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

/// How the exchange gives collateral back across the markets of one event, for accounts with netting enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum CollateralReturn {
    /// Mutually exclusive markets: all NO positions but the largest are given back.
    #[serde(rename = "MECNET")]
    MutuallyExclusive,
    /// Directional netting.
    #[serde(rename = "DIRECNET")]
    Directional,
    /// None.
    #[serde(rename = "")]
    None,
}

impl Event {
    /// Its fee terms, given those of its series.
    #[must_use]
    pub fn fees(&self, series: FeeSchedule) -> FeeSchedule {
        overridden(
            self.fee_type_override.as_deref(),
            self.fee_multiplier_override_millionths,
            series,
        )
    }
}

/// The fee terms of an event: its override, or those of the series.
///
/// The document pairs the two override fields. Half a pair says that the series' terms do not hold without saying what does:
/// unsupported, so not traded.
pub(crate) fn overridden(
    fee_type: Option<&str>,
    multiplier_millionths: Option<u32>,
    series: FeeSchedule,
) -> FeeSchedule {
    match (fee_type, multiplier_millionths) {
        (None, None) => series,
        (Some(fee_type), Some(multiplier)) => fee_schedule(fee_type, multiplier),
        _ => FeeSchedule {
            fee_type: FeeType::Unsupported,
            ..series
        },
    }
}

/// Which phase of life events are listed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventPhase {
    /// Not open yet.
    Unopened,
    /// Open.
    Open,
    /// Past their close.
    Closed,
    /// Paid out.
    Settled,
}

impl EventPhase {
    const fn word(self) -> &'static str {
        match self {
            Self::Unopened => "unopened",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Settled => "settled",
        }
    }
}

/// Which events to list. The default lists all but combinations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventsQuery {
    /// Only this series.
    pub series: Option<SeriesTicker>,
    /// Only these events; empty for all.
    pub tickers: Vec<EventTicker>,
    /// Only this phase.
    pub phase: Option<EventPhase>,
    /// Only those with a market that closes after this.
    pub closing_after: Option<DateTime<Utc>>,
    /// Only those whose description changed after this.
    pub updated_since: Option<DateTime<Utc>>,
    /// With their markets.
    pub with_markets: bool,
}

/// Whether an event is answered with its markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventMarkets {
    /// Inside the event, as [`Event::markets`].
    Nested,
    /// Not at all.
    Excluded,
}

/// A change of an event's own fee terms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventFeeChange {
    /// The change's id.
    pub id: String,
    /// The event.
    pub event_ticker: EventTicker,
    /// Its series.
    pub series_ticker: SeriesTicker,
    /// How it will charge; `None` when it goes back to its series' terms.
    #[serde(deserialize_with = "present")]
    pub fee_type_override: Option<String>,
    /// The fee multiplier in millionths; `None` when it goes back to its series' terms.
    #[serde(rename = "fee_multiplier_override", deserialize_with = "optional_multiplier")]
    pub fee_multiplier_override_millionths: Option<u32>,
    /// When it takes effect.
    pub scheduled_ts: DateTime<Utc>,
}

impl EventFeeChange {
    /// The terms that will hold, given those of its series.
    #[must_use]
    pub fn fees(&self, series: FeeSchedule) -> FeeSchedule {
        overridden(
            self.fee_type_override.as_deref(),
            self.fee_multiplier_override_millionths,
            series,
        )
    }
}

#[derive(Deserialize)]
struct EventAnswer {
    event: Event,
}

#[derive(Deserialize)]
struct EventsPage {
    events: Vec<Event>,
    cursor: String,
}

impl Page for EventsPage {
    type Item = Event;

    fn split(self) -> Result<(Vec<Event>, String), FeedError> {
        Ok((self.events, self.cursor))
    }

    fn key(item: &Event) -> String {
        item.event_ticker.to_string()
    }
}

#[derive(Deserialize)]
struct EventFeeChangesPage {
    event_fee_changes: Vec<EventFeeChange>,
    cursor: String,
}

impl Page for EventFeeChangesPage {
    type Item = EventFeeChange;

    fn split(self) -> Result<(Vec<EventFeeChange>, String), FeedError> {
        Ok((self.event_fee_changes, self.cursor))
    }

    fn key(item: &EventFeeChange) -> String {
        item.id.clone()
    }
}

impl KalshiClient {
    /// One event. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one about another event.
    pub async fn event(&self, ticker: &EventTicker, markets: EventMarkets) -> Result<Event, FeedError> {
        let question = Question::public(&["events", ticker.as_str()])
            .flag("with_nested_markets", markets == EventMarkets::Nested)
            .flag("exclude_markets", markets == EventMarkets::Excluded);
        let EventAnswer { event } = self.read(&question).await?;
        if event.event_ticker == *ticker {
            Ok(event)
        } else {
            let words = format!("asked for {ticker}, answered {}", event.event_ticker);
            Err(schema("$.event.event_ticker", &words))
        }
    }

    /// Events, page by page. Cancellation-safe: it only reads. The first error ends the stream.
    pub fn list_events(
        &self,
        query: &EventsQuery,
    ) -> impl Stream<Item = Result<Event, FeedError>> + Send + use<'_> {
        let question = Question::public(&["events"])
            .with("limit", 200)
            .maybe("series_ticker", query.series.as_ref())
            .maybe("tickers", comma_separated(&query.tickers))
            .maybe("status", query.phase.map(EventPhase::word))
            .maybe("min_close_ts", query.closing_after.map(|at| at.timestamp()))
            .maybe("min_updated_ts", query.updated_since.map(|at| at.timestamp()))
            .flag("with_nested_markets", query.with_markets);
        self.pages::<EventsPage>([question])
    }

    /// Changes of events' own fee terms, of one event or of all, page by page. Cancellation-safe: it only reads. The first
    /// error ends the stream.
    pub fn list_event_fee_changes(
        &self,
        event: Option<&EventTicker>,
    ) -> impl Stream<Item = Result<EventFeeChange, FeedError>> + Send + use<'_> {
        let question = Question::public(&["events", "fee_changes"])
            .with("limit", 1000)
            .maybe("event_ticker", event);
        self.pages::<EventFeeChangesPage>([question])
    }
}
