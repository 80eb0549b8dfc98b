//! Series of events and their fee terms.

use autotrader_domain::ports::FeedError;
use autotrader_domain::{Contracts, FeeSchedule, FeeType, SeriesTicker};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::KalshiClient;
use crate::parse::decode::schema;
use crate::question::Question;
use crate::wire::fees::multiplier;
use crate::wire::present;

/// One series, as the exchange lists it. Source: `Series` of the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Series {
    /// The series.
    pub ticker: SeriesTicker,
    /// How often it has an event, such as `weekly`.
    pub frequency: String,
    /// What it asks.
    pub title: String,
    /// Its main category.
    pub category: String,
    /// All its categories; `None` where the exchange does not send them yet.
    #[serde(default)]
    pub categories: Option<Vec<String>>,
    /// Its subjects; `None` when it has none.
    #[serde(deserialize_with = "present")]
    pub tags: Option<Vec<String>>,
    /// What it settles by; `None` when none is named.
    #[serde(deserialize_with = "present")]
    pub settlement_sources: Option<Vec<SettlementSource>>,
    /// The filed certification.
    pub contract_url: String,
    /// The contract's terms.
    pub contract_terms_url: String,
    /// How it charges, in the exchange's word.
    pub fee_type: String,
    /// The fee multiplier in millionths (1 000 000 = 1).
    #[serde(rename = "fee_multiplier", deserialize_with = "multiplier")]
    pub fee_multiplier_millionths: u32,
    /// Who else may not trade it; `None` when nobody is named.
    #[serde(deserialize_with = "present")]
    pub additional_prohibitions: Option<Vec<String>>,
    /// Contracts traded over all its markets; only when asked for.
    #[serde(default)]
    pub volume_fp: Option<Contracts>,
    /// When its description last changed.
    #[serde(default)]
    pub last_updated_ts: Option<DateTime<Utc>>,
    /// The shard of its markets.
    #[serde(default)]
    pub exchange_index: Option<i32>,
}

impl Series {
    /// Its fee terms; a type this version cannot price is [`FeeType::Unsupported`].
    #[must_use]
    pub fn fees(&self) -> FeeSchedule {
        fee_schedule(&self.fee_type, self.fee_multiplier_millionths)
    }
}

/// Where a settlement is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SettlementSource {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its address.
    #[serde(default)]
    pub url: Option<String>,
}

/// Which series to list. The default lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeriesQuery {
    /// Only this category.
    pub category: Option<String>,
    /// Only these subjects, comma-separated.
    pub tags: Option<String>,
    /// Only those whose description changed after this.
    pub updated_since: Option<DateTime<Utc>>,
    /// With the volume of each.
    pub with_volume: bool,
}

/// Which changes of fee terms to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeChanges {
    /// Those to come.
    ToCome,
    /// Those of the past too.
    All,
}

/// A change of a series' fee terms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeriesFeeChange {
    /// The change's id.
    pub id: String,
    /// The series.
    pub series_ticker: SeriesTicker,
    /// How it will charge, in the exchange's word.
    pub fee_type: String,
    /// The fee multiplier in millionths (1 000 000 = 1).
    #[serde(rename = "fee_multiplier", deserialize_with = "multiplier")]
    pub fee_multiplier_millionths: u32,
    /// When it takes effect.
    pub scheduled_ts: DateTime<Utc>,
}

impl SeriesFeeChange {
    /// The terms that will hold; a type this version cannot price is [`FeeType::Unsupported`].
    #[must_use]
    pub fn fees(&self) -> FeeSchedule {
        fee_schedule(&self.fee_type, self.fee_multiplier_millionths)
    }
}

/// Fee terms from the exchange's word and multiplier.
pub(crate) fn fee_schedule(fee_type: &str, multiplier_millionths: u32) -> FeeSchedule {
    FeeSchedule {
        fee_type: match fee_type {
            "quadratic" => FeeType::Quadratic,
            "quadratic_with_maker_fees" => FeeType::QuadraticWithMakerFees,
            // `flat`, `quadratic_with_combo_maker_fees` and whatever comes: not priced, so not traded.
            _ => FeeType::Unsupported,
        },
        multiplier_millionths,
    }
}

#[derive(Deserialize)]
struct SeriesAnswer {
    series: Series,
}

#[derive(Deserialize)]
struct SeriesList {
    series: Vec<Series>,
}

#[derive(Deserialize)]
struct SeriesFeeChanges {
    series_fee_change_arr: Vec<SeriesFeeChange>,
}

impl KalshiClient {
    /// One series, with its volume. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes, or one about another series.
    pub async fn series(&self, ticker: &SeriesTicker) -> Result<Series, FeedError> {
        let question = Question::public(&["series", ticker.as_str()]).flag("include_volume", true);
        let SeriesAnswer { series } = self.read(&question).await?;
        if series.ticker == *ticker {
            Ok(series)
        } else {
            let words = format!("asked for {ticker}, answered {}", series.ticker);
            Err(schema("$.series.ticker", &words))
        }
    }

    /// Every series that fits, in one answer. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes; all series are about 12 000, and an answer beyond the body cap fails.
    pub async fn list_series(&self, query: &SeriesQuery) -> Result<Vec<Series>, FeedError> {
        let question = Question::public(&["series"])
            .maybe("category", query.category.as_ref())
            .maybe("tags", query.tags.as_ref())
            .maybe("min_updated_ts", query.updated_since.map(|at| at.timestamp()))
            .flag("include_volume", query.with_volume);
        self.read(&question).await.map(|SeriesList { series }| series)
    }

    /// Changes of fee terms, of one series or of all. Cancellation-safe: it only reads.
    ///
    /// # Errors
    /// [`FeedError`] when no readable answer comes.
    pub async fn series_fee_changes(
        &self,
        series: Option<&SeriesTicker>,
        which: FeeChanges,
    ) -> Result<Vec<SeriesFeeChange>, FeedError> {
        let question = Question::public(&["series", "fee_changes"])
            .maybe("series_ticker", series)
            .flag("show_historical", which == FeeChanges::All);
        let answer: SeriesFeeChanges = self.read(&question).await?;
        Ok(answer.series_fee_change_arr)
    }
}
