//! Orders, their history and their exact requests.

use autotrader_domain::ports::StoredRequest;
use std::collections::BTreeMap;

use autotrader_domain::{
    ClientOrderId, FeeSchedule, Generation, Intent, Money, Order, OrderRequest, OrderState, TimeInForce,
    VenueOrderId,
};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::connection::{Begin, atomically};
use crate::fault::Fault;
use crate::schema::{order_events, orders};
use crate::words::{
    json, micros, read_contracts, read_count, read_json, read_optional_word, read_price, read_time,
    read_word, signed, word,
};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = orders, check_for_backend(Sqlite))]
pub(crate) struct OrderRow {
    client_order_id: String,
    generation: i64,
    ticker: String,
    event: String,
    series: String,
    claim: String,
    side: String,
    contracts: i64,
    limit_price: i64,
    time_in_force: String,
    expires_at: Option<i64>,
    purpose: String,
    fee_type: String,
    fee_multiplier: i64,
    check_time: i64,
    strategy: String,
    rationale: String,
    reduce_only: bool,
    state: String,
    filled: i64,
    venue_order_id: Option<String>,
    reject_reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    request: String,
    post_only: bool,
    edge: i64,
    body: Option<String>,
}

#[derive(Debug, Insertable)]
#[diesel(table_name = order_events)]
struct NewOrderEvent<'a> {
    client_order_id: &'a str,
    at: i64,
    state: &'a str,
    filled: i64,
    detail: &'a str,
    answer: Option<&'a str>,
}

impl OrderRow {
    fn new(order: &Order, request: &OrderRequest, body: &str) -> Result<Self, Fault> {
        let intent = &order.intent;
        let (time_in_force, expires_at) = time_in_force_words(intent.time_in_force);
        Ok(Self {
            client_order_id: word(&order.client_order_id)?,
            generation: signed("generation", order.generation.0)?,
            ticker: word(&intent.ticker)?,
            event: word(&intent.event)?,
            series: word(&intent.series)?,
            claim: json(&intent.claim)?,
            side: word(&intent.side)?,
            contracts: intent.contracts.raw(),
            limit_price: intent.limit.raw(),
            time_in_force: time_in_force.into(),
            expires_at,
            purpose: word(&intent.purpose)?,
            fee_type: word(&intent.fees.fee_type)?,
            fee_multiplier: i64::from(intent.fees.multiplier_millionths),
            check_time: micros(intent.check_time),
            strategy: intent.strategy.clone(),
            rationale: intent.rationale.clone(),
            reduce_only: order.reduce_only,
            state: order.state.as_str().into(),
            filled: order.filled.raw(),
            venue_order_id: order.venue_order_id.as_ref().map(ToString::to_string),
            reject_reason: order.reject_reason.as_ref().map(word).transpose()?,
            created_at: micros(order.created_at),
            updated_at: micros(order.updated_at),
            request: json(request)?,
            post_only: intent.post_only,
            edge: intent.edge.raw(),
            body: Some(body.to_owned()),
        })
    }

    pub(crate) fn order(&self) -> Result<Order, Fault> {
        Ok(Order {
            client_order_id: read_word("orders.client_order_id", &self.client_order_id)?,
            generation: Generation(read_count("orders.generation", self.generation)?),
            venue_order_id: read_optional_word("orders.venue_order_id", self.venue_order_id.as_deref())?,
            intent: self.intent()?,
            reduce_only: self.reduce_only,
            state: read_word("orders.state", &self.state)?,
            filled: read_contracts("orders.filled", self.filled)?,
            created_at: read_time("orders.created_at", self.created_at)?,
            updated_at: read_time("orders.updated_at", self.updated_at)?,
            reject_reason: read_optional_word("orders.reject_reason", self.reject_reason.as_deref())?,
        })
    }

    fn intent(&self) -> Result<Intent, Fault> {
        let multiplier = u32::try_from(self.fee_multiplier)
            .map_err(|error| Fault::unreadable("orders.fee_multiplier", error))?;
        Ok(Intent {
            ticker: read_word("orders.ticker", &self.ticker)?,
            event: read_word("orders.event", &self.event)?,
            series: read_word("orders.series", &self.series)?,
            claim: read_json("orders.claim", &self.claim)?,
            side: read_word("orders.side", &self.side)?,
            contracts: read_contracts("orders.contracts", self.contracts)?,
            limit: read_price("orders.limit_price", self.limit_price)?,
            time_in_force: read_time_in_force(&self.time_in_force, self.expires_at)?,
            purpose: read_word("orders.purpose", &self.purpose)?,
            fees: FeeSchedule {
                fee_type: read_word("orders.fee_type", &self.fee_type)?,
                multiplier_millionths: multiplier,
            },
            check_time: read_time("orders.check_time", self.check_time)?,
            post_only: self.post_only,
            edge: Money::micros(self.edge),
            strategy: self.strategy.clone(),
            rationale: self.rationale.clone(),
        })
    }

