//! Who may do what, and how often: every request under `/trade-api/v2` passes here before its handler.
//!
//! The paths that the specification marks as public are answered to anybody, and signature headers on them are not an
//! error even when they are wrong; a sound signature there still draws from its account's read bucket. Every other path
//! needs a sound signature, a key with the right scope, and tokens, asked for in that order. The order of the last two and
//! the wording of the 403 were never recorded; the words are those of the specification's example.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::Signer;
use super::errors::ApiError;
use super::keys::Scope;
use super::limits::{Bucket, cost};
use super::{App, faults};
use crate::exchange::AccountId;

/// Where the REST interface lives.
const ROOT: &str = "/trade-api/v2";

/// What needs a signature: everything else is public.
const PRIVATE: [&str; 7] = [
    "/portfolio",
    "/account/limits",
    "/account/api_usage_level",
    "/api_keys",
    "/historical/fills",
    "/historical/orders",
    "/historical/positions",
];

/// The account that signed a request, for handlers of private paths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(pub(super) AccountId);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // A private path whose admission did not run is a fault of the router, not of the caller.
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn is_private(route: &str) -> bool {
    PRIVATE.iter().any(|path| {
        route
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Whether a key may make a request; broad scopes include their narrow ones.
fn may(scopes: &[Scope], method: &Method, route: &str) -> bool {
    let has = |scope| scopes.contains(&scope);
    if method == Method::GET {
        return has(Scope::Read) || (route == "/portfolio/balance" && has(Scope::ReadPortfolioBalance));
    }
    let is_trading = [
        "/portfolio/events/orders",
        "/portfolio/orders",
        "/portfolio/order_groups",
    ]
    .iter()
    .any(|path| route.starts_with(path));
    has(Scope::Write) || (is_trading && has(Scope::WriteTrade))
}

/// Batches are charged by their handlers, which know how many orders they carry.
fn is_batch(route: &str) -> bool {
    route == "/portfolio/events/orders/batched"
}

fn charge(app: &App, signer: &Signer, method: &Method, route: &str) -> Result<(), ApiError> {
    let bucket = match (method, route) {
        (&Method::GET, "/portfolio/balance") => Bucket::Balance,
        (&Method::GET, _) => Bucket::Read,
        _ => Bucket::Write,
    };
    let tokens = cost(method, &format!("{ROOT}{route}"));
    spend(app, signer.account, bucket, tokens)
}

/// Takes tokens, or answers 429.
pub(super) fn spend(app: &App, account: AccountId, bucket: Bucket, tokens: u32) -> Result<(), ApiError> {
    if app.meter.spend(account, bucket, tokens, app.clock.now()) {
        Ok(())
    } else {
        Err(ApiError::Throttled)
    }
}

/// Takes the tokens of a batch: so many of its route's cost; the whole batch must fit.
pub(super) fn spend_batch(
    app: &App,
    account: AccountId,
    method: &Method,
    orders: usize,
) -> Result<(), ApiError> {
    let each = cost(method, &format!("{ROOT}/portfolio/events/orders/batched"));
    let tokens = u32::try_from(orders)
        .ok()
        .and_then(|orders| orders.checked_mul(each))
        .ok_or(ApiError::Throttled)?;
    spend(app, account, Bucket::Write, tokens)
}

fn admitted(app: &App, request: &mut Request) -> Result<(), ApiError> {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .and_then(|matched| matched.as_str().strip_prefix(ROOT))
        .unwrap_or_default()
        .to_owned();
    let now = app.clock.now() + faults::skew();
    let signer = app
        .keys
        .verify(request.headers(), &method, request.uri().path(), now);
    if !is_private(&route) {
        return signer.map_or(Ok(()), |signer| charge(app, &signer, &method, &route));
    }
    let signer = signer?;
    if !may(&signer.scopes, &method, &route) {
        return Err(ApiError::nested(403, "forbidden", None));
    }
    if !is_batch(&route) {
        charge(app, &signer, &method, &route)?;
    }
    request.extensions_mut().insert(Caller(signer.account));
    Ok(())
}

/// The middleware.
pub(super) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match admitted(&app, &mut request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_paths_are_those_with_security_in_the_specification() {
        for (route, private) in [
            ("/portfolio/orders/{order_id}", true),
            ("/account/limits", true),
            ("/account/endpoint_costs", false),
            ("/api_keys", true),
            ("/historical/fills", true),
            ("/historical/markets", false),
            ("/markets", false),
            ("/portfolios", false),
        ] {
            assert_eq!(is_private(route), private, "{route}");
        }
    }

    #[test]
    fn scopes_grant_what_the_specification_says() {
        use Scope::{Read, ReadPortfolioBalance, Write, WriteTrade};
        let orders = "/portfolio/events/orders";
        for (scopes, method, route, allowed) in [
            (vec![Read], Method::GET, "/portfolio/fills", true),
            (vec![Read], Method::POST, orders, false),
            (vec![Read], Method::DELETE, orders, false),
            (vec![Read, Write], Method::POST, orders, true),
            (vec![WriteTrade], Method::POST, orders, true),
            (
                vec![WriteTrade],
                Method::PUT,
                "/portfolio/order_groups/{id}/reset",
                true,
            ),
            (
                vec![WriteTrade],
                Method::PUT,
                "/portfolio/subaccounts/netting",
                false,
            ),
            (vec![WriteTrade], Method::GET, "/portfolio/fills", false),
            (
                vec![ReadPortfolioBalance],
                Method::GET,
                "/portfolio/balance",
                true,
            ),
            (vec![ReadPortfolioBalance], Method::GET, "/portfolio/fills", false),
        ] {
            assert_eq!(
                may(&scopes, &method, route),
                allowed,
                "{scopes:?} {method} {route}"
            );
        }
    }
}
