//! The sections, as validated at load.

use std::collections::BTreeMap;
use std::fmt;

use autotrader_domain::{Environment, ExecutionMode};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{BoardWalk, Dollars};

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The exchange.
    pub kalshi: Kalshi,
    /// The database.
    pub database: Database,
    /// Alerts.
    pub discord: Discord,
    /// Logs.
    pub logging: Logging,
    /// Limits.
    pub risk: Risk,
    /// The journal.
    pub journal: Journal,
    /// The leaderboard.
    pub arena_monitor: ArenaMonitor,
    /// The strategy.
    pub leaderboard_alpha: LeaderboardAlpha,
}

impl Config {
    /// The whole configuration as data, without secrets and without the place of the key: enough to run the same core on
    /// what was recorded.
    ///
    /// # Errors
    /// The serialiser's; plain data, so none is expected.
    pub fn without_secrets(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut public = self.clone();
        public.kalshi.private_key_path.clear();
        serde_json::to_value(public)
    }
}

/// A secret is written as if it were not set.
fn hidden<S: Serializer>(_: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("")
}

/// The exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kalshi {
    /// Which exchange environment.
    pub environment: Environment,
    /// Paper or live.
    pub execution_mode: ExecutionMode,
    /// Whether orders are meant to reach the exchange: live execution beyond this machine needs it.
    pub live_confirmed: bool,
    /// Id of the API key; empty without one.
    pub api_key_id: String,
    /// Path of the private key; empty without one.
    pub private_key_path: String,
    /// Address of the REST interface; empty for the environment's own.
    pub base_url: String,
    /// Address of the WebSocket; empty for the one that belongs to the REST address.
    pub websocket_url: String,
    /// Whether books are streamed when there is a key; without one they are polled.
    pub websocket_enabled: bool,
    /// Time limit of one request, in seconds.
    pub request_timeout_seconds: u64,
    /// Attempts of a read.
    pub max_retries: u32,
    /// Orders sent at the same time, and as many cancels beside them.
    pub max_concurrent_orders: u32,
    /// Largest age of a signature kept ready for the next create, in seconds; 0 signs each when it is sent.
    pub ready_signature_seconds: u64,
    /// Contracts that resting orders may have filled within fifteen seconds before the exchange cancels them all; 0 for no
    /// order group.
    pub order_group_contracts: u32,
    /// Seconds between two readings of the books.
    pub book_poll_seconds: u64,
    /// Seconds between two searches for markets.
    pub market_refresh_seconds: u64,
    /// The paper bankroll.
    pub paper_balance: Dollars,
    /// How long a paper order takes to reach the book, in milliseconds.
    pub paper_latency_milliseconds: u64,
}

impl Kalshi {
    /// The address in force: the configured one, or the environment's own.
    ///
    /// Source of the two addresses: the exchange's documentation of its environments.
    #[must_use]
    pub fn effective_base_url(&self) -> &str {
        match (self.base_url.as_str(), self.environment) {
            ("", Environment::Production) => "https://api.elections.kalshi.com/trade-api/v2",
            ("", Environment::Demo) => "https://demo-api.kalshi.co/trade-api/v2",
            (configured, _) => configured,
        }
    }

    /// The WebSocket's address in force: the configured one, or on the host of the REST address.
    ///
    /// Source: the exchange's documentation of its environments, where both are on one host under `/trade-api/v2` and
    /// `/trade-api/ws/v2`; only its `external-api` hosts differ by a `-ws`.
    #[must_use]
    pub fn effective_websocket_url(&self) -> String {
        if !self.websocket_url.is_empty() {
            return self.websocket_url.clone();
        }
        let base = self.effective_base_url().trim_end_matches('/');
        let root = base.strip_suffix("/trade-api/v2").unwrap_or(base);
        let streamed = root
            .replacen("http", "ws", 1)
            .replacen("://external-api.", "://external-api-ws.", 1);
        format!("{streamed}/trade-api/ws/v2")
    }

