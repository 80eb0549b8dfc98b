//! A database in a directory of its own, and values to put into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use autotrader_domain::{
    AcceptedBoard, BoardHash, BookSide, Claim, ClientOrderId, Contracts, FeeSchedule, Fill, GateReason,
    GatedBoard, Generation, Intent, Liquidity, ManualClock, Money, Order, OrderRequest, OrderState,
    ParsePath, Purpose, Reading, ReadingOutcome, SettlementRecord, Ticker, TimeInForce, Verdict, Vintage,
};
use autotrader_settlement::{Board, Entry, Rating};
use autotrader_state::{NewDatabaseId, OpenError, SqliteStore, Stamp};
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

/// A directory with one database.
pub struct Home {
    directory: TempDir,
    pub clock: Arc<ManualClock>,
}

impl Home {
    pub fn new() -> Self {
        Self {
            // On the file system of the build, not in memory.
            directory: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
            clock: Arc::new(ManualClock::new(at(0))),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("books.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite:///{}", self.path().display())
    }

    pub fn open(&self) -> SqliteStore {
        self.try_open(&Stamp::Paper).unwrap()
    }

    pub fn try_open(&self, stamp: &Stamp) -> Result<SqliteStore, OpenError> {
        let id = NewDatabaseId::Given("fixed".into());
        SqliteStore::open(&self.url(), stamp, id, self.clock.clone())
    }

    /// What the disk holds at this instant, as a home of its own: what a kill would leave behind.
    pub fn image(&self) -> Self {
        let image = Self::new();
        for suffix in ["", "-wal"] {
            let name = format!("books.db{suffix}");
            let from = self.directory.path().join(&name);
            if from.exists() {
                std::fs::copy(from, image.directory.path().join(&name)).unwrap();
            }
        }
        image
    }
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap() + TimeDelta::seconds(seconds)
}

pub fn ticker(text: &str) -> Ticker {
    text.parse().unwrap()
}

pub fn order(market: &str, generation: u64) -> Order {
    let id: ClientOrderId = format!("kat1-{market}-{generation}").parse().unwrap();
    Order {
        client_order_id: id,
        generation: Generation(generation),
        venue_order_id: None,
        intent: Intent {
            ticker: ticker(market),
            event: "KXTOPMODEL-26SEP28".parse().unwrap(),
            series: "KXTOPMODEL".parse().unwrap(),
            claim: Claim::Model {
                model_name: "aurora-4".into(),
                organization: Some("Northwind Labs".into()),
            },
            side: BookSide::Bid,
            contracts: Contracts::whole(10),
            limit: "0.4321".parse().unwrap(),
            time_in_force: TimeInForce::GoodTillCanceled {
                expires_at: Some(at(300)),
            },
            purpose: Purpose::Entry,
            fees: FeeSchedule::WITH_MAKER_FEES,
            check_time: at(86_400),
            post_only: true,
            edge: Money::micros(1_234_567),
            strategy: "leaderboard_alpha".into(),
            rationale: "Fair 0.55 against 0.43; \"quoted\" and ünïcode.".into(),
        },
        reduce_only: false,
        state: OrderState::Intended,
        filled: Contracts::ZERO,
        created_at: at(1),
        updated_at: at(1),
        reject_reason: None,
    }
}

/// The body that an exchange's adapter would render.
pub const BODY: &str = r#"{"ticker":"T"}"#;

pub fn request(order: &Order) -> OrderRequest {
    OrderRequest::of(order, 3)
}

pub fn step(order: &Order, state: OrderState, seconds: i64) -> Order {
    Order {
        state,
        updated_at: at(seconds),
        ..order.clone()
    }
}

pub fn fill(id: &str, market: &str, side: BookSide, price: &str, contracts: u32, seconds: i64) -> Fill {
    Fill {
        fill_id: id.into(),
        venue_order_id: "venue-1".parse().unwrap(),
        client_order_id: Some("kat1-a".parse().unwrap()),
        ticker: ticker(market),
        side,
        price: price.parse().unwrap(),
        contracts: Contracts::whole(contracts),
        fee: Money::micros(17_500),
        liquidity: Liquidity::Taker,
        filled_at: at(seconds),
    }
}

pub fn settlement(market: &str, value: &str, seconds: i64) -> SettlementRecord {
    SettlementRecord {
        ticker: ticker(market),
        yes_value: value.parse().unwrap(),
        fee: Money::ZERO,
        settled_at: at(seconds),
    }
}

/// A board of `rows` models whose scores depend on `salt`; the hash stands for the content.
pub fn board(rows: usize, salt: u8) -> (BoardHash, Board) {
    let entries = (0..rows)
        .map(|row| {
            // Spread like real figures, so that the board compresses like a real one.
            let noise = (row * 7919 + usize::from(salt) * 104_729) % 1_000_003;
            let score = 1500.0 - row as f64 * 1.7 + noise as f64 / 1_000_003.0;
            let half = 3.0 + noise as f64 / 100_000.0;
            let rating = |value: f64| Some(Rating::parse(&format!("{value:.14}")).unwrap());
            Entry {
                organization: Some(format!("Lab {}", row % 25)),
                rank: Some(row as i64 + 1),
                rank_ub: Some(row as i64 / 3 + 1),
                rank_lb: Some(row as i64 + 9),
                score: rating(score),
                ci_lower: rating(score - half),
                ci_upper: rating(score + half),
                votes: Some(3_000 + noise as i64),
                ..Entry::named(format!("model-{row}-{}", noise % 97))
            }
        })
        .collect();
    let mut hash = [salt; 32];
    hash[0] = u8::try_from(rows % 251).unwrap();
    (BoardHash(hash), Board { entries })
}

pub fn accepted(salt: u8, seconds: i64) -> Arc<AcceptedBoard> {
    let (hash, board) = board(20, salt);
    Arc::new(AcceptedBoard {
        board: Arc::new(board),
        hash,
        vintage: Vintage(at(seconds - 3_600)),
        path: ParsePath::Flight,
        accepted_at: at(seconds),
    })
}

pub fn page(verdict: Verdict, rows: usize, salt: u8, reasons: Vec<GateReason>) -> Arc<GatedBoard> {
    let (hash, board) = board(rows, salt);
    Arc::new(GatedBoard {
        verdict,
        reasons,
        path: Some(ParsePath::Flight),
        slug: Some("text".into()),
        category: Some("overall".into()),
        style_control: Some(false),
        vintage: Some(Vintage(at(-3_600))),
        hash,
        total_models: Some(rows as u64),
        total_votes: Some(5_000_000),
        board: Arc::new(board),
        anomalies: Vec::new(),
    })
}

pub fn reading(page: &Arc<GatedBoard>, unchanged: bool, seconds: i64) -> Reading {
    Reading {
        source: "primary".into(),
        fetched_at: at(seconds),
        origin: format!(
            "Sun, 20 Sep 2026 {:02}:{:02}:{:02} GMT",
            seconds / 3600 % 24,
            seconds / 60 % 60,
            seconds % 60
        ),
        latency: Duration::from_micros(231_000 + seconds.unsigned_abs() % 977),
        bytes: 2_463_117,
        outcome: ReadingOutcome::Page {
            page: Arc::clone(page),
            unchanged,
        },
    }
}

pub fn failed(code: &str, seconds: i64) -> Reading {
    Reading {
        source: "fallback".into(),
        fetched_at: at(seconds),
        origin: String::new(),
        latency: Duration::from_secs(10),
        bytes: 0,
        outcome: ReadingOutcome::Failed {
            code: code.into(),
            detail: "no answer within 10 s".into(),
        },
    }
}
