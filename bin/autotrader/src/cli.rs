//! The command line.

mod backtest;
mod calibrate;
mod export;
mod map;
mod price;
mod record;
mod why;

use std::net::SocketAddr;
use std::path::PathBuf;

use autotrader_domain::{ClientOrderId, ExecutionMode, FeeRounding};
use autotrader_simulator::faults::{FaultSpec, SpecError};
use autotrader_simulator::server::Tier;
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use backtest::{BacktestArgs, Trader};
pub use calibrate::CalibrateArgs;
pub use export::{ExportArgs, ExportCommand};
pub use map::{
    DecisionArgs, MapAction, MapApproveArgs, MapArgs, MapRejectArgs, MapRulesAction, MapRulesApproveArgs,
    MapRulesArgs, MapRulesRevokeArgs,
};
pub use price::{FairValueArgs, ParamsArgs, RulesArgs};
pub use record::{JournalArgs, JournalCommand, ReplayArgs, ReportArgs};
pub use why::{Since, WhyArgs};

/// Trades the exchange's AI-leaderboard contracts.
#[derive(Debug, Parser)]
#[command(name = "autotrader", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job: watch, decide, trade; paper unless configured otherwise.
    Run(RunArgs),
    /// The main job against a stand-in exchange and leaderboard, in virtual time; no keys, no network.
    Demo(DemoArgs),
    /// Serve the stand-in exchange and leaderboard on one loopback port.
    Simulate(SimulateArgs),
    /// Check the configuration and print what is in force.
    ValidateConfig(ConfigArgs),
    /// Create or migrate the database.
    #[command(alias = "init-db-cmd")]
    InitDb(InitDbArgs),
    /// The fee of an order.
    CalcFee(CalcFeeArgs),
    /// Read one leaderboard page through the gate.
    Board(FileArgs),
    /// Who wins on one leaderboard page, step by step.
    Resolve(ResolveArgs),
    /// What changed between two leaderboard pages.
    Diff(DiffArgs),
    /// What each model and organisation is worth at a check, by one leaderboard page; or a case of given candidates and rates.
    FairValue(FairValueArgs),
    /// Books that contradict each other: sums of bids, and companies against their models. Shown, not traded.
    Coherence(LookArgs),
    /// How good each estimator would have been on a series of historical boards.
    Calibrate(CalibrateArgs),
    /// Run the core over a series of boards, in a market of a named kind, and print what it earns with its interval.
    Backtest(BacktestArgs),
    /// Write what was recorded in the formats that `calibrate` and `fair-value` read.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Segments, checks and steps of a journal.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Run the same core on what a journal recorded, and compare effects and hash chain.
    Replay(ReplayArgs),
    /// What a recorded period brought, paper or live: equity, fills, edge, calibration, what guards were worth.
    Report(ReportArgs),
    /// What each contract pays on, and whether it may be traded; what waits for a person, and what a person decides.
    Map(MapArgs),
    /// Why a contract was traded, or why not; with `--counterfactual` what each reason against entries saved or cost.
    Why(WhyArgs),
    /// State, cash, positions and feeds at a glance.
    Status(LookArgs),
    /// The profit in every state of the world, the worst one marked, and what each open order changes.
    Scenario(ScenarioArgs),
    /// Positions with cost and profit.
    Positions(LookArgs),
    /// Orders, newest first.
    Orders(ListArgs),
    /// Executions, newest first.
    Fills(ListArgs),
    /// Leaderboard changes, newest first.
    Signals(ListArgs),
    /// Profit and loss by New York day.
    Pnl(PnlArgs),
    /// Cancel our orders and place nothing.
    Halt(ReasonArgs),
    /// Reduce only.
    Reduce(ReasonArgs),
    /// Release one cause that restricts trading, by its code (see `status`).
    Resume(ResumeArgs),
    /// Halt, and close every position with reduce-only orders.
    Flatten(FlattenArgs),
    /// Cancel our open orders; with `--account` every order of the account, ours or not.
    CancelAll(CancelAllArgs),
    /// Hold our books against the exchange's.
    Reconcile(ReconcileArgs),
    /// Find out what became of an order with an unknown outcome.
    ResolveUnknown(ResolveUnknownArgs),
    /// Everything about one order or fill on one timeline: board, decision, bytes, answers, fills, settlement.
    Incident(IncidentArgs),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigPlace {
    /// Directory of the configuration [default: config, or the built-in defaults without one].
    #[arg(long)]
    pub config_dir: Option<PathBuf>,
    /// Paper or live; wins over every other place.
    #[arg(long, value_enum)]
    pub execution_mode: Option<ModeArg>,
}

