//! Answers to order entry, and order reads.

use autotrader_domain::ports::{CancelAccountOutcome, CancelOutcome, PlaceOutcome, VenueOrder};
use autotrader_domain::{OrderRequest, OrderState, RejectReason, VenueOrderId};

use super::decode::decode;
use crate::VenueCode;
use crate::http::write::{NotSentCause, WriteAnswer};
use crate::wire::order as wire;

/// What a create's answer means.
pub(crate) fn place_outcome(request: &OrderRequest, answer: WriteAnswer) -> PlaceOutcome {
    match answer {
        WriteAnswer::Done(answer) => {
            accepted(request, &answer.body, "$").unwrap_or_else(|detail| PlaceOutcome::Unknown { detail })
        }
        WriteAnswer::Rejected { reason, error } => PlaceOutcome::Rejected {
            reason,
            detail: error.words(),
        },
        WriteAnswer::NotSent { detail, .. } => PlaceOutcome::NotSent { detail },
        WriteAnswer::Unknown(detail) => PlaceOutcome::Unknown { detail },
    }
}

/// An accepted create, read at `path`; what contradicts the request is an error in words.
pub(crate) fn accepted(request: &OrderRequest, body: &[u8], path: &str) -> Result<PlaceOutcome, String> {
    let created: wire::Created = decode(path, body).map_err(|error| error.to_string())?;
    if let Some(id) = created.client_order_id.as_deref().filter(|id| !id.is_empty())
        && id != request.client_order_id.as_str()
    {
        return Err(format!(
            "unexpected answer at {path}.client_order_id: sent {}, answered {}",
            request.client_order_id,
            crate::error::shorten(id)
        ));
    }
    let total = created.fill_count.checked_add(created.remaining_count);
    if total.is_none_or(|total| total > request.contracts) {
        return Err(format!(
            "unexpected answer at {path}.fill_count: {} filled and {} remaining of {}",
            created.fill_count, created.remaining_count, request.contracts
        ));
    }
    Ok(PlaceOutcome::Accepted {
        venue_order_id: created.order_id,
        filled: created.fill_count,
        remaining: created.remaining_count,
    })
}

/// What a cancel's answer means. A 404 does not tell a cancelled order from a filled or unknown one.
pub(crate) fn cancel_outcome(asked: &VenueOrderId, answer: WriteAnswer) -> CancelOutcome {
    match answer {
        WriteAnswer::Done(answer) => canceled(asked, &answer.body),
        WriteAnswer::Rejected { error, .. }
            if error.status == 404 && error.code == Some(VenueCode::NotFound) =>
        {
            CancelOutcome::NotOnBook
        }
        // A 404 without the exchange's own code comes from somewhere before it.
        WriteAnswer::Rejected { error, .. } if error.status == 404 => CancelOutcome::Unknown {
            detail: error.words(),
        },
        WriteAnswer::Rejected { reason, error } => CancelOutcome::Refused {
            reason,
            detail: error.words(),
        },
        WriteAnswer::NotSent { cause, detail } => match cause {
            NotSentCause::Refused => CancelOutcome::Refused {
                reason: RejectReason::Other,
                detail,
            },
            NotSentCause::TurnedAway => CancelOutcome::Refused {
                reason: RejectReason::RateLimited,
                detail,
            },
            NotSentCause::NoTokens | NotSentCause::Unreachable | NotSentCause::ClockSkew => {
                CancelOutcome::Unknown { detail }
            }
        },
        WriteAnswer::Unknown(detail) => CancelOutcome::Unknown { detail },
    }
}

/// What the answer to a cancel of the whole account means. A body is not promised.
pub(crate) fn cancel_account_outcome(answer: WriteAnswer) -> CancelAccountOutcome {
    match answer {
        WriteAnswer::Done(_) => CancelAccountOutcome::Done,
        WriteAnswer::Rejected { reason, error } => CancelAccountOutcome::Refused {
            reason,
            detail: error.words(),
        },
        WriteAnswer::NotSent { detail, .. } | WriteAnswer::Unknown(detail) => {
            CancelAccountOutcome::Unknown { detail }
        }
    }
}

fn canceled(asked: &VenueOrderId, body: &[u8]) -> CancelOutcome {
    match decode::<wire::Canceled>("$", body) {
        Ok(canceled) if canceled.order_id == *asked => CancelOutcome::Canceled {
            reduced_by: canceled.reduced_by,
        },
        Ok(canceled) => CancelOutcome::Unknown {
            detail: format!("asked to cancel {asked}, answered {}", canceled.order_id),
        },
        Err(error) => CancelOutcome::Unknown {
            detail: error.to_string(),
        },
    }
}

/// One order as the venue has it.
pub(crate) fn venue_order(wire: wire::Order) -> VenueOrder {
    let state = match wire.status.as_str() {
        "resting" => OrderState::Resting,
        "executed" => OrderState::Filled,
        "canceled" => OrderState::Canceled,
        _ => OrderState::Unknown,
    };
    VenueOrder {
        venue_order_id: wire.order_id,
        client_order_id: Some(wire.client_order_id).filter(|id| !id.is_empty()),
        ticker: wire.ticker,
        state,
        filled: wire.fill_count_fp,
        remaining: wire.remaining_count_fp,
    }
}

#[cfg(test)]
mod tests {
    use autotrader_domain::{BookSide, TimeInForce};
    use bytes::Bytes;

    use super::*;
    use crate::http::transport::Answer;

    fn request() -> OrderRequest {
        OrderRequest {
            client_order_id: "kat1-0001".parse().unwrap(),
            ticker: "KXTOPMODEL-27JAN04-AUR".parse().unwrap(),
            side: BookSide::Bid,
            contracts: "10.00".parse().unwrap(),
            limit: "0.5600".parse().unwrap(),
            time_in_force: TimeInForce::ImmediateOrCancel,
            reduce_only: false,
            post_only: false,
            exchange_index: 0,
            order_group: None,
        }
    }

