//! The boards of a series as the page would have shown them, each with the moment it became known.

use std::collections::BTreeMap;
use std::sync::Arc;

use autotrader_domain::{
    AcceptedBoard, BoardHash, BoardHistory, GatedBoard, HistoryEvent, Outcome, ParsePath, Sight, Verdict,
    Vintage,
};
use autotrader_settlement::{Board, Entry, Rating, RuleSet};
use autotrader_strategy::fair::RankedBoard;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::BacktestError;
use super::chance::chance;
use crate::series::{Series, SeriesBoard};

/// Something that was used before it was known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a look into the future at {at}: {what} became known only at {known_at}")]
pub struct Leak {
    /// When it was used.
    pub at: DateTime<Utc>,
    /// When it became known.
    pub known_at: DateTime<Utc>,
    /// What it was.
    pub what: String,
}

/// A datum with the moment it became known; it cannot be had without saying what time it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Known<T> {
    known_at: DateTime<Utc>,
    value: T,
}

impl<T> Known<T> {
    /// A datum that became known at a moment.
    pub const fn new(known_at: DateTime<Utc>, value: T) -> Self {
        Self { known_at, value }
    }

    /// When it became known.
    pub const fn known_at(&self) -> DateTime<Utc> {
        self.known_at
    }

    /// The datum, at a moment.
    ///
    /// # Errors
    /// [`Leak`] when it was not known by then.
    pub fn by(&self, at: DateTime<Utc>, what: &str) -> Result<&T, Leak> {
        if self.known_at <= at {
            Ok(&self.value)
        } else {
            Err(Leak {
                at,
                known_at: self.known_at,
                what: what.to_owned(),
            })
        }
    }
}

/// A series made ready for any number of runs.
#[derive(Debug, Clone)]
pub struct Archive {
    boards: Vec<Dated>,
    /// Boards that are not shown, by the reason.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// A board with what the file says of its time.
#[derive(Debug, Clone)]
struct Dated {
    page: Arc<GatedBoard>,
    midnight: DateTime<Utc>,
    /// When it became known, where the file says so to the second.
    seen_at: Option<DateTime<Utc>>,
}

impl Archive {
    /// Boards that may be shown: of each day the last, none that was corrected later, and none that lists so few models that
    /// a model's absence says nothing.
    #[must_use]
    pub fn of(series: &Series) -> Self {
        let mut counts: Vec<usize> = series.boards().iter().map(|board| board.rows.len()).collect();
        counts.sort_unstable();
        let usual = counts.get(counts.len() / 2).copied().unwrap_or_default();
        let mut left_out: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut boards: Vec<Dated> = Vec::new();
        for board in series.boards() {
            let reason = if board.revised {
                Some("corrected later")
            } else if board.rows.len() * 2 < usual {
                Some("lists fewer than half the usual models")
            } else {
                None
            };
            if let Some(reason) = reason {
                *left_out.entry(reason).or_default() += 1;
                continue;
            }
            let dated = Dated::of(board);
            if boards.last().is_some_and(|last| last.midnight == dated.midnight) {
                *left_out.entry("another board of the same day").or_default() += 1;
                boards.pop();
            }
            boards.push(dated);
        }
        Self { boards, left_out }
    }

    /// The days of the first and the last board that is shown.
    #[must_use]
    pub fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        Some((self.boards.first()?.midnight, self.boards.last()?.midnight))
    }

    /// From which day to which no board was shown, where that is longer than a span.
    #[must_use]
    pub fn gaps(&self, longest: TimeDelta) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let days = self.boards.iter().map(|board| board.midnight);
        days.clone()
            .zip(days.skip(1))
            .filter(|(from, to)| *to - *from > longest)
            .collect()
    }

    /// When and what the page showed in one run. Where the file gives the day alone, the moment within it is drawn.
    #[must_use]
    pub fn shown(&self, seed: u64) -> Feed {
        let mut rng = chance(seed, "moments");
        let mut latest = DateTime::<Utc>::MIN_UTC;
        let boards = self.boards.iter().map(|board| {
            let drawn = board.midnight + TimeDelta::seconds(rng.gen_range(0..86_400));
            // Of two boards the one of the later day is never known first.
            latest = board.seen_at.unwrap_or(drawn).max(latest + TimeDelta::seconds(1));
            Known::new(latest, Arc::clone(&board.page))
        });
        Feed {
            boards: boards.collect(),
        }
    }
}

