//! Settles a small board under every reading of the text and says why.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use autotrader_settlement::{
    Entry, Rating, RatingError, Rule, RuleSet, ScorePrecision, explain, rank_bounds, resolve_top_model,
};

fn main() -> Result<(), RatingError> {
    // Name, organisation, score, half width of the interval, votes.
    let rows = [
        ("swift-2", "Northwind", "1500.44", 6.2, 8_100),
        ("atlas-5", "Contoso", "1500.21", 4.1, 21_400),
        ("atlas-4", "Contoso", "1488.00", 3.9, 30_000),
    ];
    let mut board = Vec::new();
    for (name, organization, score, half_width, votes) in rows {
        let score = Rating::parse(score)?;
        board.push(Entry {
            organization: Some(organization.to_owned()),
            ci_lower: Some(Rating::from_value(score.value() - half_width)),
            ci_upper: Some(Rating::from_value(score.value() + half_width)),
            score: Some(score),
            votes: Some(votes),
            ..Entry::named(name)
        });
    }
    // This source gives intervals only, so the ranks are computed from them.
    let bounds = rank_bounds(&board);
    for (entry, bounds) in board.iter_mut().zip(bounds) {
        entry.rank_ub = bounds.rank_ub;
        entry.rank_lb = bounds.rank_lb;
    }

    println!("{}\n", explain(&board, &RuleSet::default()));
    for &rule in Rule::ALL {
        for &precision in ScorePrecision::ALL {
            let rules = RuleSet::new(rule, precision);
            let outcome = resolve_top_model(&board, &rules);
            println!(
                "{rules}: Contoso receives {:?}",
                outcome.pays_organization("Contoso")
            );
        }
    }
    Ok(())
}
