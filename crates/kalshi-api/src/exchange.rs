//! The exchange itself: its status, its hours, and how old its word on an account is.

use autotrader_domain::ports::FeedError;
use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::client::Read;
use crate::http::transport::Answer;
use crate::parse::decode::decode;
use crate::question::Question;
use crate::{KalshiClient, VenueError};

/// Whether the exchange works, as a whole and shard by shard.
///
/// Source: `ExchangeStatus` of the OpenAPI document. The fields after `trading_active` are not always sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExchangeReport {
    /// The exchange answers order operations, cancels included.
    pub exchange_active: bool,
    /// New orders are taken.
    pub trading_active: bool,
    /// Money can be moved between shards.
    #[serde(default)]
    pub intra_exchange_transfers_active: Option<bool>,
    /// When it is expected back, in an outage.
    #[serde(default)]
    pub exchange_estimated_resume_time: Option<DateTime<Utc>>,
    /// Each shard's own status.
    #[serde(default)]
    pub exchange_index_statuses: Vec<ShardStatus>,
}

/// Whether one shard works.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShardStatus {
    /// The shard.
    pub exchange_index: i32,
    /// Which markets it holds, in words.
    pub description: String,
    /// It answers order operations, cancels included.
    pub exchange_active: bool,
    /// It takes new orders.
    pub trading_active: bool,
    /// Money can be moved to and from it.
    pub intra_exchange_transfers_active: bool,
}

/// The exchange's hours, in New York time, and its planned interruptions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExchangeSchedule {
    /// Weekly hours, each set for a time of its own.
    pub standard_hours: Vec<WeeklyHours>,
    /// Planned interruptions.
    pub maintenance_windows: Vec<MaintenanceWindow>,
}

/// The hours of each day of the week while this set holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WeeklyHours {
    /// When this set begins to hold.
    pub start_time: DateTime<Utc>,
    /// When it ends.
    pub end_time: DateTime<Utc>,
    /// Sessions on Mondays.
    pub monday: Vec<Session>,
    /// Sessions on Tuesdays.
    pub tuesday: Vec<Session>,
    /// Sessions on Wednesdays.
    pub wednesday: Vec<Session>,
    /// Sessions on Thursdays.
    pub thursday: Vec<Session>,
    /// Sessions on Fridays.
    pub friday: Vec<Session>,
    /// Sessions on Saturdays.
    pub saturday: Vec<Session>,
    /// Sessions on Sundays.
    pub sunday: Vec<Session>,
}

/// One session of a day, in New York time. Open and close at midnight is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// When it opens.
    #[serde(deserialize_with = "time_of_day")]
    pub open_time: NaiveTime,
    /// When it closes; midnight is the end of the day.
    #[serde(deserialize_with = "time_of_day")]
    pub close_time: NaiveTime,
}

/// A planned interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct MaintenanceWindow {
    /// When it begins.
    pub start_datetime: DateTime<Utc>,
    /// When it ends.
    pub end_datetime: DateTime<Utc>,
}

#[derive(Deserialize)]
struct ScheduleAnswer {
    schedule: ExchangeSchedule,
}

#[derive(Deserialize)]
struct UserDataTimestamp {
    as_of_time: DateTime<Utc>,
}

fn time_of_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| serde::de::Error::custom(format!("expected a time such as 05:00, found `{text}`")))
}

impl KalshiClient {
    /// The exchange's status with that of each shard. Cancellation-safe: it only reads.
    ///
    /// In an outage the same body comes with 503 or 504: that is an answer, not a failure, and is not asked for again.
    ///
    /// # Errors
    /// [`FeedError`] when no answer comes, or one without the two flags.
    pub async fn exchange_report(&self) -> Result<ExchangeReport, FeedError> {
        let tells = |answer: &Answer| decode::<ExchangeReport>("$", &answer.body).is_ok();
        let answer = self
            .get_answer(Read::public(&["exchange", "status"], &[]), &tells)
            .await?;
        if answer.is_success() || tells(&answer) {
            decode("$", &answer.body)
        } else {
            Err(VenueError::read(answer.status, &answer.body).into_feed_error())
        }
    }

    /// The exchange's hours. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn exchange_schedule(&self) -> Result<ExchangeSchedule, FeedError> {
        let question = Question::public(&["exchange", "schedule"]);
        self.read(&question)
            .await
            .map(|ScheduleAnswer { schedule }| schedule)
    }

    /// Until when reads of balance, orders, fills and positions know everything. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn user_data_timestamp(&self) -> Result<DateTime<Utc>, FeedError> {
        let question = Question::public(&["exchange", "user_data_timestamp"]);
        self.read(&question)
            .await
            .map(|UserDataTimestamp { as_of_time }| as_of_time)
    }
}
