//! Everything that is written down besides orders and fills.

use std::collections::BTreeSet;

use autotrader_domain::{BoardHash, Money, Reading, ReadingOutcome, Record, Signal, Verdict};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::boards::{self, PackedBoard};
use crate::connection::{Begin, atomically};
use crate::fault::Fault;
use crate::forecasts::Names;
use crate::schema::{loss_bases, refusals, risk_causes, risk_events, signals, system_events};
use crate::words::{json, micros, read_money, read_time, word};
use crate::{approvals, board_history, contracts, decisions, equity, fills, forecasts, outcomes, readings};

/// Records with the boards they bring, packed.
#[derive(Debug)]
pub(crate) struct Batch {
    records: Vec<Record>,
    boards: Vec<PackedBoard>,
}

impl Batch {
    /// Packs the boards that `known` does not hold.
    pub(crate) fn pack(records: Vec<Record>, known: &BTreeSet<BoardHash>) -> Result<Self, Fault> {
        let mut packed = BTreeSet::new();
        let mut boards = Vec::new();
        for (hash, board) in records.iter().filter_map(board_of) {
            if !known.contains(&hash) && packed.insert(hash) {
                boards.push(PackedBoard::new(hash, board)?);
            }
        }
        Ok(Self { records, boards })
    }

    /// Whether the loss of power must not undo it: what restricts trading, and what moves cash.
    pub(crate) fn must_last(&self) -> bool {
        self.records.iter().any(|record| {
            matches!(
                record,
                Record::RiskCause { .. }
                    | Record::LossBase { .. }
                    | Record::Settlement(_)
                    | Record::Equity(_)
                    | Record::Approval { .. }
                    | Record::Terms { .. }
            )
        })
    }

    /// Stores all of it or nothing.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        atomically(connection, Begin::ToWrite, |connection| {
            for board in &self.boards {
                board.store(connection)?;
            }
            let names = Names::of(connection, &self.records)?;
            for record in &self.records {
                store(connection, record, &names)?;
            }
            Ok(())
        })
    }
}

/// The boards whose rows are kept: not those of refused pages, of which a broken site could send any number.
pub(crate) fn board_of(record: &Record) -> Option<(BoardHash, &autotrader_settlement::Board)> {
    match record {
        Record::Accepted(accepted) => Some((accepted.hash, &accepted.board)),
        Record::Reading(Reading {
            outcome: ReadingOutcome::Page { page, .. },
            ..
        }) if page.verdict != Verdict::Refused => Some((page.hash, &page.board)),
        _ => None,
    }
}

fn store(connection: &mut SqliteConnection, record: &Record, names: &Names) -> Result<(), Fault> {
    match record {
        Record::Reading(reading) => readings::store(connection, reading)?,
        Record::Accepted(accepted) => boards::accept(connection, accepted)?,
        Record::Decision(why) => decisions::store(connection, why)?,
        Record::History { events, .. } => board_history::store(connection, events)?,
        Record::Forecast(forecast) => forecasts::store(connection, forecast, names)?,
        Record::Coherence { at, finding } => forecasts::store_coherence(connection, *at, finding)?,
        Record::Mapped { at, mapping } => contracts::store(connection, *at, mapping)?,
        Record::Approval { at, by, approval } => approvals::store(connection, *at, by, approval)?,
        Record::Terms { at, ticker, terms } => approvals::store_terms(connection, *at, ticker, terms)?,
        Record::Settlement(settlement) => {
            fills::record_settlement(connection, settlement)?;
        }
        Record::Decided(decided) => outcomes::store(connection, decided)?,
        Record::Signal {
            at,
            board,
            urgency,
            signal,
        } => {
            diesel::insert_into(signals::table)
                .values((
                    signals::at.eq(micros(*at)),
                    signals::board.eq(board.0.to_vec()),
                    signals::urgency.eq(word(urgency)?),
                    signals::kind.eq(signal.kind()),
                    signals::payload.eq(json(signal)?),
                ))
                .execute(connection)?;
        }
        Record::Refusal {
            at,
            ticker,
            reason,
            detail,
        } => {
            diesel::insert_into(refusals::table)
                .values((
                    refusals::at.eq(micros(*at)),
                    refusals::ticker.eq(ticker.as_str()),
                    refusals::reason.eq(word(reason)?),
                    refusals::detail.eq(detail),
                ))
                .execute(connection)?;
        }
        Record::RiskCause {
            at,
            cause,
            raised,
            detail,
        } => turn_cause(connection, micros(*at), cause, *raised, detail)?,
        Record::LossBase { at, cause, equity } => set_loss_base(connection, micros(*at), cause, *equity)?,
        Record::Equity(mark) => equity::store(connection, mark)?,
        Record::System { at, name, detail } => {
            diesel::insert_into(system_events::table)
                .values((
                    system_events::at.eq(micros(*at)),
                    system_events::name.eq(name),
                    system_events::detail.eq(detail),
                ))
                .execute(connection)?;
        }
    }
    Ok(())
}

