//! A board in the order of settlement under one rule set.

use autotrader_settlement::{
    Entry, Rating, Rule, RuleSet, ScorePrecision, resolve_top_model, settlement_order,
};

/// A board in the order of settlement: who would win if everyone above were gone.
#[derive(Debug, Clone)]
pub struct RankedBoard<'a> {
    rules: RuleSet,
    order: Vec<&'a Entry>,
    scored: Vec<(&'a Entry, f64)>,
    winner: Option<&'a Entry>,
}

impl<'a> RankedBoard<'a> {
    /// Ranks a board; the order of the entries does not matter.
    #[must_use]
    pub fn new(entries: &'a [Entry], rules: RuleSet) -> Self {
        let order = settlement_order(entries, &rules);
        let winner = match rules.rule {
            // The cascade's winner is the first in its order, so the board need not be gone through again.
            Rule::Cascade => order.first().copied(),
            Rule::RankUbAlone | Rule::OrdinalRankAlone => resolve_top_model(entries, &rules).winner(),
        };
        let mut scored = scored(&order, rules.score_precision);
        // What score and votes leave open keeps the order of settlement, so nothing depends on the input's order.
        scored.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| b.votes.cmp(&a.votes)));
        Self {
            rules,
            order,
            scored,
            winner,
        }
    }

    /// A historical board whose ranks are not to be trusted: the best score wins, then the most votes, then whoever the
    /// source listed first.
    ///
    /// For scoring estimators on boards put together from several sources, as their published figures were.
    #[must_use]
    pub fn by_scores(entries: &'a [Entry], rules: RuleSet) -> Self {
        let listed: Vec<&Entry> = entries.iter().collect();
        let mut scored = scored(&listed, rules.score_precision);
        scored.sort_by(|(_, x), (_, y)| y.total_cmp(x));
        let best = scored.first().map(|(_, best)| *best);
        let tied: Vec<&Entry> = scored
            .iter()
            .take_while(|(_, score)| best.is_some_and(|best| best.total_cmp(score).is_eq()))
            .map(|(entry, _)| *entry)
            .collect();
        // Of equal maxima the last is taken, and the source's order asks for the first.
        let winner = tied
            .into_iter()
            .rev()
            .max_by_key(|entry| entry.votes.unwrap_or(0));
        Self {
            rules,
            order: scored.iter().map(|(entry, _)| *entry).collect(),
            scored,
            winner,
        }
    }

    /// The rule set.
    #[must_use]
    pub const fn rules(&self) -> RuleSet {
        self.rules
    }

    /// The entries, best first.
    #[must_use]
    pub fn order(&self) -> &[&'a Entry] {
        &self.order
    }

    /// The entries with a finite score and that score at the rules' precision, the highest first.
    pub fn scored(&self) -> impl DoubleEndedIterator<Item = (&'a Entry, f64)> + '_ {
        self.scored.iter().copied()
    }

    /// Who wins now; `None` when nobody does.
    #[must_use]
    pub const fn winner(&self) -> Option<&'a Entry> {
        self.winner
    }

    /// The entries that share the winner's claim to the best rank, best first.
    pub fn contenders(&self) -> impl Iterator<Item = &'a Entry> + '_ {
        let best = self.order.first().and_then(|entry| entry.rank_ub);
        self.order
            .iter()
            .copied()
            .take_while(move |entry| entry.rank_ub == best)
    }

    /// Whether no field was missing that the cascade had to consult to name its winner.
    #[must_use]
    pub fn tie_break_complete(&self) -> bool {
        let mut tied: Vec<&Entry> = self.contenders().collect();
        if tied.iter().any(|entry| entry.rank_ub.is_none_or(|rank| rank < 1)) {
            return false;
        }
        if tied.len() > 1 {
            if tied.iter().any(|entry| entry.score.is_none()) {
                return false;
            }
            let precision = self.rules.score_precision;
            tied.retain(|entry| same_score(entry, self.order.first().copied(), precision));
        }
        if tied.len() > 1 {
            if tied.iter().any(|entry| entry.votes.is_none()) {
                return false;
            }
            let most = tied.iter().filter_map(|entry| entry.votes).max();
            tied.retain(|entry| entry.votes == most);
        }
        tied.len() <= 1 || tied.iter().all(|entry| entry.release_date.is_some())
    }
}

