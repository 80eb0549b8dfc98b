//! `persistence`: the current winner stays, but for a small probability.

use super::{Estimator, Forecast, Question};

/// The current winner stays with `1 − ε`; with `ε` a model wins that the board does not list.
#[derive(Debug, Clone)]
pub struct Persistence {
    /// The probability that the winner does not stay.
    pub epsilon: f64,
}

impl Estimator for Persistence {
    fn name(&self) -> &'static str {
        "persistence"
    }

    fn forecast<'a>(&self, question: &Question<'_, 'a>) -> Option<Forecast<'a>> {
        let winner = question.board.winner()?;
        let epsilon = (self.epsilon * question.arrivals).clamp(0.0, 1.0);
        Some(Forecast::new(
            std::iter::once((winner, 1.0 - epsilon)),
            epsilon,
            question.shares,
        ))
    }
}