fn turn_cause(
    connection: &mut SqliteConnection,
    at: i64,
    cause: &str,
    raised: bool,
    detail: &str,
) -> Result<(), Fault> {
    diesel::insert_into(risk_events::table)
        .values((
            risk_events::at.eq(at),
            risk_events::cause.eq(cause),
            risk_events::raised.eq(raised),
            risk_events::detail.eq(detail),
        ))
        .execute(connection)?;
    if raised {
        // A cause raised again stands since the first time, with the latest words.
        diesel::insert_into(risk_causes::table)
            .values((
                risk_causes::cause.eq(cause),
                risk_causes::raised_at.eq(at),
                risk_causes::detail.eq(detail),
            ))
            .on_conflict(risk_causes::cause)
            .do_update()
            .set(risk_causes::detail.eq(detail))
            .execute(connection)?;
    } else {
        diesel::delete(risk_causes::table.find(cause)).execute(connection)?;
    }
    Ok(())
}

fn set_loss_base(
    connection: &mut SqliteConnection,
    at: i64,
    cause: &str,
    equity: Money,
) -> Result<(), Fault> {
    let figures = (
        loss_bases::equity.eq(equity.raw()),
        loss_bases::released_at.eq(at),
    );
    diesel::insert_into(loss_bases::table)
        .values((loss_bases::cause.eq(cause), figures))
        .on_conflict(loss_bases::cause)
        .do_update()
        .set(figures)
        .execute(connection)?;
    Ok(())
}

/// The equity from which each released loss counts, by the cause's code.
pub(crate) fn loss_bases(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, Money, DateTime<Utc>)>, Fault> {
    let rows: Vec<(String, i64, i64)> = loss_bases::table
        .order(loss_bases::cause)
        .select((loss_bases::cause, loss_bases::equity, loss_bases::released_at))
        .load(connection)?;
    rows.into_iter()
        .map(|(cause, equity, at)| {
            let at = read_time("loss_bases.released_at", at)?;
            Ok((cause, read_money(equity), at))
        })
        .collect()
}

/// Old and new names of models that a board renamed, oldest first, each pair once.
pub(crate) fn renames(connection: &mut SqliteConnection) -> Result<Vec<(String, String)>, Fault> {
    let payloads: Vec<String> = signals::table
        .filter(signals::kind.eq("model_renamed"))
        .order(signals::id)
        .select(signals::payload)
        .load(connection)?;
    let mut renames = Vec::new();
    for payload in payloads {
        let signal: Signal = crate::words::read_json("signals.payload", &payload)?;
        if let Signal::ModelRenamed {
            old_name, new_name, ..
        } = signal
        {
            let pair = (old_name, new_name);
            if !renames.contains(&pair) {
                renames.push(pair);
            }
        }
    }
    Ok(renames)
}

/// The causes that stand, by code.
pub(crate) fn standing_causes(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, i64, String)>, Fault> {
    Ok(risk_causes::table
        .order(risk_causes::cause)
        .select((risk_causes::cause, risk_causes::raised_at, risk_causes::detail))
        .load(connection)?)
}
