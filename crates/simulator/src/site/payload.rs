//! The flight payload: the board as the page's script fragments carry it.
//!
//! Keys are written in the order of the real page, by hand, so that the bytes depend on nothing but the board.

use std::fmt::Write as _;

use super::board::{ModelTerms, RankedModel, SiteBoard};
use super::scribble::Scribble;

/// How many models the page's plots show.
const PLOTTED: usize = 20;

/// A number of `one`-ths as JavaScript prints it: no more decimals than needed.
fn decimal(number: i64, one: i64) -> String {
    let (whole, mut part) = (number.abs() / one, number.abs() % one);
    let sign = if number < 0 { "-" } else { "" };
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let mut digits = one.ilog10() as usize;
    while part % 10 == 0 {
        part /= 10;
        digits -= 1;
    }
    format!("{sign}{whole}.{part:0digits$}")
}

fn hundredths(number: i64) -> String {
    decimal(number, 100)
}

fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// Where the model is described, in the reserved domain for examples.
pub(super) fn model_url(name: &str) -> String {
    format!("https://models.example/{}", name.replace(' ', "-"))
}

/// The rank the same model has with style control: near the other one, but another number.
fn style_control_rank(row: &RankedModel<'_>) -> usize {
    let shift = row.model.name.bytes().map(usize::from).sum::<usize>() % 5;
    (row.rank + shift).saturating_sub(2).max(1)
}

fn entry(out: &mut String, row: &RankedModel<'_>) {
    let model = row.model;
    let price = |pick: fn(&ModelTerms) -> u32| {
        or_null(
            model
                .terms
                .as_ref()
                .map(|terms| decimal(pick(terms).into(), 1_000)),
        )
    };
    let context = model.terms.and_then(|terms| terms.context);
    let _ = write!(
        out,
        "{{\"rank\":{},\"rankUpper\":{},\"rankLower\":{},\"rankStyleControl\":{},\"modelDisplayName\":{},\
         \"rating\":{},\"ratingUpper\":{},\"ratingLower\":{},\"votes\":{},\"modelOrganization\":{},\"modelUrl\":{},\
         \"license\":{},\"inputPricePerMillion\":{},\"outputPricePerMillion\":{},\"contextLength\":{},\
         \"pricePerImage\":null,\"pricePerSecond\":null,\"releaseType\":{}}}",
        row.rank,
        row.rank_upper,
        row.rank_lower,
        style_control_rank(row),
        text(&model.name),
        hundredths(model.score),
        hundredths(model.upper()),
        hundredths(model.lower()),
        model.votes,
        text(&model.organization),
        text(&model_url(&model.name)),
        text(model.license),
        price(|terms| terms.input),
        price(|terms| terms.output),
        or_null(context.map(|tokens| tokens.to_string())),
        or_null(model.release_type.map(text)),
    );
}

/// The board's object.
fn leaderboard(board: &SiteBoard, rows: &[RankedModel<'_>]) -> String {
    let category = board.category;
    let mut out = String::with_capacity(180_000);
    let _ = write!(
        out,
        "{{\"arenaSlug\":\"text\",\"leaderboardSlug\":\"{category}-no-style-control\",\
         \"params\":{{\"category\":\"{category}\",\"styleControl\":false}},\
         \"category\":{{\"name\":\"{category}\",\"title\":\"{title}\",\"icon\":\"\u{1f3c6}\"}},\
         \"id\":\"00000000-0000-4000-8000-{id:012x}\",\"entries\":[",
        title = super::page::title_of(category),
        id = board.stamp.timestamp(),
    );
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        entry(&mut out, row);
    }
    let _ = write!(
        out,
        "],\"voteCutoffISOString\":\"{}\",\"totalVotes\":{},\"totalModels\":{}}}",
        board.stamp.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        board.total_votes(),
        rows.len(),
    );
    out
}

fn names(rows: &[RankedModel<'_>]) -> String {
    let names: Vec<String> = rows.iter().map(|row| text(&row.model.name)).collect();
    names.join(",")
}

/// A square of numbers over the plotted models: fractions, or counts.
fn square(rows: &[RankedModel<'_>], number: impl Fn(i64, i64) -> String) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|a| {
            let cells: Vec<String> = rows
                .iter()
                .map(|b| number(a.model.score, b.model.score))
                .collect();
            format!("[{}]", cells.join(","))
        })
        .collect();
    lines.join(",")
}

