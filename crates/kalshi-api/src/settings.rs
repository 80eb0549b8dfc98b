//! What the client needs to know.

use std::time::Duration;

use autotrader_domain::Environment;
use url::{Host, Url};

use crate::{Credentials, RateLimits, RetryPolicy, SetupError};

/// The base URL of an environment when none is configured.
#[must_use]
pub const fn default_base_url(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "https://api.elections.kalshi.com/trade-api/v2",
        Environment::Demo => "https://demo-api.kalshi.co/trade-api/v2",
    }
}

/// Which hosts get signatures.
///
/// Source of the hosts: the exchange's documentation of its environments. Keys of one environment are worth nothing in the
/// other, and a signature shown to the wrong host could be replayed at the right one, so each key stays in its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningHosts {
    /// This machine only.
    Loopback,
    /// This machine, and the documented hosts of one environment, over TLS at the usual port.
    Documented(Environment),
}

const PRODUCTION_HOSTS: [&str; 3] = [
    "external-api.kalshi.com",
    "external-api-ws.kalshi.com",
    "api.elections.kalshi.com",
];
const DEMO_HOSTS: [&str; 3] = [
    "external-api.demo.kalshi.co",
    "external-api-ws.demo.kalshi.co",
    "demo-api.kalshi.co",
];

impl SigningHosts {
    /// Whether requests and handshakes to this URL may be signed.
    ///
    /// # Errors
    /// One sentence that names the host and the remedy.
    pub fn check(self, url: &Url) -> Result<(), String> {
        if is_loopback(url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or("?");
        let environment = match self {
            Self::Documented(environment) => environment,
            Self::Loopback => {
                return Err(format!(
                    "signed requests to `{host}` are refused: only this machine is allowed; correct `kalshi.base_url`"
                ));
            }
        };
        let (own, other) = match environment {
            Environment::Production => (PRODUCTION_HOSTS, DEMO_HOSTS),
            Environment::Demo => (DEMO_HOSTS, PRODUCTION_HOSTS),
        };
        if other.contains(&host) {
            return Err(format!(
                "signed requests to `{host}` are refused: it does not belong to the {environment} environment of this key; correct `kalshi.environment` or `kalshi.base_url`"
            ));
        }
        if !own.contains(&host) {
            return Err(format!(
                "signed requests to `{host}` are refused: it is not a documented host of the {environment} environment; correct `kalshi.base_url`"
            ));
        }
        if !matches!(url.scheme(), "https" | "wss") || url.port_or_known_default() != Some(443) {
            return Err(format!(
                "signed requests to `{host}` are refused: they need `https` or `wss` at port 443; correct `kalshi.base_url`"
            ));
        }
        Ok(())
    }
}

/// Where signed requests would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// This machine.
    ThisMachine,
    /// A documented host of the exchange.
    Exchange,
}

impl Destination {
    /// Where a REST or stream address leads under a key of `environment`.
    ///
    /// # Errors
    /// One sentence with the remedy when no signed request may go there: no address, without encryption beyond this machine,
    /// with a user name, query or fragment, at another port, or at a host that is not one of the environment's documented ones.
    pub fn of(address: &str, environment: Environment) -> Result<Self, String> {
        let refuse = |detail: &str| {
            format!("`{address}` is refused: {detail}; correct `kalshi.base_url` or `kalshi.websocket_url`")
        };
        let url = Url::parse(address).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(refuse("it must be `https` or `wss`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it must not carry a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it must not carry a query or fragment"));
        }
        if is_loopback(&url) {
            return Ok(Self::ThisMachine);
        }
        SigningHosts::Documented(environment).check(&url)?;
        Ok(Self::Exchange)
    }
}

/// Settings of one client.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The API root, such as `https://demo-api.kalshi.co/trade-api/v2`; its path is part of every signature.
    pub base_url: Url,
    /// Which environment the base URL belongs to.
    pub environment: Environment,
    /// The account's key; without it only public data can be read.
    pub credentials: Option<Credentials>,
    /// Longest time for one request, connecting included.
    pub request_timeout: Duration,
    /// Longest time for connecting.
    pub connect_timeout: Duration,
    /// Largest accepted body after decompression, in bytes.
    pub max_body_bytes: usize,
    /// How reads retry.
    pub retry: RetryPolicy,
    /// What the account may spend until it is learnt from the account.
    pub limits: RateLimits,
    /// Which hosts get signatures.
    pub signing_hosts: SigningHosts,
    /// Keeps a signature ready for the next create, at most this old; `None` signs each request when it is sent.
    ///
    /// The exchange takes timestamps that are a few seconds old: 5 s was accepted and 30 s refused, so at most 10 s is taken
    /// here and 5 s is advised.
    pub ready_signature_max_age: Option<Duration>,
}

