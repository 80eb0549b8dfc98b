//! Whole pages.

use bytes::Bytes;

use super::board::SiteBoard;
use super::payload::fragments;
use super::table::table;

/// The page of a board: shell, table with all rows, and the same data in the script fragments.
#[must_use]
pub fn board_page(board: &SiteBoard) -> Bytes {
    let rows = board.ranked();
    let title = format!("{} leaderboard", board.category);
    let shell = "<link rel=\"preload\" as=\"style\" href=\"/assets/page.css\"/>".repeat(1_200);
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"/><title>Leaderboard</title>\
         <meta name=\"description\" content=\"Models ranked by {category} performance (without style control)\"/>{shell}</head>\
         <body><main><h1>{title}</h1><div class=\"flex gap-2\"><span>{date}</span><span>{votes} votes</span><span>{count} models</span></div>\
         <div>{table}</div></main>{fragments}</body></html>",
        category = board.category,
        date = board.stamp.format("%b %-d, %Y"),
        votes = board.total_votes(),
        count = rows.len(),
        table = table(&rows),
        fragments = fragments(board, &rows),
    );
    Bytes::from(page)
}

/// The page that a protected site shows instead of its content.
#[must_use]
pub fn block_page() -> Bytes {
    Bytes::from_static(
        b"<!DOCTYPE html><html lang=\"en-US\"><head><title>Attention Required! | Cloudflare</title></head><body>\
          <h1>Sorry, you have been blocked</h1><p>You are unable to access this site.</p></body></html>",
    )
}
