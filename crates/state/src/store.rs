//! The store of a running process.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use autotrader_domain::ports::{Clock, Control, Ledger, OrderStore, Restored, StoreError};
use autotrader_domain::{
    BoardHash, Command, CommandFinding, Fill, Money, Order, OrderRequest, Record, SettlementRecord,
};
use chrono::{DateTime, Utc};

use crate::connection::{
    Access, Begin, Found, Readers, atomically, check_whole, connect, inspect, migrate, unusable,
};
use crate::location::Location;
use crate::lock::ProcessLock;
use crate::records::{Batch, board_of};
use crate::retention::{Pruned, prune};
use crate::writer::{Connections, Writer};
use crate::{
    DatabaseInfo, History, NewDatabaseId, OpenError, Stamp, commands, fills, identity, orders, restore,
};

/// A SQLite database with one writer, held by one process at a time.
///
/// Every call that stores returns after the commit. Dropping a call does not undo what was handed over: the work is
/// done, only its answer is lost. Dropping the store waits for the work handed over and frees the lock.
#[derive(Debug)]
pub struct SqliteStore {
    // Before the lock: the database is closed before another process may open it.
    writer: Writer,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    info: DatabaseInfo,
    kept_boards: Mutex<BTreeSet<BoardHash>>,
    _lock: ProcessLock,
}

impl SqliteStore {
    /// Opens a database for writing: creates it if need be, brings its schema up to date, and checks whose it is.
    ///
    /// `url` is `sqlite:///relative.db` or `sqlite:////absolute.db`. `new_id` serves only a new database.
    ///
    /// # Errors
    /// [`OpenError`] when the address is wrong, another process has it, or the file is another's, newer or unusable.
    pub fn open(
        url: &str,
        stamp: &Stamp,
        new_id: NewDatabaseId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let path = Location::parse(url)?.resolve()?;
        let lock = ProcessLock::take(&path)?;
        let info = prepare(&path, stamp, new_id, clock.now())?;
        let writer = Writer::start(Connections {
            durable: connect(&path, Access::Durable)?,
            quick: connect(&path, Access::Quick)?,
        })
        .map_err(|error| unusable(&path, &error))?;
        tracing::debug!(database_id = %info.database_id, stamp = %info.stamp, "database_opened");
        Ok(Self {
            writer,
            readers: Arc::new(Readers::new(path)),
            clock,
            info,
            kept_boards: Mutex::new(BTreeSet::new()),
            _lock: lock,
        })
    }

    /// Gives a live database to another key of the same account: `wanted` names the new key, `old_account` the old one.
    ///
    /// Nothing but the operator's word says that both keys are of one account; the reconciliation at the next start holds the
    /// books against the venue's.
    ///
    /// # Errors
    /// [`OpenError`] when the database is missing, in use, or not a live one of this environment and the old key.
    pub fn adopt_key(
        url: &str,
        wanted: &Stamp,
        old_account: &str,
        now: DateTime<Utc>,
    ) -> Result<DatabaseInfo, OpenError> {
        let path = crate::history::existing(url)?;
        let _lock = ProcessLock::take(&path)?;
        let (mut connection, _) = inspect(&path)?;
        let missing = || OpenError::Missing { path: path.clone() };
        let info = identity::read(&mut connection)
            .map_err(|error| unusable(&path, &error))?
            .ok_or_else(missing)?;
        let expected = match wanted {
            Stamp::Live { environment, .. } => Stamp::Live {
                environment: *environment,
                account: old_account.to_owned(),
            },
            Stamp::Paper => Stamp::Paper,
        };
        identity::check(&path, &info, &expected)?;
        if let Stamp::Live { account, .. } = wanted {
            migrate(&path, &mut connection)?;
            let mut connection = connect(&path, Access::Durable)?;
            identity::adopt(&mut connection, old_account, account, now)
                .map_err(|error| unusable(&path, &error))?;
        }
        Ok(DatabaseInfo {
            stamp: wanted.clone(),
            ..info
        })
    }

    /// Opens an existing database for reading only: works beside a running process and needs no lock.
    ///
    /// # Errors
    /// [`OpenError`] when there is no such database of this version.
    pub fn open_read_only(url: &str) -> Result<History, OpenError> {
        History::open(url)
    }

    /// What the database said of itself when it was opened.
    #[must_use]
    pub const fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    /// The database's own id, which enters every order id.
    #[must_use]
    pub fn database_id(&self) -> &str {
        &self.info.database_id
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.readers.path()
    }

    /// What was written, for questions.
    #[must_use]
    pub fn history(&self) -> History {
        History::new(Arc::clone(&self.readers))
    }

