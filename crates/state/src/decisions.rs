//! The why-ledger.

use autotrader_domain::{Action, BookSide, Contracts, Money, Net, Price, Ticker, Wanted, Why};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::fault::Fault;
use crate::schema::decisions;
use crate::words::{
    json, micros, read_contracts, read_json, read_net, read_optional_word, read_price, read_time, read_word,
    word,
};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = decisions, check_for_backend(Sqlite))]
pub(crate) struct DecisionRow {
    at: i64,
    ticker: String,
    fair: Option<f64>,
    market: Option<f64>,
    pooled: Option<f64>,
    edge: Option<f64>,
    target: Option<i64>,
    position: i64,
    action: String,
    side: Option<String>,
    contracts: Option<i64>,
    limit_price: Option<i64>,
    reason: Option<String>,
    next_reason: Option<String>,
    baselines: String,
    wanted_side: Option<String>,
    wanted_contracts: Option<i64>,
    wanted_limit: Option<i64>,
    wanted_cost: Option<i64>,
    wanted_fees: Option<i64>,
}

impl DecisionRow {
    fn new(why: &Why) -> Result<Self, Fault> {
        let (action, order) = action_words(&why.action);
        let wanted = why.wanted.as_ref();
        Ok(Self {
            at: micros(why.at),
            ticker: word(&why.ticker)?,
            fair: why.fair,
            market: why.market,
            pooled: why.pooled,
            edge: why.edge,
            target: why.target.map(Net::raw),
            position: why.position.raw(),
            action: action.into(),
            side: order.map(|(side, ..)| word(&side)).transpose()?,
            contracts: order.map(|(_, contracts, _)| contracts.raw()),
            limit_price: order.map(|(.., limit)| limit.raw()),
            reason: why.reason.as_ref().map(word).transpose()?,
            next_reason: why.next_reason.as_ref().map(word).transpose()?,
            baselines: json(&why.baselines)?,
            wanted_side: wanted.map(|wanted| word(&wanted.side)).transpose()?,
            wanted_contracts: wanted.map(|wanted| wanted.contracts.raw()),
            wanted_limit: wanted.map(|wanted| wanted.limit.raw()),
            wanted_cost: wanted.map(|wanted| wanted.cost.raw()),
            wanted_fees: wanted.map(|wanted| wanted.fees.raw()),
        })
    }

    pub(crate) fn why(&self) -> Result<Why, Fault> {
        Ok(Why {
            ticker: read_word("decisions.ticker", &self.ticker)?,
            at: read_time("decisions.at", self.at)?,
            fair: self.fair,
            market: self.market,
            pooled: self.pooled,
            edge: self.edge,
            target: self
                .target
                .map(|raw| read_net("decisions.target", raw))
                .transpose()?,
            position: read_net("decisions.position", self.position)?,
            action: self.action()?,
            reason: read_optional_word("decisions.reason", self.reason.as_deref())?,
            next_reason: read_optional_word("decisions.next_reason", self.next_reason.as_deref())?,
            baselines: read_json("decisions.baselines", &self.baselines)?,
            wanted: self.wanted()?,
        })
    }

    fn wanted(&self) -> Result<Option<Wanted>, Fault> {
        let Some(side) = &self.wanted_side else {
            return Ok(None);
        };
        let (Some(contracts), Some(limit), Some(cost), Some(fees)) = (
            self.wanted_contracts,
            self.wanted_limit,
            self.wanted_cost,
            self.wanted_fees,
        ) else {
            return Err(Fault::unreadable("decisions.wanted_side", side));
        };
        Ok(Some(Wanted {
            side: read_word("decisions.wanted_side", side)?,
            contracts: read_contracts("decisions.wanted_contracts", contracts)?,
            limit: read_price("decisions.wanted_limit", limit)?,
            cost: Money::micros(cost),
            fees: Money::micros(fees),
        }))
    }

    fn action(&self) -> Result<Action, Fault> {
        let order = match (&self.side, self.contracts, self.limit_price) {
            (Some(side), Some(contracts), Some(limit)) => Some((
                read_word("decisions.side", side)?,
                read_contracts("decisions.contracts", contracts)?,
                read_price("decisions.limit_price", limit)?,
            )),
            _ => None,
        };
        match (self.action.as_str(), order) {
            ("hold", None) => Ok(Action::Hold),
            ("enter", Some((side, contracts, limit))) => Ok(Action::Enter {
                side,
                contracts,
                limit,
            }),
            ("exit", Some((side, contracts, limit))) => Ok(Action::Exit {
                side,
                contracts,
                limit,
            }),
            (other, _) => Err(Fault::unreadable("decisions.action", other)),
        }
    }
}

const fn action_words(action: &Action) -> (&'static str, Option<(BookSide, Contracts, Price)>) {
    match action {
        Action::Hold => ("hold", None),
        Action::Enter {
            side,
            contracts,
            limit,
        } => ("enter", Some((*side, *contracts, *limit))),
        Action::Exit {
            side,
            contracts,
            limit,
        } => ("exit", Some((*side, *contracts, *limit))),
    }
}

/// Stores a line. A probability that is not a number is stored as unknown: SQLite has no such value.
pub(crate) fn store(connection: &mut SqliteConnection, why: &Why) -> Result<(), Fault> {
    diesel::insert_into(decisions::table)
        .values(DecisionRow::new(why)?)
        .execute(connection)?;
    Ok(())
}

/// The latest line of each contract.
pub(crate) fn latest(connection: &mut SqliteConnection) -> Result<Vec<Why>, Fault> {
    let last: Vec<Option<i64>> = decisions::table
        .group_by(decisions::ticker)
        .select(diesel::dsl::max(decisions::id))
        .load(connection)?;
    let rows: Vec<DecisionRow> = decisions::table
        .filter(decisions::id.eq_any(last.into_iter().flatten()))
        .order(decisions::ticker)
        .select(DecisionRow::as_select())
        .load(connection)?;
    rows.iter().map(DecisionRow::why).collect()
}

/// The newest lines, oldest first.
pub(crate) fn lines(
    connection: &mut SqliteConnection,
    ticker: Option<&Ticker>,
    since: i64,
    limit: i64,
) -> Result<Vec<Why>, Fault> {
    let mut query = decisions::table
        .filter(decisions::at.ge(since))
        .order(decisions::id.desc())
        .limit(limit)
        .select(DecisionRow::as_select())
        .into_boxed();
    if let Some(ticker) = ticker {
        query = query.filter(decisions::ticker.eq(ticker.as_str()));
    }
    let rows: Vec<DecisionRow> = query.load(connection)?;
    rows.iter().rev().map(DecisionRow::why).collect()
}

/// The contracts with a line since a time that names an entry that was not made.
pub(crate) fn forgone(connection: &mut SqliteConnection, since: i64) -> Result<Vec<Ticker>, Fault> {
    let tickers: Vec<String> = decisions::table
        .filter(decisions::wanted_side.is_not_null())
        .filter(decisions::at.ge(since))
        .select(decisions::ticker)
        .distinct()
        .order(decisions::ticker)
        .load(connection)?;
    tickers
        .iter()
        .map(|ticker| read_word("decisions.ticker", ticker))
        .collect()
}
