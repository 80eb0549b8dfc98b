//! Fetches the leaderboard page, parses and gates it, keeps vintages and diffs boards into signals.

pub mod parse;

mod board_json;
mod comparison;
mod diff;
mod gate;
mod hash;
mod reader;
mod source;
mod vintages;

pub use board_json::{board_json, exit_code, verdict_name};
pub use comparison::{Coverage, RenameSettings};
pub use diff::{DiffSettings, Side, diff, diff_json, diff_sides};
pub use gate::{GateSettings, gate};
pub use hash::hash_board;
pub use reader::{PageReader, UngatedBoard, UnreadableBoard, parse_ungated, read_file};
pub use source::{HttpSource, HttpSourceSettings, SourceSettingsError};
pub use vintages::{HoldSettings, VintageKeeper, VintageSettings};