    pub(crate) fn stored_request(&self) -> Result<StoredRequest, Fault> {
        Ok(StoredRequest {
            request: read_json("orders.request", &self.request)?,
            body: self.body.clone(),
        })
    }
}

const fn time_in_force_words(time_in_force: TimeInForce) -> (&'static str, Option<i64>) {
    match time_in_force {
        TimeInForce::ImmediateOrCancel => ("immediate_or_cancel", None),
        TimeInForce::FillOrKill => ("fill_or_kill", None),
        TimeInForce::GoodTillCanceled { expires_at: None } => ("good_till_canceled", None),
        TimeInForce::GoodTillCanceled { expires_at: Some(at) } => ("good_till_canceled", Some(micros(at))),
    }
}

fn read_time_in_force(text: &str, expires_at: Option<i64>) -> Result<TimeInForce, Fault> {
    match (text, expires_at) {
        ("immediate_or_cancel", None) => Ok(TimeInForce::ImmediateOrCancel),
        ("fill_or_kill", None) => Ok(TimeInForce::FillOrKill),
        ("good_till_canceled", expires_at) => Ok(TimeInForce::GoodTillCanceled {
            expires_at: expires_at
                .map(|at| read_time("orders.expires_at", at))
                .transpose()?,
        }),
        _ => Err(Fault::unreadable("orders.time_in_force", text)),
    }
}

/// The states of a contract's order after which the next one may come.
fn unfinished() -> [&'static str; 5] {
    [
        OrderState::Intended.as_str(),
        OrderState::Sent.as_str(),
        OrderState::Resting.as_str(),
        OrderState::PartiallyFilled.as_str(),
        OrderState::Unknown.as_str(),
    ]
}

/// The states of a contract's orders that a new one must wait for.
fn blocking(may_follow_unknown: bool) -> Vec<&'static str> {
    let passed = may_follow_unknown.then_some(OrderState::Unknown.as_str());
    unfinished()
        .into_iter()
        .filter(|state| Some(*state) != passed)
        .collect()
}

/// Stores a new intent; the contract's generation advances with it.
pub(crate) fn commit_intent(
    connection: &mut SqliteConnection,
    order: &Order,
    request: &OrderRequest,
    body: &str,
) -> Result<(), Fault> {
    check_request(order, request)?;
    let row = OrderRow::new(order, request, body)?;
    atomically(connection, Begin::ToWrite, |connection| {
        check_generation(connection, &row, may_follow_unknown(order))?;
        diesel::insert_into(orders::table)
            .values(&row)
            .execute(connection)?;
        append_event(connection, &row, "intent committed", None)
    })
}

fn check_request(order: &Order, request: &OrderRequest) -> Result<(), Fault> {
    let id = &order.client_order_id;
    if order.state != OrderState::Intended {
        return Err(Fault::Conflict(format!(
            "order {id} is new but already {}",
            order.state.as_str()
        )));
    }
    // Where it is sent and in which group is the sender's affair.
    let wanted = OrderRequest {
        order_group: request.order_group.clone(),
        ..OrderRequest::of(order, request.exchange_index)
    };
    if *request == wanted {
        Ok(())
    } else {
        Err(Fault::Conflict(format!("order {id} and its request differ")))
    }
}

/// Whether an order may follow one whose outcome is unknown: it can only take a position back, and never rests.
fn may_follow_unknown(order: &Order) -> bool {
    order.reduce_only
        && order.intent.purpose.reduces()
        && order.intent.time_in_force == TimeInForce::ImmediateOrCancel
}

fn check_generation(
    connection: &mut SqliteConnection,
    row: &OrderRow,
    may_follow_unknown: bool,
) -> Result<(), Fault> {
    let of_contract = orders::table.filter(orders::ticker.eq(&row.ticker));
    let last: Option<i64> = of_contract
        .select(diesel::dsl::max(orders::generation))
        .first(connection)?;
    let next = last.unwrap_or(0) + 1;
    if row.generation != next {
        return Err(Fault::Conflict(format!(
            "order {} is number {} of {}, but number {next} comes next",
            row.client_order_id, row.generation, row.ticker
        )));
    }
    let open: Option<(String, String)> = of_contract
        .filter(orders::state.eq_any(blocking(may_follow_unknown)))
        .select((orders::client_order_id, orders::state))
        .first(connection)
        .optional()?;
    match open {
        None => Ok(()),
        Some((id, state)) => Err(Fault::Conflict(format!(
            "order {} must wait: order {id} of {} is {state}",
            row.client_order_id, row.ticker
        ))),
    }
}

