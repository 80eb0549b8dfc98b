//! The server-rendered table: every row of the board, cells built as the real page builds them.

use std::fmt::Write as _;

use super::board::{RankedModel, SiteModel};
use super::payload::model_url;
use super::scribble::Scribble;

const CELL: &str = "p-2 align-middle [&amp;:has([role=checkbox])]:pr-0 [&amp;&gt;[role=checkbox]]:translate-y-[2px] py-3 last:pr-4";
const ICON: &str = "<svg width=\"1.5em\" height=\"1.5em\" viewBox=\"0 0 24 24\" stroke-width=\"1.5\" fill=\"none\" color=\"currentColor\" class=\"text-muted-foreground h-4 w-4\"><path d=\"M4 12H20\" stroke=\"currentColor\" stroke-linecap=\"round\" stroke-linejoin=\"round\"></path><path d=\"M8 8L4 12L8 16\" stroke=\"currentColor\" stroke-linecap=\"round\" stroke-linejoin=\"round\"></path><path d=\"M16 8L20 12L16 16\" stroke=\"currentColor\" stroke-linecap=\"round\" stroke-linejoin=\"round\"></path></svg>";
const HEADINGS: [&str; 7] = [
    "Rank",
    "Rank Spread",
    "Model",
    "Score",
    "Votes",
    "Price $/M",
    "Context",
];

/// Digits in groups of three.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Hundredths as the page displays them: rounded half away from zero to an integer.
fn displayed(hundredths: i64) -> i64 {
    (hundredths.abs() + 50) / 100 * hundredths.signum()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A lab's mark: decorative, and as large and as hard to compress as the average real one.
fn mark(model: &SiteModel) -> String {
    let path = Scribble::new(&model.name, 0).path(38);
    let title = if model.organization.is_empty() {
        String::new()
    } else {
        format!("<title>{}</title>", escape(&model.organization))
    };
    let shade = "<stop offset=\"60%\" stop-color=\"#223344\"></stop>".repeat(26);
    format!(
        "<svg fill=\"currentColor\" fill-rule=\"evenodd\" height=\"24\" viewBox=\"0 0 24 24\" width=\"24\" class=\"pointer-events-none size-4 select-none\">{title}<path d=\"{path}\"></path><defs><linearGradient>{shade}</linearGradient></defs></svg>",
    )
}

/// Thousandths of a dollar as the page shows prices: whole dollars, or cents.
fn dollars(thousandths: u32) -> String {
    if thousandths.is_multiple_of(1_000) {
        format!("${}", thousandths / 1_000)
    } else {
        let cents = (thousandths + 5) / 10;
        format!("${}.{:02}", cents / 100, cents % 100)
    }
}

/// Tokens as the page shows them: millions, or thousands with a decimal where there is one.
fn tokens(context: u32) -> String {
    let tenths = (context + 50) / 100;
    if context >= 1_000_000 {
        format!("{}M", context / 1_000_000)
    } else if tenths.is_multiple_of(10) {
        format!("{}K", tenths / 10)
    } else {
        format!("{}.{}K", tenths / 10, tenths % 10)
    }
}

/// The line under the model's name: the lab and the licence, or the licence alone.
fn owner(model: &SiteModel) -> String {
    if model.organization.is_empty() {
        escape(model.license)
    } else {
        format!("{} \u{b7} {}", escape(&model.organization), escape(model.license))
    }
}

fn row(out: &mut String, row: &RankedModel<'_>) {
    let model = row.model;
    let name = escape(&model.name);
    let preliminary = if model.release_type.is_some() {
        format!(
            "<button data-state=\"closed\"><div class=\"rounded-full px-2 py-0.5 text-xs font-medium\">{ICON}<span>Preliminary</span></div></button>"
        )
    } else {
        String::new()
    };
    let price = model.terms.map_or_else(
        || "N/A".to_owned(),
        |terms| {
            format!(
                "{}<!-- --> / <!-- -->{}",
                dollars(terms.input),
                dollars(terms.output)
            )
        },
    );
    let context = model
        .terms
        .and_then(|terms| terms.context)
        .map_or_else(|| "N/A".to_owned(), tokens);
    let _ = write!(
        out,
        "<tr class=\"hover:bg-surface-highlight data-[state=selected]:bg-surface-highlight transition-colors border-border-faint text-interactive-normal border-b\">\
         <td class=\"{CELL} text-center px-6 border-r\"><span class=\"text-sm font-medium\">{rank}</span></td>\
         <td class=\"{CELL} text-center\"><div class=\"flex items-center justify-center gap-1 text-sm font-normal\"><span>{upper}</span>{ICON}<span>{lower}</span></div></td>\
         <td class=\"{CELL} overflow-hidden pl-6\"><div class=\"flex min-w-0 items-center space-x-2 min-h-[36px]\"><div class=\"shrink-0\">{mark}</div><div class=\"flex min-w-0 flex-1 flex-col\"><div class=\"group inline-flex min-w-0 max-w-full items-center\"><a target=\"_blank\" rel=\"noopener noreferrer\" href=\"{url}\" class=\"text-interactive-active inline-flex min-w-0 items-center font-mono text-sm transition-colors duration-200\" title=\"{name}\"><span class=\"max-w-full truncate\">{name}</span>{ICON}</a></div><span class=\"text-text-secondary truncate text-xs\">{owner}</span></div></div></td>\
         <td class=\"{CELL} pl-5\"><div class=\"flex flex-row items-center gap-2 min-w-[178px]\"><span class=\"text-sm\">{score}</span><span class=\"text-tertiary text-xs\">\u{b1}{half}</span>{preliminary}</div></td>\
         <td class=\"{CELL} text-center\"><span class=\"text-sm\">{votes}</span></td>\
         <td class=\"{CELL} text-center\"><span class=\"text-sm\">{price}</span></td>\
         <td class=\"{CELL} text-center\"><span class=\"text-sm\">{context}</span></td></tr>",
        rank = row.rank,
        upper = row.rank_upper,
        lower = row.rank_lower,
        mark = mark(model),
        url = escape(&model_url(&model.name)),
        owner = owner(model),
        score = displayed(model.score),
        half = displayed(model.half_width),
        votes = grouped(model.votes),
    );
}

/// The whole table.
pub(super) fn table(out: &mut String, rows: &[RankedModel<'_>]) {
    out.push_str(
        "<table class=\"w-full caption-bottom text-sm table-fixed\"><thead class=\"sticky top-0 z-20\"><tr>",
    );
    for heading in HEADINGS {
        let _ = write!(
            out,
            "<th class=\"h-10 px-2 text-left align-middle font-sans text-xs font-normal\"><button type=\"button\" class=\"group flex w-full items-center gap-1\">{heading}{ICON}</button></th>"
        );
    }
    out.push_str("</tr></thead><tbody>");
    for ranked in rows {
        row(out, ranked);
    }
    out.push_str("</tbody></table>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_the_page() {
        assert_eq!(grouped(6_110_156), "6,110,156");
        assert_eq!(grouped(23), "23");
        assert_eq!(displayed(150_056), 1501);
        assert_eq!(displayed(449), 4);
        assert_eq!(
            [dollars(5_000), dollars(600), dollars(252)],
            ["$5", "$0.60", "$0.25"]
        );
        assert_eq!(
            [tokens(1_000_000), tokens(262_144), tokens(200_000)],
            ["1M", "262.1K", "200K"]
        );
    }
}
