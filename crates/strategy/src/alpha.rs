//! The strategy: mapping gate and evaluation behind the domain's port.

use autotrader_domain::ports::Strategy;
use autotrader_domain::{
    Approvals, BoardStanding, CoherenceFinding, Evaluation, Mapping, Market, MarketView,
};

use crate::evaluate::{Estimators, evaluate, monitors};
use crate::fair::{Persistence, estimators};
use crate::mapping::map_market;
use crate::params::{Params, ParamsError};

/// Trades the leaderboard's contracts on a coherent fair value, the market's price and exact fees.
///
/// ```
/// use autotrader_domain::ports::Strategy;
/// use autotrader_strategy::{LeaderboardAlpha, Params};
///
/// let strategy = LeaderboardAlpha::new(Params::default())?;
/// assert_eq!(strategy.name(), "leaderboard_alpha");
/// # Ok::<(), autotrader_strategy::ParamsError>(())
/// ```
#[derive(Debug)]
pub struct LeaderboardAlpha {
    params: Params,
    estimators: Estimators,
}

impl LeaderboardAlpha {
    /// The stable name.
    pub const NAME: &'static str = "leaderboard_alpha";

    /// A strategy with these parameters.
    ///
    /// # Errors
    /// [`ParamsError`] naming the first value that no strategy can run with.
    pub fn new(params: Params) -> Result<Self, ParamsError> {
        params.validate()?;
        let (selected, baselines) = estimators(&params);
        let persistence = Box::new(Persistence::over_all());
        Ok(Self {
            params,
            estimators: Estimators {
                selected,
                baselines,
                persistence,
            },
        })
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// Prices of contracts held against each other, as [`coherence`](crate::coherence) says: those that do not contradict
    /// each other too, with what the combination would lose.
    #[must_use]
    pub fn monitors(&self, view: &MarketView<'_>) -> Vec<CoherenceFinding> {
        monitors(&self.params, &self.estimators, view)
    }
}

impl Strategy for LeaderboardAlpha {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn map(&self, market: &Market, standing: &BoardStanding, approvals: &Approvals) -> Mapping {
        map_market(market, standing, approvals, &self.params.mapping)
    }

    fn evaluate(&self, view: &MarketView<'_>) -> Evaluation {
        evaluate(Self::NAME, &self.params, &self.estimators, view)
    }
}