    /// Removes readings and decisions from before a time. Orders, fills, settlements, signals, boards, their history and
    /// forecasts stay.
    ///
    /// # Errors
    /// [`StoreError::NotDurable`] when the database cannot be written to.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<Pruned, StoreError> {
        self.writer.run(move |c| prune(&mut c.quick, before)).await
    }

    fn kept(&self) -> BTreeSet<BoardHash> {
        self.kept_boards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, hashes: BTreeSet<BoardHash>) {
        /// A page flaps between a few boards; older ones are recognised by the database itself.
        const REMEMBERED: usize = 64;
        let mut kept = self.kept_boards.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + hashes.len() > REMEMBERED {
            kept.clear();
        }
        kept.extend(hashes);
    }
}

fn prepare(
    path: &Path,
    stamp: &Stamp,
    new_id: NewDatabaseId,
    now: DateTime<Utc>,
) -> Result<DatabaseInfo, OpenError> {
    let (mut connection, found) = inspect(path)?;
    // Whose it is comes before any change to it.
    if found != Found::Empty
        && let Some(info) = identity::read(&mut connection).map_err(|error| unusable(path, &error))?
    {
        identity::check(path, &info, stamp)?;
    }
    check_whole(path, &mut connection)?;
    migrate(path, &mut connection)?;
    let stamped = identity::read(&mut connection).and_then(|info| match info {
        Some(info) => Ok(info),
        None => {
            identity::write(&mut connection, stamp, new_id, now)?;
            identity::read(&mut connection)?.ok_or(crate::fault::Fault::Sql(diesel::NotFound))
        }
    });
    stamped.map_err(|error| unusable(path, &error))
}

#[async_trait]
impl OrderStore for SqliteStore {
    async fn commit_intent(
        &self,
        order: &Order,
        request: &OrderRequest,
        body: &str,
    ) -> Result<(), StoreError> {
        let (order, request, body) = (order.clone(), request.clone(), body.to_owned());
        self.writer
            .run(move |c| orders::commit_intent(&mut c.durable, &order, &request, &body))
            .await
    }

    async fn update_order(
        &self,
        order: &Order,
        detail: &str,
        answer: Option<&str>,
    ) -> Result<(), StoreError> {
        let (order, detail) = (order.clone(), detail.to_owned());
        let answer = answer.map(str::to_owned);
        self.writer
            .run(move |c| orders::update_order(&mut c.durable, &order, &detail, answer.as_deref()))
            .await
    }

    async fn record_fill(&self, fill: &Fill) -> Result<bool, StoreError> {
        let fill = fill.clone();
        self.writer
            .run(move |c| fills::record_fill(&mut c.durable, &fill))
            .await
    }

    async fn record_settlement(&self, settlement: &SettlementRecord) -> Result<bool, StoreError> {
        let settlement = settlement.clone();
        self.writer
            .run(move |c| fills::record_settlement(&mut c.durable, &settlement))
            .await
    }
}

#[async_trait]
impl Ledger for SqliteStore {
    async fn record(&self, records: Vec<Record>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let kept = self.kept();
        let hashes: BTreeSet<BoardHash> = records
            .iter()
            .filter_map(board_of)
            .map(|(hash, _)| hash)
            .collect();
        let batch = if hashes.is_subset(&kept) {
            Batch::pack(records, &kept)?
        } else {
            // Packing a board takes milliseconds: neither this task's thread nor the writer's may wait for it.
            tokio::task::spawn_blocking(move || Batch::pack(records, &kept))
                .await
                .map_err(|error| StoreError::NotDurable(format!("packing a board: {error}")))??
        };
        self.writer
            .run(move |c| {
                let connection = if batch.must_last() {
                    &mut c.durable
                } else {
                    &mut c.quick
                };
                batch.store(connection)
            })
            .await?;
        self.keep(hashes);
        Ok(())
    }

    async fn restore(&self) -> Result<Restored, StoreError> {
        self.writer
            .run(|c| atomically(&mut c.durable, Begin::ToRead, restore::restore))
            .await
    }

    async fn set_opening_cash(&self, cash: Money) -> Result<(), StoreError> {
        self.writer
            .run(move |c| identity::set_opening_cash(&mut c.durable, cash))
            .await
    }
}

#[async_trait]
impl Control for SqliteStore {
    async fn pending(&self) -> Result<Vec<(i64, Command)>, StoreError> {
        let at = self.clock.now();
        self.writer
            .run(move |c| commands::pending(&mut c.quick, at))
            .await
    }

    async fn acknowledge(&self, id: i64, outcome: &str) -> Result<(), StoreError> {
        let (outcome, at) = (outcome.to_owned(), self.clock.now());
        self.writer
            .run(move |c| commands::acknowledge(&mut c.durable, id, &outcome, at))
            .await
    }

    async fn settle(&self, id: i64, finding: &CommandFinding) -> Result<(), StoreError> {
        let (finding, at) = (finding.clone(), self.clock.now());
        self.writer
            .run(move |c| commands::settle(&mut c.durable, id, &finding, at))
            .await
    }

    async fn unsettled(&self) -> Result<Vec<(i64, Command)>, StoreError> {
        self.writer.run(|c| commands::unsettled(&mut c.quick)).await
    }
}
