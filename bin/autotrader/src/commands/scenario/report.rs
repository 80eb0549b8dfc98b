//! The report as scripts read it; its keys are stable.

use std::collections::BTreeMap;

use autotrader_domain::{
    BookSide, Claim, ClientOrderId, Contracts, Mapping, Money, Net, Outcome, Portfolio, Price, Ticker,
    TieTerms,
};
use autotrader_risk::{CheckScenario, OrderStake, RenameScenario, Stake, StateScenario, scenario_of_check};
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::America::New_York;
use serde::Serialize;

/// What the report depends on.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Unknown before the first start has learnt it.
    pub(super) cash: Option<Money>,
    pub(super) portfolio: Portfolio,
    pub(super) mappings: BTreeMap<Ticker, Mapping>,
    /// The latest fair value of each contract.
    pub(super) fair: BTreeMap<Ticker, f64>,
    /// The winner on the accepted board and its owner.
    pub(super) leader: Option<(String, Option<String>)>,
    pub(super) other: Option<OtherBoard>,
}

/// The board that would decide after a rollback.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OtherBoard {
    /// Whether the page shows it now; else it is the one accepted before.
    pub(super) shown_now: bool,
    pub(super) vintage: Option<DateTime<Utc>>,
    pub(super) model_name: String,
    pub(super) organization: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) cash: Option<Money>,
    pub(super) checks: Vec<Check>,
    /// Positions of which not even the check is known.
    pub(super) unknown: Vec<Unexplained>,
}

#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) check_time: String,
    pub(super) check_time_new_york: String,
    pub(super) states: Vec<State>,
    pub(super) worst: State,
    pub(super) positions: Vec<Position>,
    pub(super) orders: Vec<OpenOrder>,
    pub(super) tie: Tie,
    pub(super) rollback: Option<OtherBoard>,
    /// Positions that may belong to the check and lose their whole cost in every state.
    pub(super) unexplained: Vec<Unexplained>,
}

/// One state. `pnl` is what the worst-state cap counts: open orders at their worst, fees apart.
#[derive(Debug, Clone, Serialize)]
pub(super) struct State {
    /// `model`, `unlisted`, `tie`, `rename` or `rollback`.
    pub(super) state: &'static str,
    pub(super) model_name: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) pnl: Money,
    /// The better end, where the state leaves open whether a contract pays.
    pub(super) pnl_best: Money,
    /// Without any open order.
    pub(super) pnl_held: Money,
    /// Cash after the check's contracts have paid, no order filled, fees of settlement apart.
    pub(super) cash_if_settled: Option<Money>,
    /// The latest fair value of the state, where the model's and its lab's contracts have one.
    pub(super) probability: Option<f64>,
    /// Whether the accepted board leads here.
    pub(super) leads_now: bool,
    pub(super) worst: bool,
    pub(super) note: Option<String>,
    pub(super) orders: Vec<Change>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Change {
    pub(super) client_order_id: ClientOrderId,
    pub(super) ticker: Ticker,
    pub(super) change: Money,
}

