//! Answers to batches, item by item.

use std::collections::BTreeMap;

use autotrader_domain::ports::{CancelOutcome, PlaceOutcome};
use autotrader_domain::{OrderRequest, RejectReason, VenueOrderId};
use serde_json::value::RawValue;

use super::decode::decode;
use super::order::{accepted, cancel_outcome, place_outcome};
use crate::http::write::WriteAnswer;
use crate::wire::batch as wire;
use crate::{VenueCode, VenueError};

/// What became of each order of a batch, in the order asked.
///
/// An item belongs to the order whose client id it carries. One without an id belongs to the order at its place, but only
/// when the list is as long as the batch and every id in it stands at its own place. Orders that no item, or more than one,
/// speaks of are unknown: the batch was taken.
pub(crate) fn place_outcomes(requests: &[OrderRequest], answer: WriteAnswer) -> Vec<PlaceOutcome> {
    let WriteAnswer::Done(answer) = answer else {
        return requests
            .iter()
            .map(|request| place_outcome(request, answer.clone()))
            .collect();
    };
    let unknown = |detail: &str| PlaceOutcome::Unknown {
        detail: detail.to_owned(),
    };
    let listed: wire::Items = match decode("$", &answer.body) {
        Ok(listed) => listed,
        Err(error) => return requests.iter().map(|_| unknown(&error.to_string())).collect(),
    };
    let named = |index: usize, raw: &RawValue| {
        let path = format!("$.orders[{index}]");
        decode::<wire::CreatedName>(&path, raw.get().as_bytes())
            .ok()
            .and_then(|name| name.client_order_id)
            .filter(|id| !id.is_empty())
    };
    let names: Vec<Option<String>> = listed
        .orders
        .iter()
        .enumerate()
        .map(|(index, raw)| named(index, raw))
        .collect();
    let in_order = names.len() == requests.len()
        && names.iter().zip(requests).all(|(name, request)| {
            name.as_deref()
                .is_none_or(|id| id == request.client_order_id.as_str())
        });
    let mut owned: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let at_place = || requests.get(index).filter(|_| in_order);
        let owner = name
            .as_deref()
            .or_else(|| at_place().map(|request| request.client_order_id.as_str()));
        if let Some(owner) = owner {
            owned.entry(owner).or_default().push(index);
        }
    }
    let outcome =
        |request: &OrderRequest| match owned.get(request.client_order_id.as_str()).map(Vec::as_slice) {
            Some([index]) => listed.orders.get(*index).map_or_else(
                || unknown("the answer lost an item"),
                |raw| created_item(request, raw, &format!("$.orders[{index}]")),
            ),
            Some(_) => unknown("the answer to the batch speaks of this order more than once"),
            None => unknown("the answer to the batch does not speak of this order"),
        };
    requests.iter().map(outcome).collect()
}

fn created_item(request: &OrderRequest, raw: &RawValue, path: &str) -> PlaceOutcome {
    let json = raw.get().as_bytes();
    let failure = match decode::<wire::Failure>(path, json) {
        Ok(failure) => failure,
        Err(error) => {
            return PlaceOutcome::Unknown {
                detail: error.to_string(),
            };
        }
    };
    let Some(error) = failure.error else {
        return accepted(request, json, path).unwrap_or_else(|detail| PlaceOutcome::Unknown { detail });
    };
    let (reason, detail) = refusal(&error);
    match reason {
        Some(reason) if failure.order_id.is_none_or(|id| id.is_empty()) => {
            PlaceOutcome::Rejected { reason, detail }
        }
        // An order id beside an error, or an error that proves nothing.
        _ => PlaceOutcome::Unknown { detail },
    }
}

/// What became of each cancel of a batch, in the order asked. Items belong to the order whose id they carry.
pub(crate) fn cancel_outcomes(asked: &[&VenueOrderId], answer: WriteAnswer) -> Vec<CancelOutcome> {
    let WriteAnswer::Done(answer) = answer else {
        // A whole batch that is not found says nothing about any of its orders.
        let one = |id: &&VenueOrderId| match cancel_outcome(id, answer.clone()) {
            CancelOutcome::NotOnBook => CancelOutcome::Unknown {
                detail: "the exchange did not find the batch".to_owned(),
            },
            outcome => outcome,
        };
        return asked.iter().map(one).collect();
    };
    let unknown = |detail: &str| CancelOutcome::Unknown {
        detail: detail.to_owned(),
    };
    let listed: wire::Items = match decode("$", &answer.body) {
        Ok(listed) => listed,
        Err(error) => return asked.iter().map(|_| unknown(&error.to_string())).collect(),
    };
    let mut found: BTreeMap<VenueOrderId, CancelOutcome> = BTreeMap::new();
    for (index, raw) in listed.orders.iter().enumerate() {
        let path = format!("$.orders[{index}]");
        let json = raw.get().as_bytes();
        // An item without a readable id is missed below, under the id that was asked for.
        let Ok(name) = decode::<wire::CanceledName>(&path, json) else {
            continue;
        };
        let outcome = match decode::<wire::CanceledItem>(&path, json) {
            Ok(item) => canceled_item(item),
            Err(error) => unknown(&error.to_string()),
        };
        found
            .entry(name.order_id)
            .and_modify(|earlier| {
                *earlier = unknown("the answer to the batch speaks of this order more than once");
            })
            .or_insert(outcome);
    }
    let missing = || unknown("the answer to the batch does not speak of this order");
    asked
        .iter()
        .map(|id| found.get(*id).cloned().unwrap_or_else(missing))
        .collect()
}

fn canceled_item(item: wire::CanceledItem) -> CancelOutcome {
    let Some(error) = item.error else {
        return CancelOutcome::Canceled {
            reduced_by: item.reduced_by,
        };
    };
    match refusal(&error) {
        (Some(RejectReason::NotFound), _) => CancelOutcome::NotOnBook,
        (Some(reason), detail) => CancelOutcome::Refused { reason, detail },
        (None, detail) => CancelOutcome::Unknown { detail },
    }
}

/// The reason of one item's error, and its words. Read as a conflict is: only a known code proves that nothing was done.
fn refusal(error: &RawValue) -> (Option<RejectReason>, String) {
    let error = VenueError::read(409, error.get().as_bytes());
    let parts = [
        error.code.as_ref().map(VenueCode::as_str),
        Some(error.message.as_str()),
        error.details.as_deref(),
    ];
    let words: Vec<&str> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    (error.refusal(), words.join(": "))
}
