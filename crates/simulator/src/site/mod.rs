//! The leaderboard site: boards, and pages that carry them as the real site's pages do.

mod board;
mod page;
mod payload;
mod scribble;
mod table;
mod winner;

pub use board::{ModelTerms, RankedModel, SiteBoard, SiteModel};
pub use page::{block_page, board_page};
pub use winner::winner;
