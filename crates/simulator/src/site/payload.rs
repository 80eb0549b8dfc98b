//! The flight payload: the board as the page's script fragments carry it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::board::{RankedModel, SiteBoard};

/// A number of hundredths as the site writes it: no more decimals than needed.
fn decimal(hundredths: i64) -> Value {
    // Hundredths of a rating are far below 2^53: the float is the nearest to the decimal, and prints as the decimal.
    json!(hundredths as f64 / 100.0)
}

fn entry(row: &RankedModel<'_>) -> Value {
    let model = row.model;
    json!({
        "rank": row.rank,
        "rankUpper": row.rank_upper,
        "rankLower": row.rank_lower,
        "rankStyleControl": row.rank,
        "modelDisplayName": model.name,
        "rating": decimal(model.score),
        "ratingUpper": decimal(model.score + model.half_width),
        "ratingLower": decimal(model.score - model.half_width),
        "votes": model.votes,
        "modelOrganization": model.organization,
        "modelUrl": format!("https://models.example/{}", model.name.replace(' ', "-")),
        "license": model.license,
        "inputPricePerMillion": 3,
        "outputPricePerMillion": 15,
        "contextLength": 1_000_000,
        "pricePerImage": null,
        "pricePerSecond": null,
        "releaseType": model.release_type,
    })
}

/// The text of a fragment as a script pushes it.
fn push(out: &mut String, text: &str) {
    let literal = Value::String(text.to_owned()).to_string();
    let _ = write!(out, "<script>self.__next_f.push([1,{literal}])</script>");
}

/// All fragments of a page: shell, the board's object, plots, and the rest of the page's tree.
pub(super) fn fragments(board: &SiteBoard, rows: &[RankedModel<'_>]) -> String {
    let entries: Vec<Value> = rows.iter().map(entry).collect();
    let stamp = board.stamp.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let leaderboard = json!({
        "arenaSlug": "text",
        "leaderboardSlug": format!("{}-no-style-control", board.category),
        "params": { "category": board.category, "styleControl": false },
        "category": { "name": board.category, "title": board.category, "icon": "\u{1f3c6}" },
        "id": "00000000-0000-4000-8000-000000000001",
        "entries": entries,
        "voteCutoffISOString": stamp,
        "totalVotes": board.total_votes(),
        "totalModels": rows.len(),
    });
    let plots = plots(rows);
    let mut out = String::with_capacity(520_000);
    push(
        &mut out,
        "0:{\"P\":null,\"b\":\"stand-in\",\"c\":[\"\",\"leaderboard\",\"text\"],\"f\":[\"$undefined\"]}\n",
    );
    let component = format!(
        "b:[\"$\",\"$L1b\",null,{{\"arena\":{{\"slug\":\"text\",\"title\":\"Text\"}},\"leaderboard\":{leaderboard},\"plots\":{plots}}}]\n"
    );
    // The board comes in two fragments, cut inside the object, as long rows of the stream are.
    let cut = component
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= component.len() * 3 / 5)
        .unwrap_or(0);
    let (head, tail) = component.split_at(cut);
    push(&mut out, head);
    push(&mut out, tail);
    for part in 0..24 {
        push(&mut out, &filler(part));
    }
    out
}

fn plots(rows: &[RankedModel<'_>]) -> Value {
    let top: Vec<&RankedModel<'_>> = rows.iter().take(20).collect();
    let ratings: Vec<Value> = top
        .iter()
        .map(|row| {
            json!({
                "name": row.model.name,
                "rating": decimal(row.model.score),
                "ratingLower": decimal(row.model.score - row.model.half_width),
                "ratingUpper": decimal(row.model.score + row.model.half_width),
            })
        })
        .collect();
    let heat: Vec<Vec<f64>> = (0..120_u32)
        .map(|i| {
            (0..120_u32)
                .map(|j| f64::from((i * 37 + j * 11) % 100) / 100.0)
                .collect()
        })
        .collect();
    json!([
        { "type": "bootstrap_elo_rating", "data": ratings },
        { "type": "win_fraction_heatmap", "data": heat },
        { "type": "battle_count_heatmap", "data": heat },
    ])
}

/// The rest of the page's tree: nothing a reader needs, but as much of it as on the real page.
fn filler(part: usize) -> String {
    let mut out =
        format!("{part:x}c:[\"$\",\"div\",null,{{\"className\":\"page-part-{part}\",\"children\":[");
    for item in 0..40 {
        let _ = write!(
            out,
            "[\"$\",\"span\",\"{item}\",{{\"className\":\"text-sm text-secondary\",\"children\":\"$Q{part:x}\"}}],"
        );
    }
    out.push_str("\"$undefined\"]}]\n");
    out
}