/// Where the configuration is, and how to print.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `init-db`.
#[derive(Debug, Clone, Args)]
pub struct InitDbArgs {
    /// Where the configuration is, and how to print.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Give the live database of this key to the configured one: another key of the same account.
    #[arg(long, value_name = "OLD_KEY_ID")]
    pub adopt_key: Option<String>,
}

/// Paper or live, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Orders are simulated on the exchange's books.
    Paper,
    /// Orders are sent.
    Live,
}

impl From<ModeArg> for ExecutionMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Paper => Self::Paper,
            ModeArg::Live => Self::Live,
        }
    }
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigPlace,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Seed of the invented world.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Virtual days.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub days: u32,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Write readings, decisions, orders, fills, journal and the exchange's raw log as NDJSON into this directory.
    #[arg(long)]
    pub export: Option<PathBuf>,
    /// Write a journal into this directory, for `journal` and `replay`.
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// How entries are made.
    #[arg(long, value_enum, default_value_t = EntryStyleArg::Take)]
    pub entry_style: EntryStyleArg,
    /// Change the score of one row of every board: `ROW:POINTS`, rows counted from 1.
    #[arg(long, value_parser = parse_tweak, allow_hyphen_values = true)]
    pub tweak_row: Option<(usize, f64)>,
    /// What goes wrong, written as for `simulate`; it ends two hours before the demo does. Virtual time has no stream, so
    /// faults of the stream never happen. Waits of a fault (latency, timeouts) pass in real time.
    #[arg(long, value_parser = parse_faults)]
    pub faults: Option<FaultSpec>,
    /// Seed of the faults: equal seeds and equal requests meet equal faults.
    #[arg(long, default_value_t = 7)]
    pub fault_seed: u64,
    /// Every three days: a halt, a reduce, a flatten, a cancel of all orders, a pause of the exchange and one of trading; an
    /// operator who resumes what stands after two hours; and the exchange's weekly maintenance.
    #[arg(long)]
    pub drill: bool,
    /// Another configuration value than the demo's: `SECTION.KEY=VALUE`, such as `risk.per_strategy.leaderboard_alpha.max_order_contracts=5`.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    pub settings: Vec<(String, String)>,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!(
            "`{text}` is not SECTION.KEY=VALUE such as kalshi.max_retries=2"
        )),
    }
}

/// How entries are made in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EntryStyleArg {
    /// What is on the book is taken, or nothing is done.
    Take,
    /// What is not worth taking rests, and waits to be taken.
    Rest,
}

fn parse_tweak(text: &str) -> Result<(usize, f64), String> {
    let error = || format!("`{text}` is not ROW:POINTS such as 40:0.01");
    let (row, points) = text.split_once(':').ok_or_else(error)?;
    let row: usize = row.parse().map_err(|_| error())?;
    let points: f64 = points.parse().map_err(|_| error())?;
    if row == 0 || !points.is_finite() {
        Err(error())
    } else {
        Ok((row, points))
    }
}

/// Arguments of `simulate`.
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Loopback address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Seed of the invented world.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Directory that receives the keys: `key_id` and `private_key.pem`, and the others that the ready line names.
    #[arg(long)]
    pub key_dir: PathBuf,
    /// Which key the ready line names as `key_id` and `private_key_path`; both are always accepted.
    #[arg(long, value_enum, default_value_t = KeyTypeArg::Rsa)]
    pub key_type: KeyTypeArg,
    /// How fast an account may ask: basic, advanced, expert, premier, paragon, prime, prestige or unlimited.
    #[arg(long, default_value = "unlimited", value_parser = parse_tier)]
    pub tier: Tier,
    /// Write every request, answer, fault, trade and ledger entry into this file, one JSON object a line.
    #[arg(long)]
    pub log: Option<PathBuf>,
    /// What goes wrong: `KIND=RATE[:AMOUNT][@SCOPE]`, separated by commas, the rate per ten thousand, such as
    /// `ws_drop=50,latency=100:250ms@reads`; `all` for every kind at its usual rate.
    #[arg(long, value_parser = parse_faults)]
    pub faults: Option<FaultSpec>,
    /// Seed of the faults: equal seeds and equal requests meet equal faults.
    #[arg(long, default_value_t = 7)]
    pub fault_seed: u64,
    /// Open the admin endpoint: faults on demand, pauses, results, and the truth to compare with. The ready line then has
    /// `admin_url` and `admin_token_path`.
    #[arg(long)]
    pub admin: bool,
}

fn parse_tier(text: &str) -> Result<Tier, String> {
    Tier::named(text).ok_or_else(|| {
        let names: Vec<&str> = Tier::ALL.iter().map(|tier| tier.name).collect();
        format!("`{text}` is not a tier; the tiers are {}", names.join(", "))
    })
}

fn parse_faults(text: &str) -> Result<FaultSpec, String> {
    text.parse().map_err(|error: SpecError| error.to_string())
}