    /// Whether a key is configured.
    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.api_key_id.is_empty() && !self.private_key_path.is_empty()
    }
}

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///relative.db` or `sqlite:////absolute.db`.
    pub url: String,
}

/// The journal of every step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Whether `run` writes one.
    pub enabled: bool,
    /// The directory; empty for the one beside the database.
    pub directory: String,
    /// A segment is finished when it holds so many megabytes of text, and at the end of a UTC day.
    pub max_segment_mb: u32,
    /// Finished segments are removed after so many days.
    pub retention_days: u32,
}

/// Alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    /// Whether alerts are sent.
    pub enabled: bool,
    /// The webhook's address; a secret.
    #[serde(serialize_with = "hidden")]
    pub webhook_url: SecretString,
    /// Whether executions are told.
    pub alert_on_trades: bool,
    /// Whether signals are told.
    pub alert_on_signals: bool,
    /// Whether errors and restrictions are told.
    pub alert_on_errors: bool,
    /// Executions that cost at least this much are told as large.
    pub large_trade_threshold: Dollars,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And the course of events.
    Info,
    /// And details.
    Debug,
    /// Everything.
    Trace,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    /// Reads a level in any case.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(serde::de::Error::custom(format!(
                "`{text}` is not one of error, warn, info, debug, trace"
            ))),
        }
    }
}

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// How much is logged.
    pub level: LogLevel,
    /// JSON lines, or lines for people.
    pub json_output: bool,
}

/// Limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// Why live execution beyond this machine may go without a passing checklist; empty when it may not.
    pub live_override: String,
    /// Limits of the account.
    pub global: GlobalRisk,
    /// Limits of each strategy.
    pub per_strategy: PerStrategy,
}

/// Limits of the account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalRisk {
    /// Cost at stake against equity, as a share.
    pub max_portfolio_exposure_pct: f64,
    /// Loss of one New York day against the opening balance, as a share.
    pub max_daily_loss_pct: f64,
    /// Whether to start halted.
    pub kill_switch_enabled: bool,
    /// The file that halts trading while it exists.
    pub halt_file: String,
    /// Seconds between two reconciliations.
    pub reconciliation_interval_seconds: u64,
}

/// Limits of each strategy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerStrategy {
    /// Limits of the leaderboard strategy.
    pub leaderboard_alpha: StrategyRisk,
}

/// How contracts of one event are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventMode {
    /// The sum of all sizes.
    Gross,
    /// The size of the sum.
    Net,
}

/// Limits of one strategy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRisk {
    /// Largest single order, in contracts.
    pub max_order_contracts: u32,
    /// Largest position in one contract.
    pub max_position_per_contract: u32,
    /// Largest position in one event.
    pub max_position_per_event: u32,
    /// How the event's position is counted.
    pub event_exposure_mode: EventMode,
    /// Loss since the first start.
    pub max_strategy_loss: Dollars,
    /// Fall from the highest equity.
    pub max_drawdown: Dollars,
    /// Loss of the worst state of one check.
    pub max_worst_state_loss: Dollars,
    /// Cost at stake on one lab.
    pub max_lab_exposure: Dollars,
    /// Most orders in any minute.
    pub max_orders_per_minute: u32,
    /// How far beyond the best price a limit may lie.
    pub price_collar_cents: u32,
}

/// The leaderboard.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArenaMonitor {
    /// The page.
    pub primary_url: String,
    /// Where to ask when it does not answer.
    pub fallback_urls: Vec<String>,
    /// Seconds from the start of one poll to the start of the next.
    pub poll_interval_seconds: u64,
    /// Most seconds that a poll starts later than that.
    pub poll_jitter_seconds: u64,
    /// Time limit of one fetch.
    pub request_timeout_seconds: u64,
    /// Failures in a row before the operator is told.
    pub max_consecutive_failures: u32,
    /// Fewer rows than this are refused.
    pub min_rows: u32,
    /// Rank changes below this rank are no signal.
    pub signal_rank_cutoff: i64,
    /// Score changes below this many points are no signal.
    pub score_shift_threshold: f64,
    /// Readings that confirm a held board.
    pub confirm_readings: u32,
    /// Seconds that they must be apart.
    pub confirm_seconds: u64,
    /// Readings that make an older board a rollback.
    pub rollback_readings: u32,
    /// Minutes over which they must come.
    pub rollback_minutes: u64,
}

