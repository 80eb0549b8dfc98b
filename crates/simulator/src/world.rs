//! The world: script, exchange, participants and site moved by one clock.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::Arc;

use autotrader_domain::{EventTicker, Money, Ticker};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::exchange::{AccountId, AccountKind, Exchange};
use crate::liquidity::{Liquidity, next_round};
use crate::listings::{list_contract, list_series};
use crate::scenario::{ListedContract, PublicClaim, Scenario, Shown, WorldOptions};
use crate::site::{SiteBoard, block_page, board_page, winner};
use crate::{Faults, PageResponse, SimulatedWorld};

/// The page that the contracts settle on.
pub(crate) const SETTLING_PATH: &str = "/leaderboard/text/overall-no-style-control";

/// Cash of the account under test at the start.
const OPENING_CASH: Money = Money::dollars(2_500);

/// How many rendered pages are kept; the page under test is nearly always the same one.
const PAGES_KEPT: usize = 4;

/// How long after the check an event is decided.
const DECIDED_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A rendered page of one board and one deployment of the site.
#[derive(Debug, Clone)]
struct Rendered {
    board: Arc<SiteBoard>,
    build: String,
    body: Bytes,
    gzip: Option<Bytes>,
}

/// A world.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    exchange: Exchange,
    liquidity: Liquidity,
    trader: AccountId,
    now: DateTime<Utc>,
    next_quotes: DateTime<Utc>,
    /// Contracts that are listed later, soonest first.
    unlisted: VecDeque<ListedContract>,
    /// Events that are not decided yet, soonest first.
    undecided: VecDeque<(DateTime<Utc>, EventTicker)>,
    pages: Vec<Rendered>,
}

impl World {
    /// A world that plays days of virtual time.
    #[must_use]
    pub fn demo(options: &WorldOptions) -> Self {
        Self::new(Scenario::demo(options), options)
    }

    /// A world that plays in wall time, with a new leader within seconds.
    #[must_use]
    pub fn live(options: &WorldOptions) -> Self {
        Self::new(Scenario::live(options), options)
    }

    fn new(scenario: Scenario, options: &WorldOptions) -> Self {
        let mut exchange = Exchange::new(options.seed, options.start);
        list_series(&mut exchange, options.start);
        let trader = exchange.open_account("trader", AccountKind::Member, OPENING_CASH, options.start);
        let liquidity = Liquidity::open(&mut exchange, options.seed, options.start);
        let mut unlisted = scenario.contracts().to_vec();
        unlisted.sort_by_key(|contract| contract.listed_at);
        let mut undecided: Vec<(DateTime<Utc>, EventTicker)> = scenario
            .contracts()
            .iter()
            .map(|contract| (contract.check, contract.event.clone()))
            .collect();
        undecided.sort();
        undecided.dedup();
        let mut world = Self {
            next_quotes: options.start,
            now: options.start,
            scenario,
            exchange,
            liquidity,
            trader,
            unlisted: unlisted.into(),
            undecided: undecided.into(),
            pages: Vec::new(),
        };
        world.advance(options.start);
        world
    }

    /// Keeps the exchange's weekly maintenance from now on: trading pauses every Thursday from 03:00 to 05:00 in New York.
    ///
    /// A world does without unless asked, for one that plays in wall time would stand still when a Thursday's tests run.
    pub fn keep_weekly_maintenance(&mut self) {
        self.exchange.keep_weekly_maintenance(self.now);
    }

    /// The account under test.
    #[must_use]
    pub const fn trader(&self) -> AccountId {
        self.trader
    }

    /// The exchange, to look at.
    #[must_use]
    pub const fn exchange_view(&self) -> &Exchange {
        &self.exchange
    }

    /// The script.
    #[must_use]
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Does everything due up to `at`, each thing at its own time, so that the steps in which time passes do not matter.
    fn advance(&mut self, at: DateTime<Utc>) {
        while let Some(due) = self.next_due().filter(|due| *due <= at) {
            self.scenario.extend_to(due);
            self.exchange.advance(due);
            self.list_due(due);
            self.determine_due(due);
            if self.next_quotes == due {
                self.liquidity.act(&mut self.exchange, &self.scenario, due);
                self.next_quotes = next_round(due, self.scenario.quote_every());
            }
        }
        if at > self.now {
            self.scenario.extend_to(at);
            self.exchange.advance(at);
            self.now = at;
        }
    }

