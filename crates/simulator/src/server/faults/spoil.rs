//! Faults in the body of a success.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::App;
use crate::faults::{FaultAction, FaultDesk, FaultKind, Site, mutation, required_fields};

/// No answer of the stand-in is larger, in bytes.
pub(super) const LARGEST_BODY: usize = 256 << 20;

/// Faults that change a field, in the order in which they are asked for.
const FIELDS: [FaultKind; 3] = [
    FaultKind::UnknownField,
    FaultKind::UnknownValue,
    FaultKind::MissingField,
];

/// Listings with a cursor.
const LISTINGS: [&str; 7] = [
    "/events",
    "/markets",
    "/markets/trades",
    "/portfolio/fills",
    "/portfolio/orders",
    "/portfolio/positions",
    "/portfolio/settlements",
];

/// The longest page that counts as cut short.
const SHORT: usize = 3;

/// A cursor that no page has given; the exchange answers such a one with the first page, as captured.
const FIRST_PAGE: &str = "c3RhcnQ";

/// A page with less on it than there is, and a cursor that goes on.
#[derive(Debug)]
pub(super) struct ShortPage {
    action: FaultAction,
    /// How many items are left on it; with nothing the page is empty.
    limit: Option<usize>,
    /// The cursor that leads to the same page again.
    again: String,
}

impl ShortPage {
    pub(super) fn decide(
        desk: &mut FaultDesk,
        site: Site<'_>,
        query: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        if site.method != "GET" || !LISTINGS.contains(&site.path) {
            return None;
        }
        let action = desk.fires(FaultKind::PartialPage, site, now)?;
        let parameter = |name: &str| {
            parameters(query)
                .find_map(|(key, value)| (key == name).then_some(value))
                .filter(|value| !value.is_empty())
        };
        let asked = parameter("limit").and_then(|value| value.parse::<usize>().ok());
        let limit = action
            .choose(SHORT + 1)
            .filter(|limit| *limit > 0 && asked.is_none_or(|asked| *limit < asked));
        Some(Self {
            action,
            limit,
            again: parameter("cursor").unwrap_or(FIRST_PAGE).to_owned(),
        })
    }

    /// Asks the exchange for no more than fits, so that the cursor is its own.
    pub(super) fn ask_for_less(&self, uri: &mut Uri) {
        let Some(limit) = self.limit else {
            return;
        };
        let mut query: Vec<String> = parameters(uri.query())
            .filter(|(key, _)| *key != "limit")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        query.push(format!("limit={limit}"));
        // A path and a query that were one before are one again.
        if let Ok(less) = format!("{}?{}", uri.path(), query.join("&")).parse() {
            *uri = less;
        }
    }

    /// Empties the page unless the exchange has cut it.
    fn finish(&self, body: &mut Value) -> String {
        let is_cut = self.limit.is_some()
            && body
                .get("cursor")
                .and_then(Value::as_str)
                .is_some_and(|cursor| !cursor.is_empty());
        if is_cut {
            return format!("at most {} items", self.limit.unwrap_or_default());
        }
        if let Some(fields) = body.as_object_mut() {
            for value in fields.values_mut() {
                if let Value::Array(items) = value {
                    items.clear();
                }
            }
            fields.insert("cursor".to_owned(), self.again.as_str().into());
        }
        "an empty page".to_owned()
    }
}

fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Spoils the body of a success where the desk says so.
pub(super) async fn spoil(
    app: &App,
    site: Site<'_>,
    response: Response,
    page: Option<ShortPage>,
) -> Response {
    let now = app.clock.now();
    let is_armed = FIELDS
        .iter()
        .chain(&[FaultKind::TruncatedJson])
        .any(|kind| app.desk().is_armed(*kind, site, now));
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !response.status().is_success() || !is_json || !(is_armed || page.is_some()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let bytes = spoilt(&mut app.desk(), site, bytes, page.as_ref(), now);
    Response::from_parts(parts, Body::from(bytes))
}

fn spoilt(
    desk: &mut FaultDesk,
    site: Site<'_>,
    bytes: Bytes,
    page: Option<&ShortPage>,
    now: DateTime<Utc>,
) -> Bytes {
    let Ok(mut body) = serde_json::from_slice::<Value>(&bytes) else {
        return bytes;
    };
    let mut is_changed = false;
    if let Some(page) = page {
        let detail = page.finish(&mut body);
        desk.explain(&page.action, detail);
        is_changed = true;
    }
    let shape = required_fields(site.method, site.path);
    for kind in FIELDS {
        // Only asked where there is something to change.
        if !desk.is_armed(kind, site, now) || mutation(kind, shape, &body, 0).is_none() {
            continue;
        }
        let Some(action) = desk.fires(kind, site, now) else {
            continue;
        };
        if let Some(change) = mutation(kind, shape, &body, action.draw) {
            is_changed |= change.apply(&mut body);
            desk.explain(&action, change.to_string());
        }
    }
    let bytes = if is_changed {
        Bytes::from(body.to_string())
    } else {
        bytes
    };
    match desk.fires(FaultKind::TruncatedJson, site, now) {
        Some(action) => {
            let kept = action.choose(bytes.len()).unwrap_or(0);
            desk.explain(&action, format!("{kept} of {} bytes", bytes.len()));
            bytes.slice(..kept)
        }
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORDERS: Site<'static> = Site {
        method: "GET",
        path: "/portfolio/orders",
    };

    fn page(draw: u64, query: Option<&str>) -> ShortPage {
        let mut desk = FaultDesk::new(1);
        desk.next(FaultKind::PartialPage, 1);
        let mut page = ShortPage::decide(&mut desk, ORDERS, query, DateTime::UNIX_EPOCH).unwrap();
        page.action.draw = draw;
        page.limit = page.action.choose(SHORT + 1).filter(|limit| *limit > 0);
        page
    }

    #[test]
    fn less_is_asked_for_and_the_rest_of_the_question_stays() {
        let page = page(2, Some("status=resting&limit=100&cursor=abc"));
        let mut uri: Uri = "/trade-api/v2/portfolio/orders?status=resting&limit=100&cursor=abc"
            .parse()
            .unwrap();
        page.ask_for_less(&mut uri);
        assert_eq!(
            uri.to_string(),
            "/trade-api/v2/portfolio/orders?status=resting&cursor=abc&limit=2"
        );
    }

    #[test]
    fn a_page_the_exchange_cut_stays_and_another_is_emptied_and_leads_to_itself() {
        for (draw, query, body, finished) in [
            (
                2,
                None,
                json!({ "orders": [1, 2], "cursor": "c" }),
                json!({ "orders": [1, 2], "cursor": "c" }),
            ),
            (
                2,
                None,
                json!({ "orders": [1], "cursor": "" }),
                json!({ "orders": [], "cursor": FIRST_PAGE }),
            ),
            (
                0,
                Some("cursor=b"),
                json!({ "orders": [1], "cursor": "c" }),
                json!({ "orders": [], "cursor": "b" }),
            ),
        ] {
            let mut value = body.clone();
            page(draw, query).finish(&mut value);
            assert_eq!(value, finished, "{draw} {query:?} {body}");
        }
    }

    #[test]
    fn only_listings_have_pages() {
        let mut desk = FaultDesk::new(1);
        desk.next(FaultKind::PartialPage, 9);
        for (method, path, has) in [
            ("GET", "/portfolio/orders", true),
            ("GET", "/portfolio/orders/1", false),
            ("GET", "/portfolio/balance", false),
            ("POST", "/markets", false),
        ] {
            let site = Site { method, path };
            let page = ShortPage::decide(&mut desk, site, None, DateTime::UNIX_EPOCH);
            assert_eq!(page.is_some(), has, "{method} {path}");
        }
    }
}
