//! The states of a check for people: what each pays, what each open order changes, and which is the worst.

use std::collections::{BTreeMap, BTreeSet};

use autotrader_domain::{
    Claim, ClientOrderId, Mapping, Money, Net, Order, Outcome, Portfolio, Ticker, TieTerms,
};
use chrono::{DateTime, Utc};

use crate::states::{CheckStates, Contract, State, StatePnl, order_change, worst_state};

/// What one open order would add to the profit in a state if it filled whole at its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// The order.
    pub client_order_id: ClientOrderId,
    /// Its market.
    pub ticker: Ticker,
    /// The change, fees apart: the cap counts it where it is a loss, and as nothing where it is a gain.
    pub change: Money,
}

/// One state of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateScenario {
    /// The state as the cap sees it: its profit counts every open order at its worst.
    pub state: StatePnl,
    /// The same with contracts of which the state does not say whether they pay at their better end.
    pub best: Money,
    /// Profit of what is held, without any open order.
    pub held: Money,
    /// Every open order of the check.
    pub orders: Vec<OrderChange>,
}

/// What happens if a model that is held or ordered wins under a new name: its contract may pay or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameScenario {
    /// The name that the contract pays on.
    pub model_name: String,
    /// The name that the board lists now; `None` while it lists the model under the contract's name.
    pub new_name: Option<String>,
    /// The state, valued at the worse end of what the contract may pay.
    pub scenario: StateScenario,
}

/// What a tie between organisations at the top pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TieScenario {
    /// The contracts of which something is held or ordered, by what a tie pays them.
    pub terms: BTreeMap<TieTerms, Vec<Ticker>>,
    /// The worst that a tie can end in; where rules break every tie, that is one of the other states.
    pub worst: StateScenario,
    /// The best that it can end in.
    pub best: Money,
}

/// A contract of which something is held or ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stake {
    /// The market.
    pub ticker: Ticker,
    /// What it pays on: more than one claim when an open order was decided on another than is known now.
    pub claims: Vec<Claim>,
    /// Whether the board renamed its model or the exchange changed its words, so that its value is an interval.
    pub frozen: bool,
    /// Net contracts held.
    pub net: Net,
    /// What they cost.
    pub cost: Money,
}

/// An open order of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStake {
    /// The order.
    pub order: Order,
    /// What it would add to the profit if it filled whole and its contract paid.
    pub if_paid: Money,
    /// What it would add if it filled whole and its contract did not pay.
    pub if_unpaid: Money,
}

/// One check in every state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckScenario {
    /// When the leaderboard is checked.
    pub check_time: DateTime<Utc>,
    /// The states that the cap looks at, in its order; never empty.
    pub states: Vec<StateScenario>,
    /// Where in `states` the worst one is.
    pub worst: usize,
    /// A rename of each model at stake.
    pub renames: Vec<RenameScenario>,
    /// A tie between organisations.
    pub tie: TieScenario,
    /// What is held or ordered on the check.
    pub stakes: Vec<Stake>,
    /// Every open order of the check.
    pub orders: Vec<OrderStake>,
    /// Positions that may belong to the check and whose claim or market is not known, with their cost: they lose all of it
    /// in every state.
    pub unexplained: Vec<(Ticker, Money)>,
}

impl CheckScenario {
    /// The worst state.
    #[must_use]
    pub fn worst(&self) -> Option<&StateScenario> {
        self.states.get(self.worst)
    }

    /// The state in which a board's winner wins: its own where a contract names it, else an unlisted one of its lab, else
    /// nobody named.
    #[must_use]
    pub fn of_winner(&self, model_name: &str, organization: Option<&str>) -> Option<&StateScenario> {
        let untied = || self.states.iter().filter(|state| !state.state.tie);
        let find = |model: Option<&str>, lab: Option<&str>| {
            untied().find(|state| {
                let outcome = &state.state.outcome;
                outcome.model_name.as_deref() == model && outcome.organization.as_deref() == lab
            })
        };
        let named =
            |model: &str| untied().find(|state| state.state.outcome.model_name.as_deref() == Some(model));
        find(Some(model_name), organization)
            .or_else(|| named(model_name))
            .or_else(|| find(None, organization))
            .or_else(|| find(None, None))
    }
}