#[derive(Debug, Serialize)]
pub(super) struct Position {
    pub(super) ticker: Ticker,
    pub(super) net: Net,
    pub(super) cost: Money,
    pub(super) pays_on: Vec<Claim>,
    /// Whether the board renamed its model or the exchange changed its words: what it pays is an interval.
    pub(super) frozen: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct OpenOrder {
    pub(super) client_order_id: ClientOrderId,
    pub(super) ticker: Ticker,
    pub(super) side: BookSide,
    pub(super) open_contracts: Contracts,
    pub(super) limit: Price,
    pub(super) state: &'static str,
    pub(super) change_if_paid: Money,
    pub(super) change_if_unpaid: Money,
    pub(super) change_in_worst: Money,
}

#[derive(Debug, Serialize)]
pub(super) struct Tie {
    /// Whether a tie is a state of its own for something at stake.
    pub(super) own_state: bool,
    pub(super) explanation: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Unexplained {
    pub(super) ticker: Ticker,
    pub(super) cost: Money,
}

impl Report {
    pub(super) fn new(facts: &Facts, checks: &[DateTime<Utc>]) -> Self {
        let mut unknown = Vec::new();
        for (ticker, position) in &facts.portfolio.positions {
            let mapping = facts.mappings.get(ticker);
            let ordered = facts.portfolio.orders_on(ticker).next().is_some();
            if !position.net.is_flat() && !ordered && mapping.is_none_or(|found| found.check_time.is_none()) {
                unknown.push(Unexplained {
                    ticker: ticker.clone(),
                    cost: position.cost,
                });
            }
        }
        Self {
            cash: facts.cash,
            checks: checks.iter().map(|at| Check::new(facts, *at)).collect(),
            unknown,
        }
    }
}

impl Check {
    fn new(facts: &Facts, at: DateTime<Utc>) -> Self {
        let scenario = scenario_of_check(at, &facts.portfolio, &facts.mappings);
        let rows = Rows::new(facts, &scenario);
        let states = rows.all();
        let worst = scenario
            .worst()
            .map_or_else(|| rows.tie_row(), |worst| rows.row(worst, State::kind_of(worst)));
        let worst = State { worst: true, ..worst };
        Self {
            check_time: at.to_rfc3339_opts(SecondsFormat::Secs, true),
            check_time_new_york: at
                .with_timezone(&New_York)
                .to_rfc3339_opts(SecondsFormat::Secs, false),
            positions: scenario
                .stakes
                .iter()
                .filter(|stake| !stake.net.is_flat())
                .map(Position::of)
                .collect(),
            orders: scenario
                .orders
                .iter()
                .map(|order| OpenOrder::of(order, &worst))
                .collect(),
            tie: Tie::of(&scenario),
            rollback: facts.other.clone(),
            unexplained: scenario
                .unexplained
                .iter()
                .map(|(ticker, cost)| Unexplained {
                    ticker: ticker.clone(),
                    cost: *cost,
                })
                .collect(),
            states,
            worst,
        }
    }
}

impl Position {
    fn of(stake: &Stake) -> Self {
        Self {
            ticker: stake.ticker.clone(),
            net: stake.net,
            cost: stake.cost,
            pays_on: stake.claims.clone(),
            frozen: stake.frozen,
        }
    }
}

impl OpenOrder {
    fn of(stake: &OrderStake, worst: &State) -> Self {
        let order = &stake.order;
        let in_worst = worst
            .orders
            .iter()
            .find(|change| change.client_order_id == order.client_order_id);
        Self {
            client_order_id: order.client_order_id.clone(),
            ticker: order.intent.ticker.clone(),
            side: order.intent.side,
            open_contracts: order.open_contracts(),
            limit: order.intent.limit,
            state: order.state.as_str(),
            change_if_paid: stake.if_paid,
            change_if_unpaid: stake.if_unpaid,
            change_in_worst: in_worst.map_or(Money::ZERO, |change| change.change),
        }
    }
}

impl Tie {
    fn of(scenario: &CheckScenario) -> Self {
        let own_state = scenario.states.iter().any(|state| state.state.tie);
        let sentence = |(terms, tickers): (&TieTerms, &Vec<Ticker>)| {
            let names: Vec<&str> = tickers.iter().map(Ticker::as_str).collect();
            let what = match terms {
                TieTerms::Broken => "break every tie by score, votes, release date and name: one model wins",
                TieTerms::PaysNobody => "pay nobody when organisations tie",
                TieTerms::Unknown => "are not known: a tie may pay or not",
            };
            format!("The rules of {} {what}.", names.join(", "))
        };
        let explanation: Vec<String> = scenario.tie.terms.iter().map(sentence).collect();
        Self {
            own_state,
            explanation: if explanation.is_empty() {
                "Nothing is held or ordered that a tie could pay.".to_owned()
            } else {
                explanation.join(" ")
            },
        }
    }
}

impl State {
    const fn kind_of(scenario: &StateScenario) -> &'static str {
        match (scenario.state.tie, &scenario.state.outcome.model_name) {
            (true, _) => "tie",
            (false, Some(_)) => "model",
            (false, None) => "unlisted",
        }
    }
}

/// Makes the rows of one check.
struct Rows<'a> {
    facts: &'a Facts,
    scenario: &'a CheckScenario,
    /// What the check's explained positions cost: their payout is their profit and this.
    cost: Money,
    lost: Money,
    leads: Option<&'a Outcome>,
}

impl<'a> Rows<'a> {
    fn new(facts: &'a Facts, scenario: &'a CheckScenario) -> Self {
        let leads = facts.leader.as_ref().and_then(|(model, organization)| {
            let state = scenario.of_winner(model, organization.as_deref())?;
            Some(&state.state.outcome)
        });
        Self {
            facts,
            scenario,
            cost: scenario.stakes.iter().map(|stake| stake.cost).sum(),
            lost: scenario.unexplained.iter().map(|(_, cost)| *cost).sum(),
            leads,
        }
    }