/// A tie-break text bound to a rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovedRules {
    /// The series.
    pub series: String,
    /// The text of `rules_secondary`.
    pub text: String,
    /// The rule set by name.
    pub rule_set: String,
}

/// How entries are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryStyle {
    /// What is on the book is taken, or nothing is done.
    Take,
    /// What is not worth taking rests, and waits to be taken.
    Rest,
}

/// The strategy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderboardAlpha {
    /// The series that are traded.
    pub target_series: Vec<String>,
    /// Which estimator prices contracts.
    pub estimator: String,
    /// The parameters of the board walk.
    pub board_walk: BoardWalk,
    /// Smallest edge after fees, in cents per contract.
    pub min_edge_after_fees_cents: u32,
    /// Weight of the model against the market at rest.
    pub model_weight: f64,
    /// Weight right after a newer board.
    pub news_weight: f64,
    /// Minutes after which half of the extra weight is gone.
    pub news_half_life_minutes: f64,
    /// Minutes for which a newer board counts as fresh.
    pub news_fresh_minutes: f64,
    /// Weight of `persistence` in the model's value of an organisation.
    pub organization_persistence: f64,
    /// Cents added to the smallest edge for every input that is missing: votes at the top, a board within a mean refresh.
    pub missing_input_penalty_cents: u32,
    /// Above this probability that no refresh comes before the check, nothing is added to a position on the leader.
    pub max_no_refresh: f64,
    /// Share of the growth-optimal size.
    pub kelly_fraction: f64,
    /// Widest spread that is entered.
    pub max_spread_cents: u32,
    /// Largest difference between model and market.
    pub max_model_market_gap_cents: u32,
    /// Above this market price NO needs fresh news, in dollars.
    pub favourite_price: f64,
    /// The least plausible sum of an event's mids, in dollars.
    pub min_mid_sum: f64,
    /// The greatest plausible sum of an event's mids, in dollars.
    pub max_mid_sum: f64,
    /// A gap at the top below this many points is too small to call …
    pub ambiguous_gap_points: f64,
    /// … from this many hours before the check on.
    pub ambiguous_within_hours: f64,
    /// What a preliminary score takes off the probability, as a share.
    pub preliminary_model_discount: f64,
    /// How entries are made.
    pub entry_style: EntryStyle,
    /// Minutes after which the exchange removes a resting order by itself; it is renewed before.
    pub order_lifetime_minutes: u32,
    /// Cents that the wanted limit of a resting order must move before it is repriced.
    pub reprice_step_cents: u32,
    /// Minutes before the check without entries.
    pub entry_cutoff_minutes: u32,
    /// Minutes before the check without resting orders.
    pub cancel_cutoff_minutes: u32,
    /// Oldest feed that is entered on.
    pub max_feed_age_seconds: u64,
    /// Oldest board stamp that is entered on.
    pub max_board_age_days: u64,
    /// Oldest book that is entered on.
    pub max_book_age_seconds: u64,
    /// Likeness from which names are suggested.
    pub fuzzy_match_threshold: f64,
    /// Ticker to model name.
    pub model_ticker_overrides: BTreeMap<String, String>,
    /// Ticker to company.
    pub org_ticker_overrides: BTreeMap<String, String>,
    /// Model on the exchange to model on the board.
    pub model_aliases: BTreeMap<String, String>,
    /// Company in the rules to company on the board.
    pub org_aliases: BTreeMap<String, String>,
    /// Tie-break texts approved by the operator.
    pub approved_rules: Vec<ApprovedRules>,
}