/// The plots of the best models.
fn plots(rows: &[RankedModel<'_>]) -> String {
    let top = rows.get(..PLOTTED.min(rows.len())).unwrap_or_default();
    let ratings: Vec<String> = top
        .iter()
        .map(|row| {
            let model = row.model;
            format!(
                "{{\"modelDisplayName\":{},\"rating\":{},\"ratingLower\":{},\"ratingUpper\":{}}}",
                text(&model.name),
                hundredths(model.score),
                hundredths(model.lower()),
                hundredths(model.upper()),
            )
        })
        .collect();
    let rates: Vec<String> = top
        .iter()
        .map(|row| {
            let rate = decimal(5_000 + (row.model.score - 145_000) / 4, 10_000);
            format!(
                "{{\"modelDisplayName\":{},\"winRate\":{rate}}}",
                text(&row.model.name)
            )
        })
        .collect();
    let wins = square(top, |a, b| decimal((500 + (a - b) / 14).clamp(1, 999), 1_000));
    let battles = square(top, |a, b| (200 + (a * 31 + b * 17).rem_euclid(900)).to_string());
    format!(
        "[{{\"type\":\"bootstrap_elo_rating\",\"data\":{{\"modelRatings\":[{}]}}}},\
          {{\"type\":\"win_fraction_heatmap\",\"data\":{{\"models\":[{names}],\"values\":[{wins}]}}}},\
          {{\"type\":\"battle_count_heatmap\",\"data\":{{\"models\":[{names}],\"values\":[{battles}]}}}},\
          {{\"type\":\"average_win_rate_bar\",\"data\":{{\"modelWinRates\":[{}]}}}}]",
        ratings.join(","),
        rates.join(","),
        names = names(top),
    )
}

/// One script that pushes a fragment; markup cannot end it.
fn push(out: &mut String, fragment: &str) {
    let literal = text(fragment).replace('<', "\\u003c");
    let _ = write!(out, "<script>self.__next_f.push([1,{literal}])</script>");
}

/// All fragments of a page: shell, the board's object, plots, and the rest of the page's tree.
pub(super) fn fragments(board: &SiteBoard, build: &str, rows: &[RankedModel<'_>]) -> String {
    let mut out = String::with_capacity(520_000);
    out.push_str("<script>(self.__next_f=self.__next_f||[]).push([0])</script>");
    push(&mut out, "1:\"$Sreact.fragment\"\n");
    for part in 0..10 {
        push(&mut out, &module_row(part, build));
    }
    push(
        &mut out,
        &format!(
            "0:{{\"P\":null,\"b\":{},\"c\":[\"\",\"leaderboard\",\"text\"],\"f\":[\"$undefined\"]}}\n",
            text(build)
        ),
    );
    let component = format!(
        "b:[\"$\",\"$L1b\",null,{{\"arena\":{{\"slug\":\"text\",\"title\":\"Text\",\"categories\":\"$Q1c\",\"hasStyleControl\":true}},\
         \"leaderboard\":{},\"plots\":{}}}]\n",
        leaderboard(board, rows),
        plots(rows),
    );
    // Long rows of the stream are cut anywhere; as on the captured page, behind the board's object.
    let cut = (component.len() * 19 / 20..component.len())
        .find(|at| component.is_char_boundary(*at))
        .unwrap_or(0);
    let (head, tail) = component.split_at(cut);
    // As much of other things stands before the board as on the real page: the menus of all other boards.
    push(&mut out, &menu_rows(board));
    push(&mut out, head);
    push(&mut out, tail);
    for part in 0..22 {
        push(&mut out, &tree_row(part));
    }
    out
}

/// A row that names a script of the deployment.
fn module_row(part: u32, build: &str) -> String {
    let mut row = format!("{part:x}a:I[{},[", 20_000 + part * 411);
    let mut scribble = Scribble::new("module", u64::from(part));
    for _ in 0..24 {
        let chunk = scribble.hex(16);
        let _ = write!(
            row,
            "\"{}\",\"static/chunks/{chunk}.js?dpl={build}\",",
            scribble.digits(5)
        );
    }
    row.push_str("\"default\"]\n");
    row
}

/// Text about everything but the board: what the menus of the real page carry.
fn menu_rows(board: &SiteBoard) -> String {
    let mut rows = String::with_capacity(200_000);
    let mut scribble = Scribble::new("menu", 0);
    for item in 0..1_300 {
        let label = scribble.hex(8);
        let _ = writeln!(
            rows,
            "{:x}:{{\"slug\":\"{label}\",\"title\":\"Board {label}\",\"href\":\"/leaderboard/{label}\",\"updated\":\"{}\",\"note\":\"$undefined\",\"votes\":{}}}",
            0x1000 + item,
            board.stamp.format("%Y-%m-%d"),
            scribble.digits(6),
        );
    }
    rows
}

/// The rest of the page's tree: nothing a reader needs, but as much of it as on the real page.
fn tree_row(part: u32) -> String {
    let mut row =
        format!("{part:x}c:[\"$\",\"div\",null,{{\"className\":\"page-part-{part}\",\"children\":[");
    let mut scribble = Scribble::new("tree", u64::from(part));
    for item in 0..26 {
        let _ = write!(
            row,
            "[\"$\",\"span\",\"{item}\",{{\"className\":\"text-sm text-secondary w-{}\",\"children\":\"$Q{part:x}\"}}],",
            scribble.digits(2)
        );
    }
    row.push_str("\"$undefined\"]}]\n");
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        let cases = [
            (150_056, 100, "1500.56"),
            (150_050, 100, "1500.5"),
            (150_000, 100, "1500"),
            (5, 100, "0.05"),
            (-1_205, 100, "-12.05"),
            (252, 1_000, "0.252"),
            (600, 1_000, "0.6"),
            (25_000, 1_000, "25"),
        ];
        for (number, one, printed) in cases {
            assert_eq!(decimal(number, one), printed);
        }
    }

    #[test]
    fn markup_in_a_name_cannot_end_the_script() {
        let mut out = String::new();
        push(&mut out, "\"</script><b>\"");
        assert_eq!(out.matches("</script>").count(), 1);
        assert!(out.contains("\\u003c/script>"), "{out}");
    }
}