/// The checks on which something is held or ordered, oldest first.
#[must_use]
pub fn checks_at_stake(portfolio: &Portfolio, mappings: &BTreeMap<Ticker, Mapping>) -> Vec<DateTime<Utc>> {
    let held = portfolio
        .positions
        .iter()
        .filter(|(_, position)| !position.net.is_flat())
        .filter_map(|(ticker, _)| mappings.get(ticker)?.check_time);
    let ordered = portfolio
        .open_orders
        .values()
        .map(|order| order.intent.check_time);
    held.chain(ordered).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The check at `check_time` in every state, with the figures of [`exposure_of_check`](crate::exposure_of_check).
#[must_use]
pub fn scenario_of_check(
    check_time: DateTime<Utc>,
    portfolio: &Portfolio,
    mappings: &BTreeMap<Ticker, Mapping>,
) -> CheckScenario {
    let check = CheckStates::new(check_time, portfolio, mappings, None);
    let pnls = check.pnls();
    let worst = worst_state(&pnls)
        .and_then(|worst| pnls.iter().position(|state| state == worst))
        .unwrap_or_default();
    let states: Vec<StateScenario> = pnls.into_iter().map(|state| detail(&check, state)).collect();
    CheckScenario {
        check_time,
        renames: renames(&check),
        tie: tie(&check, &states),
        stakes: check
            .contracts
            .iter()
            .filter(|contract| contract.is_at_stake())
            .map(stake)
            .collect(),
        orders: order_stakes(&check),
        unexplained: check
            .unexplained
            .iter()
            .map(|(ticker, cost)| ((*ticker).clone(), *cost))
            .collect(),
        states,
        worst,
    }
}

fn stake(contract: &Contract<'_>) -> Stake {
    Stake {
        ticker: contract.ticker.clone(),
        claims: contract.claims.iter().copied().cloned().collect(),
        frozen: contract.is_frozen(),
        net: contract.position.net,
        cost: contract.position.cost,
    }
}

fn order_stakes(check: &CheckStates<'_>) -> Vec<OrderStake> {
    let of = |contract: &Contract<'_>| {
        let position = contract.position;
        contract
            .orders
            .iter()
            .map(|order| OrderStake {
                order: (*order).clone(),
                if_paid: order_change(order, position, true),
                if_unpaid: order_change(order, position, false),
            })
            .collect::<Vec<_>>()
    };
    check.contracts.iter().flat_map(of).collect()
}

fn detail(check: &CheckStates<'_>, pnl: StatePnl) -> StateScenario {
    let state = State::of(&pnl.outcome, pnl.tie);
    let total = check.total(&state);
    let orders = changes(check, &state);
    StateScenario {
        best: total.best,
        held: total.held,
        orders,
        state: pnl,
    }
}

fn changes(check: &CheckStates<'_>, state: &State<'_>) -> Vec<OrderChange> {
    check
        .contracts
        .iter()
        .flat_map(|contract| {
            let pays = contract.pays_at_worst(state);
            contract.orders.iter().map(move |order| OrderChange {
                client_order_id: order.client_order_id.clone(),
                ticker: contract.ticker.clone(),
                change: order_change(order, contract.position, pays),
            })
        })
        .collect()
}

fn renames(check: &CheckStates<'_>) -> Vec<RenameScenario> {
    let models: BTreeSet<(&str, Option<&str>, Option<&str>)> = check
        .contracts
        .iter()
        .filter(|contract| contract.is_at_stake())
        .flat_map(|contract| {
            let new_name = contract.mapping.and_then(Mapping::renamed_to);
            contract.claims.iter().filter_map(move |claim| match claim {
                Claim::Model {
                    model_name,
                    organization,
                } => Some((model_name.as_str(), organization.as_deref(), new_name)),
                Claim::Organization { .. } => None,
            })
        })
        .collect();
    models
        .into_iter()
        .map(|(model_name, organization, new_name)| {
            let listed = |name: &&str| check.contracts.iter().any(|contract| contract.is_on_model(name));
            let outcome = Outcome {
                model_name: new_name.filter(listed).map(str::to_owned),
                organization: organization.map(str::to_owned),
            };
            let state = State {
                renamed: Some(model_name),
                ..State::of(&outcome, false)
            };
            let total = check.total(&state);
            let orders = changes(check, &state);
            RenameScenario {
                model_name: model_name.to_owned(),
                new_name: new_name.map(str::to_owned),
                scenario: StateScenario {
                    best: total.best,
                    held: total.held,
                    orders,
                    state: StatePnl {
                        outcome,
                        tie: false,
                        pnl: total.worst,
                    },
                },
            }
        })
        .collect()
}

fn tie(check: &CheckStates<'_>, states: &[StateScenario]) -> TieScenario {
    let mut terms: BTreeMap<TieTerms, Vec<Ticker>> = BTreeMap::new();
    for contract in check.contracts.iter().filter(|contract| contract.is_at_stake()) {
        terms
            .entry(contract.tie_terms())
            .or_default()
            .push(contract.ticker.clone());
    }
    let tied = check.has_tie();
    let of_tie: Vec<&StateScenario> = states.iter().filter(|state| state.state.tie == tied).collect();
    let pnls: Vec<StatePnl> = of_tie.iter().map(|state| state.state.clone()).collect();
    let worst = worst_state(&pnls)
        .and_then(|worst| of_tie.iter().find(|state| state.state == *worst))
        .map(|state| (*state).clone());
    TieScenario {
        terms,
        best: of_tie.iter().map(|state| state.best).max().unwrap_or_default(),
        worst: worst.unwrap_or_else(|| nothing(check)),
    }
}

/// The state in which nobody whom a contract names wins: every check has it.
fn nothing(check: &CheckStates<'_>) -> StateScenario {
    let outcome = Outcome {
        model_name: None,
        organization: None,
    };
    let pnl = check.total(&State::of(&outcome, false)).worst;
    detail(
        check,
        StatePnl {
            outcome,
            tie: false,
            pnl,
        },
    )
}
