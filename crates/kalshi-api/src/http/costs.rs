//! What requests cost, in tokens: by method and path.
//!
//! Source: the exchange's list of endpoint costs. Its paths have parameters such as `:order_id`, which stand for one segment,
//! and such as `*endpoint`, which stand for the rest.

/// Tokens of a request that is not listed.
pub(crate) const DEFAULT_COST: u32 = 10;
/// Tokens of a cancel.
const CANCEL_COST: u32 = 2;

/// The root that the exchange's list writes before every path.
const ROOT: [&str; 2] = ["trade-api", "v2"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Word(String),
    One,
    Rest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    method: String,
    parts: Vec<Part>,
    cost: u32,
}

/// The costs in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CostTable {
    default: u32,
    rows: Vec<Row>,
}

impl CostTable {
    /// What is documented for the endpoints that this client writes to.
    pub(crate) fn documented() -> Self {
        Self::new(
            DEFAULT_COST,
            [
                (
                    "DELETE",
                    "/trade-api/v2/portfolio/events/orders/:order_id",
                    CANCEL_COST,
                ),
                (
                    "DELETE",
                    "/trade-api/v2/portfolio/events/orders/batched",
                    CANCEL_COST,
                ),
            ],
        )
    }

    /// A table of method, path and cost, with the cost of everything else.
    pub(crate) fn new<'a>(default: u32, rows: impl IntoIterator<Item = (&'a str, &'a str, u32)>) -> Self {
        let row = |(method, path, cost): (&str, &str, u32)| Row {
            method: method.to_ascii_uppercase(),
            parts: parts(path),
            cost,
        };
        Self {
            default,
            rows: rows.into_iter().map(row).collect(),
        }
    }

    /// The tokens of one request; `segments` are the path below the API root. Of several rows that fit, the one with the most
    /// words counts.
    pub(crate) fn cost(&self, method: &str, segments: &[&str]) -> u32 {
        self.rows
            .iter()
            .filter(|row| row.method == method && fits(&row.parts, segments))
            .max_by_key(|row| {
                row.parts
                    .iter()
                    .filter(|part| matches!(part, Part::Word(_)))
                    .count()
            })
            .map_or(self.default, |row| row.cost)
    }
}

fn parts(path: &str) -> Vec<Part> {
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    words
        .strip_prefix(&ROOT)
        .unwrap_or(&words)
        .iter()
        .map(|word| match word.as_bytes().first() {
            Some(b':' | b'{') => Part::One,
            Some(b'*') => Part::Rest,
            _ => Part::Word((*word).to_owned()),
        })
        .collect()
}

fn fits(parts: &[Part], segments: &[&str]) -> bool {
    match (parts.split_first(), segments.split_first()) {
        (None, None) => true,
        (Some((Part::Rest, _)), Some(_)) => true,
        (Some((Part::One, parts)), Some((_, segments))) => fits(parts, segments),
        (Some((Part::Word(word), parts)), Some((segment, segments))) => {
            word == segment && fits(parts, segments)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_costs_are_two_for_cancels_and_ten_else() {
        let table = CostTable::documented();
        for (method, path, cost) in [
            ("POST", "portfolio/events/orders", 10),
            ("DELETE", "portfolio/events/orders", 10),
            ("DELETE", "portfolio/events/orders/o-1", 2),
            ("DELETE", "portfolio/events/orders/batched", 2),
            ("POST", "portfolio/events/orders/o-1/amend", 10),
            ("GET", "portfolio/events/orders/o-1", 10),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(table.cost(method, &segments), cost, "{method} {path}");
        }
    }

    #[test]
    fn the_row_with_the_most_words_counts() {
        let rows = [
            ("GET", "/trade-api/v2/a/:one", 3),
            ("GET", "/trade-api/v2/a/b", 4),
            ("GET", "/trade-api/v2/a/*rest", 5),
            ("GET", "/trade-api/v2/c/{id}/d", 6),
            ("get", "/e", 0),
        ];
        let table = CostTable::new(7, rows);
        for (path, cost) in [
            ("a/b", 4),
            ("a/b/c", 5),
            ("a", 7),
            ("c/x/d", 6),
            ("c/x/y", 7),
            ("e", 0),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(table.cost("GET", &segments), cost, "{path}");
        }
        assert!([3, 5].contains(&table.cost("GET", &["a", "x"])));
        assert_eq!(table.cost("POST", &["a", "b"]), 7);
    }
}