impl Dated {
    fn of(board: &SeriesBoard) -> Self {
        let midnight = board.date.and_time(NaiveTime::MIN).and_utc();
        let entries = ranked(&board.rows);
        let page = GatedBoard {
            verdict: Verdict::Tradable,
            reasons: Vec::new(),
            path: Some(ParsePath::Json),
            slug: None,
            category: None,
            style_control: Some(false),
            vintage: Some(Vintage(midnight)),
            hash: hash(&entries),
            total_models: u64::try_from(entries.len()).ok(),
            total_votes: None,
            board: Arc::new(Board { entries }),
            anomalies: Vec::new(),
        };
        Self {
            page: Arc::new(page),
            midnight,
            seen_at: board.seen_at,
        }
    }
}

fn value(rating: Option<&Rating>) -> Option<f64> {
    rating.map(Rating::value)
}

/// The rows with the best possible ranks, which older collections lack: one more than the models that are certainly better,
/// by the intervals where there are any, otherwise by the scores.
fn ranked(rows: &[Entry]) -> Vec<Entry> {
    if rows
        .iter()
        .all(|row| row.rank_ub.is_some() || row.score.is_none())
    {
        return rows.to_vec();
    }
    let low = |row: &Entry| value(row.ci_lower.as_ref()).or(value(row.score.as_ref()));
    let high = |row: &Entry| value(row.ci_upper.as_ref()).or(value(row.score.as_ref()));
    let rank = |row: &Entry| {
        let own = high(row)?;
        let better = rows.iter().filter_map(low).filter(|low| *low > own).count();
        i64::try_from(better + 1).ok()
    };
    rows.iter()
        .map(|row| Entry {
            rank_ub: rank(row),
            ..row.clone()
        })
        .collect()
}

fn hash(entries: &[Entry]) -> BoardHash {
    let mut hasher = Sha256::new();
    for entry in entries {
        hasher.update(format!("{entry:?}\n"));
    }
    BoardHash(hasher.finalize().into())
}

/// The boards of one run in the order in which they became known.
#[derive(Debug, Clone)]
pub struct Feed {
    boards: Vec<Known<Arc<GatedBoard>>>,
}

/// What was known of the boards before a run begins.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// What they tell, in order.
    pub history: Vec<HistoryEvent>,
    /// The last of them.
    pub accepted: Option<AcceptedBoard>,
}

impl Feed {
    /// A feed of boards as given; for tests that plant a leak.
    #[must_use]
    pub const fn new(boards: Vec<Known<Arc<GatedBoard>>>) -> Self {
        Self { boards }
    }

    /// The moments at which boards become known, with their places.
    pub fn moments(&self) -> impl Iterator<Item = (usize, DateTime<Utc>)> + '_ {
        self.boards
            .iter()
            .enumerate()
            .map(|(place, board)| (place, board.known_at))
    }

    /// A board, at a moment.
    ///
    /// # Errors
    /// [`Leak`] when it was not known by then.
    pub fn board(&self, place: usize, at: DateTime<Utc>) -> Result<&Arc<GatedBoard>, BacktestError> {
        let board = self.boards.get(place).ok_or(BacktestError::NoBoards)?;
        Ok(board.by(at, "a board")?)
    }

    /// A board for the others, whenever they see it: the core is never told of it by this way.
    pub(super) fn ahead(&self, place: usize) -> Option<&Arc<GatedBoard>> {
        self.boards.get(place).map(|board| &board.value)
    }

    /// The place of the board that the page shows at a moment; `None` before the first.
    #[must_use]
    pub fn latest(&self, at: DateTime<Utc>) -> Option<usize> {
        self.boards
            .partition_point(|board| board.known_at <= at)
            .checked_sub(1)
    }

    /// Who wins at a check; `None` when no board was known by then.
    #[must_use]
    pub fn winner(&self, check: DateTime<Utc>) -> Option<Outcome> {
        let page = self.board(self.latest(check)?, check).ok()?;
        let board = RankedBoard::new(&page.board.entries, RuleSet::default());
        board.winner().map(|winner| Outcome {
            model_name: Some(winner.model_name.clone()),
            organization: winner.known_organization().map(str::to_owned),
        })
    }

    /// What was known before a moment.
    #[must_use]
    pub fn before(&self, at: DateTime<Utc>) -> Before {
        let mut past = Past::default();
        let mut before = Before::default();
        for board in self.boards.iter().take_while(|board| board.known_at < at) {
            before.history.extend(past.see(&board.value, board.known_at));
            before.accepted = board.value.vintage.map(|vintage| AcceptedBoard {
                board: Arc::clone(&board.value.board),
                hash: board.value.hash,
                vintage,
                path: ParsePath::Json,
                accepted_at: board.known_at,
            });
        }
        before
    }
}

/// The boards that somebody has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    pub(super) history: BoardHistory,
    pub(super) last: Option<Arc<GatedBoard>>,
}

