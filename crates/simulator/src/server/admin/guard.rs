//! Who may use the admin endpoint.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};

use super::super::keys::write_private;
use super::super::listener::Connection;
use super::AdminError;

/// The secret of one start, 32 random bytes in hexadecimal; never printed.
#[derive(Clone)]
pub struct AdminToken(String);

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

impl AdminToken {
    /// A token from a source of randomness.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = [0_u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The secret, for the one who may know it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Writes it as `admin_token` into a directory, readable by the owner alone; an existing file is replaced.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_to(&self, directory: &Path) -> io::Result<PathBuf> {
        let path = directory.join("admin_token");
        write_private(&path, &self.0)?;
        Ok(path)
    }

    /// Compares digests of equal length without a short cut, so that the time taken says nothing about the token.
    fn is(&self, presented: &str) -> bool {
        let (ours, theirs) = (
            Sha256::digest(self.0.as_bytes()),
            Sha256::digest(presented.as_bytes()),
        );
        ours.iter()
            .zip(theirs.iter())
            .fold(0_u8, |difference, (a, b)| difference | (a ^ b))
            == 0
    }
}

/// Whether a `Host` names this machine: a page elsewhere whose name was made to point here does not.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn admitted(token: &AdminToken, request: &Request) -> Result<(), AdminError> {
    let forbidden = |sentence| Err(AdminError::refused(StatusCode::FORBIDDEN, sentence));
    let from_here = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .is_some_and(|info| info.0.peer().is_loopback());
    if !from_here {
        return forbidden("The admin endpoint serves this machine only.");
    }
    let headers = request.headers();
    // HTTP/2 has the host in the target instead.
    let host = request
        .uri()
        .host()
        .or_else(|| text(headers, header::HOST))
        .unwrap_or_default();
    if !is_loopback_host(host) {
        return forbidden("The Host header is not a loopback address; ask by 127.0.0.1, [::1] or localhost.");
    }
    if headers.contains_key(header::ORIGIN) {
        return forbidden("The admin endpoint is not for web pages.");
    }
    let presented = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    match presented {
        Some(presented) if token.is(presented) => Ok(()),
        _ => Err(AdminError::refused(
            StatusCode::UNAUTHORIZED,
            "The token is missing or wrong; send `Authorization: Bearer` with the content of the file admin_token of this start.",
        )),
    }
}

/// Lets requests with the token through, from this machine to this machine.
pub(super) async fn guard(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    match admitted(&token, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for (host, loopback) in [
            ("127.0.0.1", true),
            ("127.0.0.1:8080", true),
            ("127.8.9.1:1", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("LocalHost", true),
            ("", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com", false),
            ("192.168.0.1", false),
            ("[::2]:1", false),
            ("rebound.example:8080", false),
        ] {
            assert_eq!(is_loopback_host(host), loopback, "{host}");
        }
    }

    #[test]
    fn a_token_is_itself_alone_and_not_printed() {
        let token = AdminToken::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let other = AdminToken::generate(&mut ChaCha20Rng::seed_from_u64(2));
        assert_eq!(token.reveal().len(), 64);
        assert!(token.is(token.reveal()));
        for wrong in [
            "",
            other.reveal(),
            &token.reveal()[1..],
            &token.reveal().to_uppercase(),
        ] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
