//! From an address to an open, authenticated socket.

use std::time::Duration;

use autotrader_domain::ports::Clock;
use chrono::DateTime;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::event::DisconnectCause;
use super::settings::StreamSettings;
use crate::VenueError;
use crate::error::shorten;
use crate::http::signer::Resync;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

// The one library on this path that writes requests to a log does so at level `trace` through the `log` crate, signed
// headers included. The crate's features compile that level out.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize);

/// Connects once. No proxy, no redirect.
pub(super) async fn open(settings: &StreamSettings, clock: &dyn Clock) -> Result<Socket, DisconnectCause> {
    let url = &settings.url;
    let host = url.host_str().unwrap_or("?");
    let request = signed_request(settings)?;
    let unreachable =
        |error: &dyn std::fmt::Display| DisconnectCause::Unreachable(shorten(&error.to_string()));
    let port = url
        .port_or_known_default()
        .ok_or_else(|| DisconnectCause::NotAllowed("the address has no port".to_owned()))?;
    // The URL's own form of an IPv6 address has brackets, as this needs it.
    let tcp = TcpStream::connect(format!("{host}:{port}"))
        .await
        .map_err(|error| unreachable(&error))?;
    tcp.set_nodelay(true).map_err(|error| unreachable(&error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(settings.max_message_bytes))
        .max_frame_size(Some(settings.max_message_bytes));
    let begun = clock.monotonic();
    match client_async_tls_with_config(request, tcp, Some(config), None).await {
        Ok((socket, _response)) => Ok(socket),
        Err(error) => Err(cause_of(error, settings, clock.monotonic().since(begun))),
    }
}

fn signed_request(settings: &StreamSettings) -> Result<Request, DisconnectCause> {
    let refuse = |words: &dyn std::fmt::Display| DisconnectCause::NotAllowed(shorten(&words.to_string()));
    let url = &settings.url;
    let signed = settings.signer.sign("GET", url).map_err(|error| refuse(&error))?;
    let mut request = url
        .as_str()
        .into_client_request()
        .map_err(|error| refuse(&error))?;
    let headers = request.headers_mut();
    for (name, text) in [
        ("kalshi-access-key", &*signed.key_id),
        ("kalshi-access-timestamp", signed.timestamp_ms.as_str()),
        ("kalshi-access-signature", signed.signature.as_str()),
    ] {
        let mut value =
            HeaderValue::from_str(text).map_err(|_| refuse(&"the API key id cannot be sent in a header"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// What a failed handshake asks for.
fn cause_of(error: Error, settings: &StreamSettings, round_trip: Duration) -> DisconnectCause {
    let Error::Http(response) = error else {
        return DisconnectCause::Unreachable(shorten(&error.to_string()));
    };
    let status = response.status().as_u16();
    let refusal = VenueError::read(status, response.body().as_deref().unwrap_or_default());
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    if refusal.is_clock_skew()
        && let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok())
        && settings.signer.resync(date.to_utc(), round_trip) == Resync::Changed
    {
        // The next handshake is signed by the exchange's clock.
        return DisconnectCause::Unreachable(refusal.words());
    }
    if matches!(status, 401 | 403) {
        DisconnectCause::Unauthorized(refusal.words())
    } else {
        DisconnectCause::Unreachable(refusal.words())
    }
}