/// A kind of key, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyTypeArg {
    /// RSA with PSS.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// How a fee is rounded, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoundingArg {
    /// Up to the next cent.
    Cent,
    /// Up to the next $0.0001.
    Direct,
}

impl From<RoundingArg> for FeeRounding {
    fn from(rounding: RoundingArg) -> Self {
        match rounding {
            RoundingArg::Cent => Self::Cent,
            RoundingArg::Direct => Self::Direct,
        }
    }
}

/// Arguments of `calc-fee`.
#[derive(Debug, Clone, Args)]
pub struct CalcFeeArgs {
    /// Price in cents, such as 50 or 62.5.
    #[arg(allow_negative_numbers = true)]
    pub price_cents: String,
    /// Number of contracts, such as 10 or 0.5.
    #[arg(allow_negative_numbers = true)]
    pub count: String,
    /// The order rests and is taken, on a series that charges makers.
    #[arg(long)]
    pub maker: bool,
    /// The series' fee multiplier.
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    pub multiplier: String,
    /// How the fee is rounded.
    #[arg(long, value_enum, default_value_t = RoundingArg::Cent)]
    pub rounding: RoundingArg,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// One leaderboard file.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// A page, stream, JSON or CSV file, plain or gzip; `-` for standard input.
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `resolve`.
#[derive(Debug, Clone, Args)]
pub struct ResolveArgs {
    /// The file.
    #[command(flatten)]
    pub file: FileArgs,
    /// By which rules.
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The earlier page.
    pub old: PathBuf,
    /// The later page.
    pub new: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of commands that look.
#[derive(Debug, Clone, Args)]
pub struct LookArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// What profit is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PnlBy {
    /// The New York day.
    Day,
    /// The strategy; fills of orders that are not ours are `external`.
    Strategy,
    /// The series.
    Series,
}

/// Arguments of `pnl`.
#[derive(Debug, Clone, Args)]
pub struct PnlArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What it is counted by.
    #[arg(long, value_enum, default_value = "day")]
    pub by: PnlBy,
    /// Only the last so many days on which something happened.
    #[arg(long)]
    pub days: Option<u32>,
    /// Comma-separated values instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// Arguments of commands that list.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// At most this many.
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
}

/// Arguments of `scenario`.
#[derive(Debug, Clone, Args)]
pub struct ScenarioArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Only the check at this time, such as 2026-12-04T15:00:00Z, or on this day in New York, such as 2026-12-04.
    #[arg(long, value_name = "TIME", value_parser = parse_check)]
    pub at_check: Option<CheckArg>,
}

/// Which check: by its time, or by its day in New York.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckArg {
    /// Its time.
    At(DateTime<Utc>),
    /// Its day in New York.
    On(NaiveDate),
}

fn parse_check(text: &str) -> Result<CheckArg, String> {
    let time = DateTime::parse_from_rfc3339(text).map(|at| CheckArg::At(at.with_timezone(&Utc)));
    time.or_else(|_| text.parse().map(CheckArg::On)).map_err(|_| {
        format!("`{text}` is not a time such as 2026-12-04T15:00:00Z or a day such as 2026-12-04")
    })
}

/// Arguments of `halt` and `reduce`.
#[derive(Debug, Clone, Args)]
pub struct ReasonArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Why, in your words.
    #[arg(long, default_value = "asked for on the command line")]
    pub reason: String,
}

/// How long a command of an operator is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// Wait at most so many seconds for the command to be confirmed [default: 20; flatten: 180; reconcile: 60].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub wait: Option<u64>,
}

/// Arguments of `flatten`.
#[derive(Debug, Clone, Args)]
pub struct FlattenArgs {
    /// Reason, and where the configuration is.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Yes, close everything at the prices that the books show.
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `cancel-all`.
#[derive(Debug, Clone, Args)]
pub struct CancelAllArgs {
    /// Reason, and where the configuration is.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Every order of the account, whoever placed it; nothing is placed for 90 seconds afterwards.
    #[arg(long)]
    pub account: bool,
}

/// Arguments of `reconcile`.
#[derive(Debug, Clone, Args)]
pub struct ReconcileArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Say of every item what was compared, differences first.
    #[arg(long)]
    pub explain: bool,
}

/// Arguments of `resolve-unknown`.
#[derive(Debug, Clone, Args)]
pub struct ResolveUnknownArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The order, by our id (see `orders`).
    pub id: ClientOrderId,
    /// Send the stored bytes once more under the same id, which the exchange takes at most once.
    #[arg(long)]
    pub resend: bool,
}

/// Arguments of `incident`.
#[derive(Debug, Clone, Args)]
pub struct IncidentArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Our order id, the exchange's, or the id of a fill.
    pub id: String,
}

/// Arguments of `resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// The cause to release, such as `operator_halt`.
    pub cause: String,
}
