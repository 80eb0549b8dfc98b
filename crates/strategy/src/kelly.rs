//! The portfolio of greatest expected growth over the states of the world.
//!
//! `max Σ πₛ · log(Wₛ + Σₖ xₖ · (payₖₛ − cₖ(xₖ)))` over `x ≥ 0` (Kelly 1956, Breiman 1961), where `Wₛ` is what is at risk in
//! state `s` before anything is added and the cost of an offer rises level by level. The objective is concave and every
//! offer's own cost is convex, so going from offer to offer, each filled to where its last contract adds nothing, ends at
//! the optimum. For outcomes that exclude each other the closed form is known; the tests hold this against it.

/// Sweeps over all offers at most: each halves the distance several times over.
const SWEEPS: usize = 200;

/// A change of fewer contracts than this is none.
const SETTLED: f64 = 1e-7;

/// Halvings of the interval that holds the optimum of one level: to the last bits of a double.
const HALVINGS: usize = 60;

/// The states of the world: how probable each is, and what is at risk in it before anything is added, in dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct States {
    /// Probabilities; their sum is one.
    pub probabilities: Vec<f64>,
    /// Dollars, in the same order.
    pub wealth: Vec<f64>,
    /// Dollars that must be left in every state that can come, whatever is bought.
    pub floor: f64,
}

/// Contracts at one cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfferLevel {
    /// Dollars a contract, fee included.
    pub cost: f64,
    /// Contracts.
    pub size: f64,
}

/// One outcome that can be bought.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// What a contract pays in each state, in dollars.
    pub pays: Vec<f64>,
    /// Its levels, the cheapest first.
    pub levels: Vec<OfferLevel>,
}

/// How many contracts of each offer to buy, in the order of the offers.
///
/// Nothing is bought when a state with a chance has nothing left to risk: no bet can be sized against ruin.
#[must_use]
pub fn growth_optimal(states: &States, offers: &[Offer]) -> Vec<f64> {
    let ruined = |(p, wealth): (&f64, &f64)| *p > 0.0 && *wealth <= states.floor.max(0.0);
    let mut bought = vec![0.0; offers.len()];
    if states.probabilities.iter().zip(&states.wealth).any(ruined) {
        return bought;
    }
    let mut wealth = states.wealth.clone();
    for _ in 0..SWEEPS {
        let mut moved = 0.0f64;
        for (offer, contracts) in offers.iter().zip(&mut bought) {
            offer.add(*contracts, -1.0, &mut wealth);
            let wanted = offer.fill(states, &wealth);
            offer.add(wanted, 1.0, &mut wealth);
            moved = moved.max((wanted - *contracts).abs());
            *contracts = wanted;
        }
        if moved < SETTLED {
            break;
        }
    }
    bought
}

impl Offer {
    /// Adds what some contracts bring in each state, or takes it away again.
    fn add(&self, contracts: f64, sign: f64, wealth: &mut [f64]) {
        let mut left = contracts;
        for level in &self.levels {
            let size = left.min(level.size);
            if size <= 0.0 {
                break;
            }
            for (wealth, pays) in wealth.iter_mut().zip(&self.pays) {
                *wealth += sign * size * (pays - level.cost);
            }
            left -= size;
        }
    }

    /// How many contracts to buy, everything else being as it is.
    fn fill(&self, states: &States, wealth: &[f64]) -> f64 {
        let mut wealth = wealth.to_vec();
        let mut total = 0.0;
        for level in &self.levels {
            let size = self.size_at(*level, states, &wealth);
            total += size;
            for (wealth, pays) in wealth.iter_mut().zip(&self.pays) {
                *wealth += size * (pays - level.cost);
            }
            if size < level.size {
                break;
            }
        }
        total
    }

    /// What one more contract at a cost adds to growth after some were bought there.
    fn gain(&self, cost: f64, size: f64, probabilities: &[f64], wealth: &[f64]) -> f64 {
        let terms = probabilities.iter().zip(wealth).zip(&self.pays);
        terms
            .filter(|((p, _), _)| **p > 0.0)
            .map(|((p, wealth), pays)| p * (pays - cost) / (wealth + size * (pays - cost)))
            .sum()
    }