/// The entries with a finite score, in the order given.
fn scored<'a>(entries: &[&'a Entry], precision: ScorePrecision) -> Vec<(&'a Entry, f64)> {
    let value = |score: &Rating| match precision {
        ScorePrecision::Full => score.value(),
        ScorePrecision::Displayed => score.displayed(),
    };
    entries
        .iter()
        .filter_map(|entry| Some((*entry, entry.score.as_ref().map(value)?)))
        .filter(|(_, score)| score.is_finite())
        .collect()
}

fn same_score(entry: &Entry, best: Option<&Entry>, precision: ScorePrecision) -> bool {
    match (entry.score.as_ref(), best.and_then(|best| best.score.as_ref())) {
        (Some(a), Some(b)) => match precision {
            ScorePrecision::Full => a.total_cmp(b).is_eq(),
            ScorePrecision::Displayed => a.displayed().total_cmp(&b.displayed()).is_eq(),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use autotrader_settlement::ReleaseDate;
    use rstest::rstest;

    fn entry(name: &str, rank_ub: i64, score: &str, votes: Option<i64>, date: Option<&str>) -> Entry {
        Entry {
            rank_ub: Some(rank_ub),
            score: (!score.is_empty()).then(|| Rating::parse(score).unwrap()),
            votes,
            release_date: date.map(|date| ReleaseDate::parse(date).unwrap()),
            ..Entry::named(name)
        }
    }

    #[rstest]
    #[case::decided_by_rank(vec![entry("a", 1, "", None, None), entry("b", 2, "", None, None)], true)]
    #[case::decided_by_score(vec![entry("a", 1, "1500.2", None, None), entry("b", 1, "1500.1", None, None)], true)]
    #[case::score_missing(vec![entry("a", 1, "1500.2", None, None), entry("b", 1, "", None, None)], false)]
    #[case::decided_by_votes(vec![entry("a", 1, "1500", Some(9), None), entry("b", 1, "1500", Some(8), None)], true)]
    #[case::votes_missing(vec![entry("a", 1, "1500", Some(9), None), entry("b", 1, "1500", None, None)], false)]
    #[case::dates_missing(vec![entry("a", 1, "1500", Some(9), None), entry("b", 1, "1500", Some(9), None)], false)]
    #[case::decided_by_date(
        vec![entry("a", 1, "1500", Some(9), Some("2026-01")), entry("b", 1, "1500", Some(9), Some("2026-02"))],
        true
    )]
    #[case::rank_missing(vec![Entry::named("a")], false)]
    fn the_tie_break_is_complete_when_nothing_consulted_is_missing(
        #[case] entries: Vec<Entry>,
        #[case] complete: bool,
    ) {
        let board = RankedBoard::new(&entries, RuleSet::default());
        assert_eq!(board.tie_break_complete(), complete);
    }

    fn names<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a str> {
        entries.map(|entry| entry.model_name.as_str()).collect()
    }

    #[test]
    fn by_scores_a_board_keeps_the_order_of_its_source_where_they_tie() {
        let entries = [
            entry("d", 1, "1490", Some(3), None),
            entry("c", 9, "1500", None, None),
            entry("b", 2, "1500", Some(7), None),
            entry("a", 3, "1500", Some(7), None),
            entry("e", 1, "", Some(7), None),
        ];
        let board = RankedBoard::by_scores(&entries, RuleSet::default());
        assert_eq!(board.winner().map(|entry| entry.model_name.as_str()), Some("b"));
        assert_eq!(
            names(board.scored().map(|(entry, _)| entry)),
            ["c", "b", "a", "d"]
        );
        // By the rules the claim to the best rank decides first; of those with a score the votes, then that order.
        let board = RankedBoard::new(&entries, RuleSet::default());
        assert_eq!(names(board.order().iter().copied()), ["d", "e", "b", "a", "c"]);
        assert_eq!(
            names(board.scored().map(|(entry, _)| entry)),
            ["b", "a", "c", "d"]
        );
    }

    #[test]
    fn scores_tie_at_the_precision_of_the_rules() {
        let entries = [
            entry("a", 1, "1500.2", None, None),
            entry("b", 1, "1500.1", None, None),
        ];
        let rules = RuleSet::new(Rule::Cascade, ScorePrecision::Displayed);
        assert!(!RankedBoard::new(&entries, rules).tie_break_complete());
    }
}
