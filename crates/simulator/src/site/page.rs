//! Whole pages.

use std::fmt::Write as _;

use bytes::Bytes;

use super::board::SiteBoard;
use super::payload::fragments;
use super::scribble::Scribble;
use super::table::{grouped, table};

/// The words a category is headed with.
pub(super) fn title_of(category: &str) -> String {
    let mut letters = category.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The page of a board as one deployment of the site serves it: shell, table with all rows, and the same data in the
/// script fragments. Equal boards and builds give equal bytes.
#[must_use]
pub fn board_page(board: &SiteBoard, build: &str) -> Bytes {
    let rows = board.ranked();
    let title = title_of(board.category);
    let mut page = String::with_capacity(2_600_000);
    head(&mut page, &title, build);
    let _ = write!(
        page,
        "<main class=\"pb-8 sm:px-6 lg:px-8\"><h1 class=\"font-heading flex flex-wrap items-center gap-3 text-2xl font-medium\">Text Arena\
         <span class=\"flex items-center gap-1\"><span>\u{1f3c6}</span>{title}</span></h1>\
         <div class=\"text-text-tertiary flex flex-wrap items-center gap-x-4 gap-y-2 text-xs\"><span>{date}</span><span>{votes}<!-- --> votes</span><span>{count}<!-- --> models</span></div>\
         <div role=\"radiogroup\"><button type=\"button\" data-state=\"off\">Style Control On</button><button type=\"button\" data-state=\"on\">Style Control Off</button></div>\
         <div role=\"radiogroup\"><button type=\"button\" data-state=\"on\">Models</button><button type=\"button\" data-state=\"off\">Labs</button></div><div>",
        date = board.stamp.format("%b %-d, %Y"),
        votes = grouped(board.total_votes()),
        count = rows.len(),
    );
    table(&mut page, &rows);
    page.push_str("<button type=\"button\" class=\"sticky bottom-2 mx-auto block w-fit rounded-full\">View all</button></div></main>");
    page.push_str(&fragments(board, build, &rows));
    page.push_str("</body></html>");
    Bytes::from(page)
}

/// Everything before the content: assets of the deployment, descriptions, menus.
fn head(page: &mut String, title: &str, build: &str) {
    page.push_str("<!DOCTYPE html><html lang=\"en\"><head><meta charSet=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    let mut scribble = Scribble::new("head", 0);
    for _ in 0..70 {
        let chunk = scribble.hex(16);
        let _ = write!(
            page,
            "<script src=\"/_next/static/chunks/{chunk}.js?dpl={build}\" async=\"\"></script>"
        );
    }
    let _ = write!(
        page,
        "<title>Leaderboard</title><meta name=\"description\" content=\"Text models ranked by {category} performance (without style control).\"/></head><body><nav>",
        category = title.to_lowercase(),
    );
    for _ in 0..95 {
        let label = scribble.hex(8);
        let _ = write!(
            page,
            "<a class=\"text-text-secondary hover:text-text-primary flex items-center gap-2 rounded-md px-2 py-1\" href=\"/leaderboard/{label}\"><svg viewBox=\"0 0 24 24\" width=\"16\" height=\"16\"><path d=\"{}\"></path></svg><span>{label}</span></a>",
            scribble.path(34)
        );
    }
    page.push_str("</nav>");
}

/// The page that a protected site shows instead of its content, with status 403.
#[must_use]
pub fn block_page() -> Bytes {
    Bytes::from_static(
        b"<!DOCTYPE html><html lang=\"en-US\"><head><title>Attention Required! | Cloudflare</title>\
          <meta name=\"robots\" content=\"noindex, nofollow\"/></head><body><div id=\"cf-wrapper\"><h1>Sorry, you have been blocked</h1>\
          <h2>You are unable to access this site</h2><p>This site is protected; what you did was taken for an attack. \
          Write to the owner of the site and name the reference below.</p><p>Reference 0000000000000000</p></div></body></html>",
    )
}
