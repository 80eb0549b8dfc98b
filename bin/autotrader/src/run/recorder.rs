//! Writing the journal of a run: every step before it is acted on, and the whole state at the start of every segment.

use std::path::Path;

use autotrader_config::Config;
use autotrader_domain::ports::StoreError;
use autotrader_engine::{AccountScope, ChainHash, Engine, JournalRecord};
use autotrader_state::journal::{FORMAT, Journal, Opened, SegmentHead, segments, settings_hash};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{info, warn};

use crate::Failure;

/// What the core was told at its start, as a segment keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// What makes the ids of orders.
    pub(crate) scope: AccountScope,
    /// The configuration without secrets.
    pub(crate) config: Config,
}

/// The journal of one run.
pub(crate) struct Recorder {
    journal: Journal,
    settings: Value,
    settings_hash: String,
    max_bytes: u64,
    retention: TimeDelta,
    next_segment: u64,
    began: Option<DateTime<Utc>>,
}

impl Recorder {
    /// Opens the journal of a configuration in a directory, and lets the core's chain go on where that of the last process
    /// ended.
    ///
    /// # Errors
    /// [`Failure`] with what cannot be read or written.
    pub(crate) fn open(
        directory: &Path,
        config: &Config,
        scope: &AccountScope,
        engine: &mut Engine,
    ) -> Result<Self, Failure> {
        let failed = |detail: String| Failure::failed(format!("journal: {detail}."));
        let (journal, opened) = Journal::open(directory).map_err(|error| failed(error.to_string()))?;
        continue_chain(engine, &opened).map_err(failed)?;
        if let Some(recovered) = &opened.recovered {
            warn!(event = "journal_recovered", detail = recovered);
        }
        if let Some(damaged) = &opened.damaged {
            warn!(event = "journal_damaged", detail = damaged);
        }
        info!(event = "journal_opened", directory = %directory.display(), segment = opened.next_segment);
        let settings = settings(config, scope).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            journal,
            settings_hash: settings_hash(&settings),
            settings,
            max_bytes: u64::from(config.journal.max_segment_mb) << 20,
            retention: TimeDelta::days(config.journal.retention_days.into()),
            next_segment: opened.next_segment,
            began: None,
        })
    }

    /// Begins a segment with the core's state: at the start, and wherever the state changed by other means than an event.
    ///
    /// # Errors
    /// [`Failure`] when the state cannot be written as data; none is expected.
    pub(crate) fn begin(&mut self, engine: &Engine, at: DateTime<Utc>) -> Result<(), Failure> {
        let failed = |error: serde_json::Error| {
            Failure::failed(format!("journal: the state cannot be written: {error}."))
        };
        let snapshot = engine.snapshot().map_err(failed)?;
        self.journal.begin(SegmentHead {
            format: FORMAT,
            segment: self.next_segment,
            opened_at: at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: self.settings.clone(),
            settings_hash: self.settings_hash.clone(),
            seq: snapshot.seq(),
            link: snapshot.link().to_string(),
            snapshot: serde_json::to_value(&snapshot).map_err(failed)?,
        });
        self.next_segment += 1;
        self.began = Some(at);
        self.prune(at);
        Ok(())
    }

    /// Appends a step.
    pub(crate) fn took(&mut self, record: &JournalRecord) {
        self.journal.append(record.line());
    }

    /// Whether the next step belongs into another segment.
    pub(crate) fn is_full(&self, at: DateTime<Utc>) -> bool {
        let another_day = self
            .began
            .is_some_and(|began| began.date_naive() != at.date_naive());
        another_day || self.journal.bytes() >= self.max_bytes
    }

    /// Waits until every step is on disk.
    ///
    /// # Errors
    /// [`StoreError`] when it is not.
    pub(crate) async fn force(&self) -> Result<(), StoreError> {
        self.journal.force().await
    }

    /// Finishes the last segment.
    ///
    /// # Errors
    /// [`StoreError`] when that is not possible; it is finished at the next start then.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.journal.close().await
    }

    /// Removes finished segments that ended before the retention.
    fn prune(&self, at: DateTime<Utc>) {
        let Ok(files) = segments(self.journal.directory()) else {
            return;
        };
        let old = |path: &Path| {
            let modified = std::fs::metadata(path).and_then(|file| file.modified());
            modified.is_ok_and(|modified| DateTime::<Utc>::from(modified) < at - self.retention)
        };
        if let Some(last) = files.iter().rfind(|file| file.sealed && old(&file.path)) {
            self.journal.prune(last.segment + 1);
        }
    }
}

fn continue_chain(engine: &mut Engine, opened: &Opened) -> Result<(), String> {
    if let Some(link) = &opened.link {
        let link: ChainHash = link
            .parse()
            .map_err(|_| "the last link of the chain cannot be read".to_owned())?;
        engine.continue_chain(opened.seq, link);
    }
    Ok(())
}

fn settings(config: &Config, scope: &AccountScope) -> Result<Value, serde_json::Error> {
    Ok(serde_json::json!({
        "scope": scope,
        "config": config.without_secrets()?,
    }))
}
