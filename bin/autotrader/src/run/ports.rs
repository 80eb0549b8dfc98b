//! The concrete edges of one process, behind their ports.

use std::path::PathBuf;
use std::sync::Arc;

use autotrader_domain::SeriesTicker;
use autotrader_domain::ports::{
    AccountSource, Clock, Control, LeaderboardSource, Ledger, MarketData, Notifier,
};
use autotrader_execution::Executor;
use autotrader_execution::paper::PaperGateway;

/// Everything the run loop reaches the outside through.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) source: Arc<dyn LeaderboardSource>,
    pub(crate) market_data: Arc<dyn MarketData>,
    pub(crate) executor: Arc<Executor>,
    /// The account's side of the venue: read back to confirm what an operator asked for.
    pub(crate) account: Arc<dyn AccountSource>,
    /// Where the run loop's own alerts go.
    pub(crate) notifier: Arc<dyn Notifier>,
    /// The paper venue, when orders are simulated: it must see the books too.
    pub(crate) paper: Option<Arc<PaperGateway>>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) control: Arc<dyn Control>,
    pub(crate) series: Vec<SeriesTicker>,
    /// While this file exists nothing is placed.
    pub(crate) halt_file: PathBuf,
}