/// Stores an order's new state with an entry in its history.
pub(crate) fn update_order(
    connection: &mut SqliteConnection,
    order: &Order,
    detail: &str,
    answer: Option<&str>,
) -> Result<(), Fault> {
    atomically(connection, Begin::ToWrite, |connection| {
        let stored: Option<OrderRow> = orders::table
            .find(order.client_order_id.as_str())
            .select(OrderRow::as_select())
            .first(connection)
            .optional()?;
        let stored = stored
            .ok_or_else(|| Fault::Conflict(format!("order {} was never committed", order.client_order_id)))?;
        check_step(&stored.order()?, order)?;
        let row = OrderRow {
            state: order.state.as_str().into(),
            filled: order.filled.raw(),
            venue_order_id: order.venue_order_id.as_ref().map(ToString::to_string),
            reject_reason: order.reject_reason.as_ref().map(word).transpose()?,
            updated_at: micros(order.updated_at),
            ..stored
        };
        diesel::update(orders::table.find(&row.client_order_id))
            .set((
                orders::state.eq(&row.state),
                orders::filled.eq(row.filled),
                orders::venue_order_id.eq(&row.venue_order_id),
                orders::reject_reason.eq(&row.reject_reason),
                orders::updated_at.eq(row.updated_at),
            ))
            .execute(connection)?;
        append_event(connection, &row, detail, answer)
    })
}

fn check_step(stored: &Order, order: &Order) -> Result<(), Fault> {
    let id = &order.client_order_id;
    let conflict = |what: String| Err(Fault::Conflict(format!("order {id} {what}")));
    if order.generation != stored.generation || order.intent.ticker != stored.intent.ticker {
        return conflict(format!(
            "is number {} of {}, not number {} of {}",
            stored.generation.0, stored.intent.ticker, order.generation.0, order.intent.ticker
        ));
    }
    if order.state != stored.state && !stored.state.may_become(order.state) {
        return conflict(format!(
            "is {} and cannot become {}",
            stored.state.as_str(),
            order.state.as_str()
        ));
    }
    if order.filled < stored.filled {
        return conflict(format!(
            "has {} contracts filled, which cannot shrink to {}",
            stored.filled, order.filled
        ));
    }
    match (&stored.venue_order_id, &order.venue_order_id) {
        (Some(known), given) if Some(known) != given.as_ref() => {
            let given = given.as_ref().map_or("none", VenueOrderId::as_str);
            conflict(format!("has the exchange's id {known}, not {given}"))
        }
        _ => Ok(()),
    }
}

fn append_event(
    connection: &mut SqliteConnection,
    row: &OrderRow,
    detail: &str,
    answer: Option<&str>,
) -> Result<(), Fault> {
    diesel::insert_into(order_events::table)
        .values(NewOrderEvent {
            client_order_id: &row.client_order_id,
            at: row.updated_at,
            state: &row.state,
            filled: row.filled,
            detail,
            answer,
        })
        .execute(connection)?;
    Ok(())
}

/// Orders that are not terminal, oldest first.
pub(crate) fn open_orders(connection: &mut SqliteConnection) -> Result<Vec<OrderRow>, Fault> {
    Ok(orders::table
        .filter(orders::state.eq_any(unfinished()))
        .order((orders::created_at, orders::ticker))
        .select(OrderRow::as_select())
        .load(connection)?)
}

/// The last generation of each contract.
pub(crate) fn generations(
    connection: &mut SqliteConnection,
) -> Result<Vec<(autotrader_domain::Ticker, u64)>, Fault> {
    let rows: Vec<(String, Option<i64>)> = orders::table
        .group_by(orders::ticker)
        .order(orders::ticker)
        .select((orders::ticker, diesel::dsl::max(orders::generation)))
        .load(connection)?;
    rows.into_iter()
        .map(|(ticker, last)| {
            let last = read_count("orders.generation", last.unwrap_or(0))?;
            Ok((read_word("orders.ticker", &ticker)?, last))
        })
        .collect()
}

/// The strategy and series of every order, by our id.
pub(crate) fn strategies(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<String, (String, String)>, Fault> {
    let rows: Vec<(String, String, String)> = orders::table
        .select((orders::client_order_id, orders::strategy, orders::series))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(id, strategy, series)| (id, (strategy, series)))
        .collect())
}

/// Which of our orders each exchange order is.
pub(crate) fn venue_ids(
    connection: &mut SqliteConnection,
) -> Result<Vec<(VenueOrderId, ClientOrderId)>, Fault> {
    let rows: Vec<(Option<String>, String)> = orders::table
        .filter(orders::venue_order_id.is_not_null())
        .order(orders::venue_order_id)
        .select((orders::venue_order_id, orders::client_order_id))
        .load(connection)?;
    rows.into_iter()
        .filter_map(|(venue, client)| Some((venue?, client)))
        .map(|(venue, client)| {
            Ok((
                read_word("orders.venue_order_id", &venue)?,
                read_word("orders.client_order_id", &client)?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_states_are_those_that_are_not_terminal() {
        use OrderState as S;
        let all = [
            S::Intended,
            S::Sent,
            S::Resting,
            S::PartiallyFilled,
            S::Filled,
            S::Canceled,
            S::Rejected,
            S::Expired,
            S::Unknown,
            S::Abandoned,
        ];
        for state in all {
            assert_eq!(
                unfinished().contains(&state.as_str()),
                !state.is_terminal(),
                "{state:?}"
            );
            assert_eq!(word(&state).unwrap(), state.as_str());
        }
    }
}