impl Past {
    /// Sees the next board.
    pub(super) fn see(&mut self, page: &Arc<GatedBoard>, at: DateTime<Utc>) -> Vec<HistoryEvent> {
        let ranked = RankedBoard::new(&page.board.entries, RuleSet::default());
        let previous = self.last.replace(Arc::clone(page));
        self.history.observe(&Sight {
            at,
            entries: &page.board.entries,
            leader: ranked.winner(),
            previous: previous.as_ref().map(|page| page.board.entries.as_slice()),
            comparable: true,
            renames: &[],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn series(boards: &str) -> Series {
        Series::read(boards.as_bytes()).unwrap()
    }

    fn board(date: &str, more: &str, rows: &[(&str, f64)]) -> String {
        let rows: Vec<String> = rows
            .iter()
            .map(|(model, score)| {
                format!(
                    r#"{{"model":"{model}","org":"{model}-lab","score":{score},"lo":{},"hi":{}}}"#,
                    score - 5.0,
                    score + 5.0
                )
            })
            .collect();
        format!(
            r#"{{"date":"{date}","src":"x"{more},"rows":[{}]}}"#,
            rows.join(",")
        )
    }

    fn four() -> Series {
        let rows = [("a", 1500.0), ("b", 1495.0), ("c", 1480.0)];
        let turned = [("b", 1500.0), ("a", 1495.0), ("c", 1480.0)];
        series(&format!(
            "[{},{},{},{}]",
            board("2026-01-01", r#","known_at":"2026-01-02T03:04:05Z""#, &rows),
            board("2026-01-05", r#","revised":true"#, &turned),
            board("2026-01-06", "", &turned),
            board("2026-01-09", "", &rows[..1]),
        ))
    }

    #[test]
    fn a_datum_cannot_be_had_before_it_is_known() {
        let moment = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let known = Known::new(moment("2026-01-02T00:00:00Z"), 7);
        assert_eq!(known.by(moment("2026-01-02T00:00:00Z"), "it"), Ok(&7));
        let leak = known.by(moment("2026-01-01T23:59:59Z"), "it").unwrap_err();
        assert_eq!(
            leak.to_string(),
            "a look into the future at 2026-01-01 23:59:59 UTC: it became known only at 2026-01-02 00:00:00 UTC"
        );
    }

    #[test]
    fn boards_are_shown_when_they_became_known_and_corrected_or_thin_ones_never() {
        let archive = Archive::of(&four());
        assert_eq!(archive.left_out.get("corrected later"), Some(&1));
        assert_eq!(
            archive.left_out.get("lists fewer than half the usual models"),
            Some(&1)
        );
        for seed in 0..20 {
            let moments: Vec<String> = archive
                .shown(seed)
                .moments()
                .map(|(_, at)| at.to_rfc3339())
                .collect();
            assert_eq!(moments.len(), 2);
            assert_eq!(moments[0], "2026-01-02T03:04:05+00:00");
            assert!(moments[1].starts_with("2026-01-06T"), "{moments:?}");
        }
        let moments = |seed| -> Vec<_> { archive.shown(seed).moments().collect() };
        assert_eq!(moments(3), moments(3));
        assert_ne!(moments(3), moments(4));
    }

    #[rstest]
    #[case("2026-01-02T03:04:04Z", None)]
    #[case("2026-01-02T03:04:05Z", Some("a"))]
    #[case("2026-01-05T23:59:59Z", Some("a"))]
    #[case("2026-01-07T00:00:00Z", Some("b"))]
    fn the_winner_is_that_of_the_board_shown_last(#[case] at: &str, #[case] winner: Option<&str>) {
        let feed = Archive::of(&four()).shown(1);
        let at: DateTime<Utc> = at.parse().unwrap();
        let found = feed.winner(at).and_then(|outcome| outcome.model_name);
        assert_eq!(found.as_deref(), winner);
        let later = feed.latest(at).map_or(0, |place| place + 1);
        if later < 2 {
            assert!(matches!(feed.board(later, at), Err(BacktestError::Leak(_))));
        }
    }

    #[test]
    fn ranks_that_a_collection_lacks_follow_from_its_intervals() {
        let archive = Archive::of(&four());
        let page = &archive.boards[0].page;
        let ranks: Vec<_> = page.board.entries.iter().map(|entry| entry.rank_ub).collect();
        // 1480 + 5 lies below 1490 = 1495 - 5 as well as below 1495.
        assert_eq!(ranks, [Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn a_file_that_knows_a_board_before_its_day_is_refused() {
        let early = board(
            "2026-01-05",
            r#","known_at":"2026-01-04T23:00:00Z""#,
            &[("a", 1.0)],
        );
        let error = Series::read(format!("[{early}]").as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains("a look into the future"), "{error}");
    }
}