    /// The states of the cap first, then what they mean for a tie, a rename and a rollback.
    fn all(&self) -> Vec<State> {
        let mut rows: Vec<State> = self
            .scenario
            .states
            .iter()
            .enumerate()
            .map(|(index, state)| State {
                worst: index == self.scenario.worst,
                ..self.row(state, State::kind_of(state))
            })
            .collect();
        if !self.scenario.states.iter().any(|state| state.state.tie) {
            rows.push(self.tie_row());
        }
        rows.extend(self.scenario.renames.iter().map(|rename| self.rename_row(rename)));
        rows.extend(self.rollback_row());
        rows
    }

    fn row(&self, scenario: &StateScenario, kind: &'static str) -> State {
        let outcome = &scenario.state.outcome;
        let leads_now = kind != "tie" && self.leads == Some(outcome);
        State {
            state: kind,
            model_name: outcome.model_name.clone(),
            organization: outcome.organization.clone(),
            pnl: scenario.state.pnl,
            pnl_best: scenario.best,
            pnl_held: scenario.held,
            cash_if_settled: self.facts.cash.map(|cash| {
                cash.saturating_add(self.cost)
                    .saturating_add(self.lost)
                    .saturating_add(scenario.held)
            }),
            probability: if kind == "tie" {
                None
            } else {
                self.probability(outcome)
            },
            leads_now,
            worst: false,
            note: (kind == "tie").then(|| "Where a tie is broken, this model is named.".to_owned()),
            orders: scenario
                .orders
                .iter()
                .map(|order| Change {
                    client_order_id: order.client_order_id.clone(),
                    ticker: order.ticker.clone(),
                    change: order.change,
                })
                .collect(),
        }
    }

    /// A tie that is broken ends in one of the other states: from the worst of them to the best.
    fn tie_row(&self) -> State {
        let tie = &self.scenario.tie;
        State {
            pnl_best: tie.best,
            probability: None,
            leads_now: false,
            note: Some(
                "A tie is broken: it ends in one of the states above, at worst in this one.".to_owned(),
            ),
            ..self.row(&tie.worst, "tie")
        }
    }

    fn rename_row(&self, rename: &RenameScenario) -> State {
        let note = match &rename.new_name {
            Some(new_name) => format!("The board lists it as {new_name}: frozen until a person decides."),
            None => "It wins under a new name: its contract may pay or not.".to_owned(),
        };
        State {
            model_name: Some(rename.model_name.clone()),
            probability: None,
            leads_now: false,
            note: Some(note),
            ..self.row(&rename.scenario, "rename")
        }
    }

    fn rollback_row(&self) -> Option<State> {
        let other = self.facts.other.as_ref()?;
        let state = self
            .scenario
            .of_winner(&other.model_name, other.organization.as_deref())?;
        let which = if other.shown_now {
            "that the page shows"
        } else {
            "accepted before"
        };
        let of = other.vintage.map_or_else(String::new, |at| {
            format!(" of {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
        });
        Some(State {
            model_name: Some(other.model_name.clone()),
            organization: other.organization.clone(),
            leads_now: false,
            note: Some(format!("The board{of} {which} decides.")),
            ..self.row(state, "rollback")
        })
    }

    /// The fair value of the model's contract, or of the lab's less those of its models that contracts name.
    fn probability(&self, outcome: &Outcome) -> Option<f64> {
        let of_check = || {
            self.facts
                .mappings
                .iter()
                .filter(|(_, mapping)| mapping.check_time == Some(self.scenario.check_time))
                .filter_map(|(ticker, mapping)| Some((mapping.claim.as_ref()?, self.facts.fair.get(ticker))))
        };
        match (&outcome.model_name, &outcome.organization) {
            (Some(winner), _) => of_check()
                .find(|(claim, _)| matches!(claim, Claim::Model { model_name, .. } if model_name == winner))
                .and_then(|(_, fair)| fair.copied()),
            (None, Some(lab)) => {
                let whole = of_check()
                    .find(|(claim, _)| matches!(claim, Claim::Organization { organization } if organization == lab))
                    .and_then(|(_, fair)| fair.copied())?;
                let named: Vec<Option<&f64>> = of_check()
                    .filter(|(claim, _)| {
                        matches!(claim, Claim::Model { .. }) && claim.organization() == Some(lab)
                    })
                    .map(|(_, fair)| fair)
                    .collect();
                let named: f64 = named
                    .into_iter()
                    .collect::<Option<Vec<&f64>>>()?
                    .into_iter()
                    .sum();
                Some((whole - named).max(0.0))
            }
            (None, None) => None,
        }
    }
}
