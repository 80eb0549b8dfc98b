//! Boards once per content hash, and which of them were accepted.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use autotrader_domain::{AcceptedBoard, BoardHash, Vintage};
use autotrader_settlement::Board;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::board_columns::Columns;
use crate::fault::Fault;
use crate::schema::{accepted_boards, boards};
use crate::words::{micros, read_hash, read_time, read_word, word};

/// A board ready to be stored. Making it takes milliseconds, so it is made before the writer is asked.
#[derive(Debug, Insertable)]
#[diesel(table_name = boards)]
pub(crate) struct PackedBoard {
    hash: Vec<u8>,
    entries: i64,
    compressed: Vec<u8>,
}

impl PackedBoard {
    pub(crate) fn new(hash: BoardHash, board: &Board) -> Result<Self, Fault> {
        let unstorable = |error: &dyn std::fmt::Display| Fault::Conflict(format!("board {hash}: {error}"));
        let columns = Columns::new(board)
            .map_err(|model_name| unstorable(&format_args!("a rating of `{model_name}` is not a number")))?;
        let text = serde_json::to_vec(&columns).map_err(|error| unstorable(&error))?;
        // Orders wait for the board that caused them: the fastest level, which costs a tenth of the bytes.
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        let compressed = encoder
            .write_all(&text)
            .and_then(|()| encoder.finish())
            .map_err(|error| unstorable(&error))?;
        Ok(Self {
            hash: hash.0.to_vec(),
            entries: i64::try_from(board.entries.len()).map_err(|error| unstorable(&error))?,
            compressed,
        })
    }

    /// Stores the board unless it is there.
    pub(crate) fn store(&self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        diesel::insert_or_ignore_into(boards::table)
            .values(self)
            .execute(connection)?;
        Ok(())
    }
}

/// More than a board of many thousand rows: a stored blob that unpacks to more is damaged.
const UNPACKED_LIMIT: u64 = 64 << 20;

/// The rows of a board, when it is stored.
pub(crate) fn board(connection: &mut SqliteConnection, hash: BoardHash) -> Result<Option<Board>, Fault> {
    let compressed: Option<Vec<u8>> = boards::table
        .filter(boards::hash.eq(hash.0.to_vec()))
        .select(boards::compressed)
        .first(connection)
        .optional()?;
    let Some(compressed) = compressed else {
        return Ok(None);
    };
    let unreadable = |error: &dyn std::fmt::Display| Fault::unreadable(format!("board {hash}"), error);
    let mut text = Vec::new();
    ZlibDecoder::new(compressed.as_slice())
        .take(UNPACKED_LIMIT)
        .read_to_end(&mut text)
        .map_err(|error| unreadable(&error))?;
    let columns: Columns = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    let board = columns
        .board()
        .ok_or_else(|| unreadable(&"columns of different lengths"))?;
    Ok(Some(board))
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = accepted_boards, check_for_backend(Sqlite))]
struct AcceptedRow {
    hash: Vec<u8>,
    vintage: i64,
    path: String,
    accepted_at: i64,
}

/// Notes that a board became current. Its rows must be stored already.
pub(crate) fn accept(connection: &mut SqliteConnection, accepted: &AcceptedBoard) -> Result<(), Fault> {
    diesel::insert_into(accepted_boards::table)
        .values(AcceptedRow {
            hash: accepted.hash.0.to_vec(),
            vintage: micros(accepted.vintage.0),
            path: word(&accepted.path)?,
            accepted_at: micros(accepted.accepted_at),
        })
        .execute(connection)?;
    Ok(())
}

/// The last accepted boards, newest first.
pub(crate) fn accepted(connection: &mut SqliteConnection, limit: u32) -> Result<Vec<AcceptedBoard>, Fault> {
    let rows: Vec<AcceptedRow> = accepted_boards::table
        .order(accepted_boards::id.desc())
        .limit(i64::from(limit))
        .select(AcceptedRow::as_select())
        .load(connection)?;
    rows.iter().map(|row| unpack(connection, row)).collect()
}

fn unpack(connection: &mut SqliteConnection, row: &AcceptedRow) -> Result<AcceptedBoard, Fault> {
    let hash = read_hash("accepted_boards.hash", &row.hash)?;
    let rows = board(connection, hash)?.ok_or_else(|| {
        Fault::unreadable("accepted_boards.hash", format!("{hash}, whose rows are missing"))
    })?;
    Ok(AcceptedBoard {
        board: Arc::new(rows),
        hash,
        vintage: Vintage(read_time("accepted_boards.vintage", row.vintage)?),
        path: read_word("accepted_boards.path", &row.path)?,
        accepted_at: read_time("accepted_boards.accepted_at", row.accepted_at)?,
    })
}