impl ClientSettings {
    /// Settings with the usual timeouts and limits, without key.
    ///
    /// # Errors
    /// [`SetupError::BaseUrl`] when the URL is no absolute `https` URL (or `http` on loopback), or carries credentials, a
    /// query or a fragment.
    pub fn new(base_url: &str, environment: Environment) -> Result<Self, SetupError> {
        Ok(Self {
            base_url: sound_base_url(base_url)?,
            environment,
            credentials: None,
            request_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            max_body_bytes: 16 << 20,
            retry: RetryPolicy::default(),
            limits: RateLimits::BASIC,
            signing_hosts: SigningHosts::Documented(environment),
            ready_signature_max_age: None,
        })
    }
}

fn sound_base_url(text: &str) -> Result<Url, SetupError> {
    let refuse = |detail: &str| SetupError::BaseUrl {
        detail: detail.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refuse("`http` is allowed for loopback hosts only; use `https`")),
        _ => return Err(refuse("the scheme must be `https`")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must not carry a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must not carry a query or fragment"));
    }
    Ok(url)
}

/// Whether a URL points at this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<(), &str>) {
        let found = ClientSettings::new(url, Environment::Demo).map(|_| ());
        match (found, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn signatures_stay_with_the_hosts_of_their_environment() {
        use Environment::{Demo, Production};
        let documented = SigningHosts::Documented;
        for (hosts, url, expected) in [
            (
                documented(Production),
                "https://external-api.kalshi.com/trade-api/v2",
                Ok(()),
            ),
            (
                documented(Production),
                "https://api.elections.kalshi.com/trade-api/v2",
                Ok(()),
            ),
            (
                documented(Production),
                "wss://external-api-ws.kalshi.com/trade-api/ws/v2",
                Ok(()),
            ),
            (
                documented(Production),
                "wss://api.elections.kalshi.com/trade-api/ws/v2",
                Ok(()),
            ),
            (
                documented(Demo),
                "https://external-api.demo.kalshi.co/trade-api/v2",
                Ok(()),
            ),
            (
                documented(Demo),
                "https://demo-api.kalshi.co/trade-api/v2",
                Ok(()),
            ),
            (
                documented(Demo),
                "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2",
                Ok(()),
            ),
            (
                documented(Demo),
                "wss://demo-api.kalshi.co:443/trade-api/ws/v2",
                Ok(()),
            ),
            (documented(Demo), "https://EXTERNAL-API.demo.kalshi.co/", Ok(())),
            (documented(Demo), "ws://127.0.0.1:8080/trade-api/ws/v2", Ok(())),
            (documented(Production), "http://[::1]:8080/", Ok(())),
            (SigningHosts::Loopback, "http://localhost:1/", Ok(())),
            (
                documented(Demo),
                "https://api.elections.kalshi.com/",
                Err("not belong to the demo"),
            ),
            (
                documented(Production),
                "https://demo-api.kalshi.co/",
                Err("not belong to the production"),
            ),
            (
                documented(Production),
                "https://kalshi.com/",
                Err("not a documented host"),
            ),
            (
                documented(Production),
                "https://external-api.kalshi.com.example/",
                Err("not a documented host"),
            ),
            (
                documented(Production),
                "https://x.external-api.kalshi.com/",
                Err("not a documented host"),
            ),
            (
                documented(Production),
                "https://external-api.kalshi.com./",
                Err("not a documented host"),
            ),
            (
                documented(Production),
                "https://external-api.kalshi.com:8443/",
                Err("at port 443"),
            ),
            (
                documented(Production),
                "ws://external-api-ws.kalshi.com/",
                Err("at port 443"),
            ),
            (
                SigningHosts::Loopback,
                "https://demo-api.kalshi.co/",
                Err("only this machine"),
            ),
        ] {
            match (hosts.check(&Url::parse(url).unwrap()), expected) {
                (Ok(()), Ok(())) => {}
                (Err(found), Err(part)) => assert!(found.contains(part), "{url}: {found}"),
                (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn look_alikes_of_this_machine_and_of_the_exchange_are_refused() {
        use Environment::{Demo, Production};
        let machine = || Ok(Destination::ThisMachine);
        let exchange = || Ok(Destination::Exchange);
        for (environment, address, expected) in [
            (Demo, "http://127.0.0.1:8080/trade-api/v2", machine()),
            (Production, "http://127.0.0.1/", machine()),
            (Production, "http://127.8.9.10:1/", machine()),
            (Demo, "http://127.1:8080/", machine()),
            (Demo, "http://0x7f000001/", machine()),
            (Demo, "HTTP://LOCALHOST:9/trade-api/v2", machine()),
            (Demo, "https://localhost/", machine()),
            (Demo, "ws://[::1]:8080/trade-api/ws/v2", machine()),
            (Demo, "https://demo-api.kalshi.co/trade-api/v2", exchange()),
            (Demo, "HTTPS://DEMO-API.KALSHI.CO/trade-api/v2", exchange()),
            (Demo, "https://demo-api.kalshi.co:443/", exchange()),
            (
                Demo,
                "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2",
                exchange(),
            ),
            (
                Production,
                "https://api.elections.kalshi.com/trade-api/v2",
                exchange(),
            ),
            (
                Production,
                "https://external-api.kalshi.com/trade-api/v2",
                exchange(),
            ),
            // Look-alikes of this machine.
            (Demo, "https://127.0.0.1.evil.com/", Err("not a documented host")),
            (Demo, "http://127.0.0.1.evil.com/", Err("not a documented host")),
            (Demo, "https://localhost.evil.com/", Err("not a documented host")),
            (Demo, "https://localhost./", Err("not a documented host")),
            (Demo, "https://xlocalhost/", Err("not a documented host")),
            (Demo, "http://0.0.0.0:8080/", Err("not a documented host")),
            (Demo, "http://128.0.0.1/", Err("not a documented host")),
            (Demo, "http://[::ffff:127.0.0.1]/", Err("not a documented host")),
            (Demo, "http://[::]/", Err("not a documented host")),
            (Demo, "http://[::1].evil.com/", Err("refused")),
            (Demo, "http://127.0.0.1@evil.com/", Err("user name")),
            (Demo, "http://127.0.0.1:80@evil.com/", Err("user name")),
            (
                Demo,
                "https://evil.com/http://127.0.0.1/",
                Err("not a documented host"),
            ),
            (
                Demo,
                "https://evil.com/?http://127.0.0.1",
                Err("query or fragment"),
            ),
            (Demo, "https://evil.com/#@127.0.0.1", Err("query or fragment")),
            (Demo, "http://user@127.0.0.1/", Err("user name")),
            (Demo, "ftp://127.0.0.1/", Err("`https` or `wss`")),
            (Demo, "127.0.0.1:8080", Err("refused")),
            (Demo, "", Err("refused")),
            // Look-alikes of the exchange.
            (Demo, "http://demo-api.kalshi.co/trade-api/v2", Err("at port 443")),
            (
                Demo,
                "ws://demo-api.kalshi.co/trade-api/ws/v2",
                Err("at port 443"),
            ),
            (Demo, "https://demo-api.kalshi.co:8443/", Err("at port 443")),
            (Demo, "https://demo-api.kalshi.co:80/", Err("at port 443")),
            (
                Demo,
                "https://demo-api.kalshi.co.evil.com/",
                Err("not a documented host"),
            ),
            (Demo, "https://demo-api.kalshi.co./", Err("not a documented host")),
            (Demo, "https://demo-api-kalshi.co/", Err("not a documented host")),
            (
                Demo,
                "https://demo\u{ad}-api.kalshi.co.evil.com/",
                Err("not a documented host"),
            ),
            (
                Demo,
                "https://demo-api.k\u{430}lshi.co/",
                Err("not a documented host"),
            ),
            (Demo, "https://demo-api.kalshi.co@evil.com/", Err("user name")),
            (Demo, "https://user:pass@demo-api.kalshi.co/", Err("user name")),
            (Demo, "https://demo-api.kalshi.co/?x=1", Err("query or fragment")),
            (
                Demo,
                "https://api.elections.kalshi.com/",
                Err("not belong to the demo"),
            ),
            (
                Production,
                "https://demo-api.kalshi.co/",
                Err("not belong to the production"),
            ),
            (Production, "https://kalshi.com/", Err("not a documented host")),
            (Production, "https://10.0.0.1/", Err("not a documented host")),
        ] {
            match (Destination::of(address, environment), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{address}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{address}: {found}"),
                (found, expected) => panic!("{address}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn base_urls_are_https_or_loopback() {
        for environment in [Environment::Demo, Environment::Production] {
            check(default_base_url(environment), Ok(()));
        }
        check("http://127.0.0.1:8080/trade-api/v2", Ok(()));
        check("http://[::1]:8080/trade-api/v2", Ok(()));
        check("http://localhost/trade-api/v2", Ok(()));
        check(
            "http://demo-api.kalshi.co/trade-api/v2",
            Err("loopback hosts only"),
        );
        check("http://127.0.0.1.example.com/", Err("loopback hosts only"));
        check("ftp://127.0.0.1/", Err("must be `https`"));
        check("https://user:secret@kalshi.com/", Err("user name or password"));
        check("https://kalshi.com/?a=b", Err("query or fragment"));
        check("not a url", Err("relative URL without a base"));
    }
}