    fn next_due(&self) -> Option<DateTime<Utc>> {
        let listing = self.unlisted.front().map(|contract| contract.listed_at);
        let check = self.undecided.front().map(|(check, _)| *check + DECIDED_AFTER);
        [listing, check, Some(self.next_quotes)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lists the contracts whose time has come.
    fn list_due(&mut self, due: DateTime<Utc>) {
        while let Some(contract) = self.unlisted.pop_front_if(|contract| contract.listed_at <= due) {
            list_contract(&mut self.exchange, &contract, due);
        }
    }

    /// Decides the events whose check has passed, by what the page showed at the check.
    fn determine_due(&mut self, due: DateTime<Utc>) {
        while let Some((check, event)) = self
            .undecided
            .pop_front_if(|(check, _)| *check + DECIDED_AFTER <= due)
        {
            let Some(board) = self.scenario.public_board(check).cloned() else {
                continue;
            };
            let won = winner(&board);
            let pays = |contract: &&ListedContract| {
                contract.event == event
                    && won.is_some_and(|winner| match &contract.claim {
                        PublicClaim::Model(name) => *winner.model.name == **name,
                        PublicClaim::Lab(lab) => *winner.model.organization == **lab,
                    })
            };
            let ticker: Option<Ticker> = self
                .scenario
                .contracts()
                .iter()
                .find(pays)
                .map(|contract| contract.ticker.clone());
            // A market that is decided already stays as it is; the script decides each event once.
            let _ = self.exchange.determine_event(&event, ticker.as_ref(), due);
        }
    }

    /// The page of a board at a moment, rendered and compressed once.
    fn rendered(&mut self, board: &Arc<SiteBoard>, at: DateTime<Utc>) -> Rendered {
        let build = self.scenario.build(at);
        let known = |page: &&Rendered| Arc::ptr_eq(&page.board, board) && page.build == build;
        if let Some(page) = self.pages.iter().find(known) {
            return page.clone();
        }
        let body = board_page(board, &build);
        let page = Rendered {
            board: Arc::clone(board),
            gzip: gzip(&body),
            build,
            body,
        };
        if self.pages.len() >= PAGES_KEPT {
            self.pages.remove(0);
        }
        self.pages.push(page.clone());
        page
    }
}

fn gzip(body: &Bytes) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 6), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

impl SimulatedWorld for World {
    fn advance_to(&mut self, at: DateTime<Utc>) {
        self.advance(at);
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn leaderboard(&mut self, path: &str, at: DateTime<Utc>) -> PageResponse {
        if path != SETTLING_PATH {
            return PageResponse::text(404, "no such leaderboard\n");
        }
        self.scenario.extend_to(at);
        let shown = self.scenario.shown(at).map(|showing| showing.shown.clone());
        match shown {
            Some(Shown::Board(board) | Shown::OtherCategory(board)) => {
                let page = self.rendered(&board, at);
                PageResponse {
                    status: 200,
                    content_type: "text/html; charset=utf-8",
                    headers: Vec::new(),
                    body: page.body,
                    gzip: page.gzip,
                }
            }
            Some(Shown::Blocked) => PageResponse {
                status: 403,
                content_type: "text/html; charset=utf-8",
                headers: Vec::new(),
                body: block_page(),
                gzip: None,
            },
            None => PageResponse::text(503, "nothing is shown yet\n"),
        }
    }

    fn rename_model(&mut self, name: &str, to: &str, at: DateTime<Utc>) -> bool {
        self.advance(at);
        self.scenario.rename_model(name, to, at)
    }

    fn faults(&self, at: DateTime<Utc>) -> Faults {
        Faults {
            market_data_down: self.scenario.market_data_down(at),
            ..Faults::default()
        }
    }
}
