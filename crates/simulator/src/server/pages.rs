//! The leaderboard site.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::App;

/// Whether the reader takes gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| {
            let mut words = part.split(';').map(str::trim);
            let refused = part.replace(' ', "").ends_with(";q=0");
            words.next().is_some_and(|coding| matches!(coding, "gzip" | "*")) && !refused
        })
}

pub(super) async fn leaderboard(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let page = {
        let mut moment = app.moment();
        let now = moment.now;
        moment.world.leaderboard(uri.path(), now)
    };
    let zipped = page.gzip.filter(|_| takes_gzip(&headers));
    let is_zipped = zipped.is_some();
    let mut response = Response::new(Body::from(zipped.unwrap_or(page.body)));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_zipped {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, value) in page.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            fields.insert(name, value);
        }
    }
    response
}