    fn size_at(&self, level: OfferLevel, states: &States, wealth: &[f64]) -> f64 {
        let probabilities = states.probabilities.as_slice();
        if level.size <= 0.0 || self.gain(level.cost, 0.0, probabilities, wealth) <= 0.0 {
            return 0.0;
        }
        // More than this would leave less than must be left in the worst state that can come.
        let worst = probabilities
            .iter()
            .zip(wealth)
            .zip(&self.pays)
            .filter(|((p, _), pays)| **p > 0.0 && **pays < level.cost)
            .map(|((_, wealth), pays)| (wealth - states.floor.max(0.0)).max(0.0) / (level.cost - pays))
            .fold(f64::INFINITY, f64::min);
        if level.size < worst && self.gain(level.cost, level.size, probabilities, wealth) >= 0.0 {
            return level.size;
        }
        let (mut low, mut high) = (0.0, level.size.min(worst));
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.gain(level.cost, middle, probabilities, wealth) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The closed form for outcomes that exclude each other: in the order of `p / c`, as long as `p / c` is above
    /// `R = (1 − Σp) / (1 − Σc)`, the share `p − R · c` of wealth.
    fn exclusive(p: &[f64], c: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| (p[*b] / c[*b]).total_cmp(&(p[*a] / c[*a])));
        let (mut sum_p, mut sum_c, mut reserve) = (0.0, 0.0, 1.0);
        let mut taken = Vec::new();
        for index in order {
            if p[index] / c[index] <= reserve || sum_c + c[index] >= 1.0 {
                break;
            }
            sum_p += p[index];
            sum_c += c[index];
            reserve = (1.0 - sum_p) / (1.0 - sum_c);
            taken.push(index);
        }
        let mut shares = vec![0.0; p.len()];
        for index in taken {
            shares[index] = (p[index] - reserve * c[index]).max(0.0);
        }
        shares
    }

    fn bets(p: &[f64], c: &[f64], wealth: f64) -> (States, Vec<Offer>) {
        let mut probabilities = p.to_vec();
        probabilities.push(1.0 - p.iter().sum::<f64>());
        let states = States {
            wealth: vec![wealth; probabilities.len()],
            probabilities,
            floor: 0.0,
        };
        let offers = c.iter().enumerate().map(|(own, cost)| Offer {
            pays: (0..=c.len())
                .map(|state| f64::from(u8::from(state == own)))
                .collect(),
            levels: vec![OfferLevel {
                cost: *cost,
                size: f64::INFINITY,
            }],
        });
        (states, offers.collect())
    }

    fn growth(states: &States, offers: &[Offer], bought: &[f64]) -> f64 {
        let start = states.wealth[0];
        let mut wealth = states.wealth.clone();
        for (offer, contracts) in offers.iter().zip(bought) {
            offer.add(*contracts, 1.0, &mut wealth);
        }
        let terms = states.probabilities.iter().zip(&wealth);
        terms.map(|(p, wealth)| p * (wealth / start).ln()).sum()
    }

    /// Asks .60, .10 and .06 with the fee of one contract in a large order.
    fn worked() -> ([f64; 3], [f64; 3]) {
        let fee = |ask: f64| ask + 0.07 * ask * (1.0 - ask);
        ([0.70, 0.16, 0.05], [fee(0.60), fee(0.10), fee(0.06)])
    }

    #[test]
    fn the_worked_example_of_outcomes_that_exclude_each_other() {
        let (p, c) = worked();
        let (states, offers) = bets(&p, &c, 1_000.0);
        let bought = growth_optimal(&states, &offers);
        let shares: Vec<f64> = bought.iter().zip(&c).map(|(x, c)| x * c / 1_000.0).collect();
        for (share, expected) in shares.iter().zip([0.4393, 0.1151, 0.0229]) {
            assert!((share - expected).abs() < 1e-4, "{shares:?}");
        }
        assert!((growth(&states, &offers, &bought) - 0.0642).abs() < 1e-4);
        // Each bet by itself, as if the others were not there, grows less.
        let alone: Vec<f64> = p
            .iter()
            .zip(&c)
            .map(|(p, c)| (p - c) / (1.0 - c) * 1_000.0 / c)
            .collect();
        assert!((growth(&states, &offers, &alone) - 0.0456).abs() < 1e-4);
    }