    fn answer(status: u16, body: &str) -> WriteAnswer {
        WriteAnswer::of(Ok(Answer {
            status,
            body: Bytes::copy_from_slice(body.as_bytes()),
            date: None,
            round_trip: std::time::Duration::ZERO,
        }))
    }

    #[track_caller]
    fn check_place(status: u16, body: &str, expected: &str) {
        let outcome = match place_outcome(&request(), answer(status, body)) {
            PlaceOutcome::NotSent { .. } => "not_sent".to_owned(),
            PlaceOutcome::Accepted {
                venue_order_id,
                filled,
                remaining,
            } => format!("{venue_order_id} {filled} {remaining}"),
            PlaceOutcome::Rejected { reason, .. } => format!("rejected {}", reason.code()),
            PlaceOutcome::Unknown { detail } => {
                assert!(!detail.is_empty());
                "unknown".to_owned()
            }
        };
        assert_eq!(outcome, expected, "{status} {body}");
    }

    #[test]
    fn creates_end_as_the_answer_proves() {
        let ok = r#"{"order_id":"o-1","client_order_id":"kat1-0001","fill_count":"4.00","remaining_count":"6.00","ts_ms":1}"#;
        check_place(201, ok, "o-1 4.00 6.00");
        check_place(200, ok, "o-1 4.00 6.00");
        check_place(
            201,
            r#"{"order_id":"o-1","fill_count":"0.00","remaining_count":"0.00"}"#,
            "o-1 0.00 0.00",
        );
        // Accepted, but what was accepted cannot be read or is not what was sent.
        check_place(201, "", "unknown");
        check_place(202, "queued", "unknown");
        check_place(
            201,
            r#"{"order_id":"o-1","fill_count":4,"remaining_count":"6.00"}"#,
            "unknown",
        );
        check_place(
            201,
            r#"{"order_id":"o-1","fill_count":"8.00","remaining_count":"6.00"}"#,
            "unknown",
        );
        let other =
            r#"{"order_id":"o-1","client_order_id":"someone","fill_count":"0.00","remaining_count":"1.00"}"#;
        check_place(201, other, "unknown");

        check_place(429, r#"{"error":"too many requests"}"#, "not_sent");
        let expired = r#"{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}"#;
        check_place(401, expired, "not_sent");
        let signature = r#"{"error":{"code":"authentication_error","message":"m","details":"INCORRECT_API_KEY_SIGNATURE"}}"#;
        check_place(401, signature, "rejected unauthorized");
        check_place(
            409,
            r#"{"error":{"code":"order_already_exists","message":"order already exists"}}"#,
            "rejected order_already_exists",
        );
        check_place(
            409,
            r#"{"error":{"code":"new_conflict","message":"m"}}"#,
            "unknown",
        );
        check_place(409, "", "unknown");
        for status in [302, 408, 500, 502, 503, 504] {
            check_place(
                status,
                r#"{"error":{"code":"invalid_price","message":"m"}}"#,
                "unknown",
            );
        }
    }

    #[track_caller]
    fn check_cancel(status: u16, body: &str, expected: &str) {
        let outcome = match cancel_outcome(&"o-1".parse().unwrap(), answer(status, body)) {
            CancelOutcome::Canceled { reduced_by } => format!("canceled {reduced_by}"),
            CancelOutcome::NotOnBook => "not_on_book".to_owned(),
            CancelOutcome::Refused { reason, .. } => format!("refused {}", reason.code()),
            CancelOutcome::Unknown { .. } => "unknown".to_owned(),
        };
        assert_eq!(outcome, expected, "{status} {body}");
    }

    #[test]
    fn cancels_end_as_the_answer_proves() {
        check_cancel(
            200,
            r#"{"order_id":"o-1","reduced_by":"6.00","ts_ms":1}"#,
            "canceled 6.00",
        );
        check_cancel(
            200,
            r#"{"order_id":"o-2","reduced_by":"6.00","ts_ms":1}"#,
            "unknown",
        );
        check_cancel(200, r#"{"order_id":"o-1"}"#, "unknown");
        check_cancel(
            404,
            r#"{"error":{"code":"not_found","message":"not found"}}"#,
            "not_on_book",
        );
        check_cancel(404, "404 page not found", "unknown");
        check_cancel(429, r#"{"error":"too many requests"}"#, "refused rate_limited");
        check_cancel(
            409,
            r#"{"error":{"code":"exchange_is_paused","message":"m"}}"#,
            "refused exchange_is_paused",
        );
        check_cancel(
            400,
            r#"{"error":{"code":"MARKET_INACTIVE","message":"m"}}"#,
            "refused market_inactive",
        );
        check_cancel(503, "", "unknown");
    }

    #[test]
    fn order_statuses_are_words_of_the_venue() {
        let state = |status: &str, id: &str| {
            let body = format!(
                r#"{{"order":{{"order_id":"o","client_order_id":"{id}","ticker":"T","status":"{status}","fill_count_fp":"1.00","remaining_count_fp":"0.00"}}}}"#
            );
            let wire::OrderAnswer { order } = decode("$", body.as_bytes()).unwrap();
            let order = venue_order(order);
            (order.state, order.client_order_id)
        };
        assert_eq!(state("resting", "a"), (OrderState::Resting, Some("a".to_owned())));
        assert_eq!(state("executed", "").0, OrderState::Filled);
        assert_eq!(state("canceled", ""), (OrderState::Canceled, None));
        assert_eq!(state("levitating", "").0, OrderState::Unknown);
    }
}