    #[test]
    fn a_quarter_of_wealth_at_risk_buys_a_quarter() {
        let (p, c) = worked();
        let (states, offers) = bets(&p, &c, 250.0);
        let bought: Vec<f64> = growth_optimal(&states, &offers)
            .iter()
            .map(|x| x.floor())
            .collect();
        assert_eq!(bought, [178.0, 270.0, 89.0]);
    }

    #[test]
    fn what_hedges_is_bought_beyond_its_own_edge() {
        // Both sides of one coin at 40 and 58 cents: the dearer one is worth its price only beside the other.
        let (states, offers) = bets(&[0.5, 0.5], &[0.40, 0.58], 100.0);
        let bought = growth_optimal(&states, &offers);
        assert!(bought[0] > 0.0 && bought[1] > 0.0, "{bought:?}");
        let (single, alone) = bets(&[0.5], &[0.58], 100.0);
        assert_eq!(growth_optimal(&single, &alone), [0.0]);
    }

    #[test]
    fn nothing_is_bought_beside_ruin() {
        let (mut states, offers) = bets(&[0.7], &[0.5], 100.0);
        states.wealth[1] = 0.0;
        assert_eq!(growth_optimal(&states, &offers), [0.0]);
    }

    #[test]
    fn what_must_be_left_is_left_in_every_state() {
        let (mut states, offers) = bets(&[0.7, 0.2], &[0.5, 0.1], 1_000.0);
        let free = growth_optimal(&states, &offers);
        states.floor = 900.0;
        let bound = growth_optimal(&states, &offers);
        let mut wealth = states.wealth.clone();
        for (offer, contracts) in offers.iter().zip(&bound) {
            offer.add(*contracts, 1.0, &mut wealth);
        }
        assert!(wealth.iter().all(|wealth| *wealth >= 900.0 - 1e-6), "{wealth:?}");
        assert!(bound[0] > 0.0 && bound[0] < free[0], "{bound:?} {free:?}");
    }

    #[test]
    fn a_dearer_level_buys_less() {
        let (states, mut offers) = bets(&[0.7], &[0.5], 1_000.0);
        let deep = growth_optimal(&states, &offers)[0];
        offers[0].levels = vec![
            OfferLevel {
                cost: 0.5,
                size: 100.0,
            },
            OfferLevel { cost: 0.6, size: 1e9 },
        ];
        let shallow = growth_optimal(&states, &offers)[0];
        assert!(shallow > 100.0 && shallow < deep, "{shallow} {deep}");
        offers[0].levels[1].cost = 0.71;
        assert!((growth_optimal(&states, &offers)[0] - 100.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn outcomes_that_exclude_each_other_agree_with_the_closed_form(
            raw in prop::collection::vec((0.02f64..1.0, 0.5f64..1.5), 1..6),
            wealth in 10.0f64..10_000.0,
        ) {
            let total: f64 = raw.iter().map(|(p, _)| p).sum::<f64>() * 1.1;
            let p: Vec<f64> = raw.iter().map(|(p, _)| p / total).collect();
            let c: Vec<f64> = raw.iter().zip(&p).map(|((_, dear), p)| (p * dear).clamp(0.01, 0.98)).collect();
            prop_assume!(c.iter().sum::<f64>() < 0.98);
            let (states, offers) = bets(&p, &c, wealth);
            let bought = growth_optimal(&states, &offers);
            for ((bought, expected), c) in bought.iter().zip(exclusive(&p, &c)).zip(&c) {
                prop_assert!((bought * c / wealth - expected).abs() < 1e-4, "{} {}", bought * c / wealth, expected);
            }
        }

        #[test]
        fn what_was_bought_leaves_nothing_to_buy(
            p in prop::collection::vec(0.05f64..1.0, 2..5),
            dear in 0.6f64..1.0,
        ) {
            let total: f64 = p.iter().sum::<f64>() * 1.05;
            let p: Vec<f64> = p.iter().map(|p| p / total).collect();
            let c: Vec<f64> = p.iter().map(|p| (p * dear).max(0.01)).collect();
            let (states, offers) = bets(&p, &c, 500.0);
            let bought = growth_optimal(&states, &offers);
            let mut after = states.clone();
            for (offer, contracts) in offers.iter().zip(&bought) {
                offer.add(*contracts, 1.0, &mut after.wealth);
            }
            let again = growth_optimal(&after, &offers);
            prop_assert!(again.iter().all(|x| *x < 0.05), "{again:?}");
        }
    }
}
