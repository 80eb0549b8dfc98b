//! Where the page comes from, and the limits of a fetch.

use std::time::Duration;

use reqwest::header::HeaderValue;
use url::{Host, Url};

use super::body::Caps;

/// The two names of the one site: each redirects to the other at times.
const SITE_HOSTS: [&str; 2] = ["arena.ai", "lmarena.ai"];

/// The limits of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSourceSettings {
    /// How long one address may take for its whole answer, a redirect included.
    pub timeout: Duration,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept for the next poll.
    pub keep_alive: Duration,
    /// The most bytes that may come over the wire.
    pub max_wire_bytes: usize,
    /// The most bytes a page may have, decompressed.
    pub max_page_bytes: usize,
    /// How many times larger than its compressed form a page may be.
    pub max_ratio: usize,
    /// What the source says it is.
    pub user_agent: String,
}

impl Default for HttpSourceSettings {
    /// The real page has 2.5 MB, or 0.3 MB compressed: 8 to 1.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(90),
            max_wire_bytes: 8 * 1024 * 1024,
            max_page_bytes: 24 * 1024 * 1024,
            max_ratio: 100,
            user_agent: concat!("autotrader/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl HttpSourceSettings {
    pub(super) fn caps(&self) -> Caps {
        Caps {
            wire: self.max_wire_bytes,
            decompressed: self.max_page_bytes,
            ratio: self.max_ratio,
        }
    }
}

/// Why the source cannot be set up: a person must change the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceSettingsError {
    /// An address cannot be used.
    #[error("leaderboard address `{url}`: {problem}")]
    Url {
        /// The address as configured.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

/// One configured address.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// `primary`, `fallback`, `fallback2`, …
    pub name: String,
    pub url: Url,
}

/// The configured addresses and where they may redirect to.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    pub all: Vec<Endpoint>,
}

impl Endpoints {
    pub fn new(primary_url: &str, fallback_urls: &[String]) -> Result<Self, SourceSettingsError> {
        let texts = std::iter::once(primary_url).chain(fallback_urls.iter().map(String::as_str));
        let all = texts
            .enumerate()
            .map(|(index, text)| {
                let name = match index {
                    0 => "primary".to_owned(),
                    1 => "fallback".to_owned(),
                    _ => format!("fallback{index}"),
                };
                allowed_url(text).map(|url| Endpoint { name, url })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { all })
    }

    /// Where a redirect leads, when that is the same page on an allowed host.
    pub fn redirect_target(&self, from: &Endpoint, location: Option<&HeaderValue>) -> Result<Url, String> {
        let location = location
            .and_then(|value| value.to_str().ok())
            .ok_or("a redirect without a readable location")?;
        let target = from
            .url
            .join(location)
            .map_err(|error| format!("a redirect to an unreadable address: {error}"))?;
        if !self.may_lead_to(&target) {
            return Err(format!(
                "a redirect to another host, {}",
                target.origin().ascii_serialization()
            ));
        }
        if target.path() != from.url.path() {
            return Err(format!("a redirect to another page, {}", target.path()));
        }
        Ok(target)
    }

    fn may_lead_to(&self, target: &Url) -> bool {
        let is_site = |url: &Url| {
            url.scheme() == "https"
                && url.port().is_none()
                && url.host_str().is_some_and(|host| SITE_HOSTS.contains(&host))
        };
        let configured = self
            .all
            .iter()
            .any(|endpoint| endpoint.url.origin() == target.origin());
        let plain = target.username().is_empty() && target.password().is_none();
        plain && (configured || is_site(target) && self.all.iter().any(|endpoint| is_site(&endpoint.url)))
    }
}

fn allowed_url(text: &str) -> Result<Url, SourceSettingsError> {
    let refuse = |problem: &str| SourceSettingsError::Url {
        url: text.to_owned(),
        problem: problem.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(refuse("http is for loopback only; use https")),
        _ => return Err(refuse("only https addresses can be read")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("an address must not carry a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(refuse("an address must not carry a fragment"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
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
    use rstest::rstest;

    fn endpoints(primary: &str, fallbacks: &[&str]) -> Result<Endpoints, SourceSettingsError> {
        let fallbacks: Vec<String> = fallbacks.iter().map(|url| (*url).to_owned()).collect();
        Endpoints::new(primary, &fallbacks)
    }

    #[rstest]
    #[case("https://arena.ai/a", true)]
    #[case("https://example.org/a", true)]
    #[case("http://127.0.0.1:8080/a", true)]
    #[case("http://127.9.9.9/a", true)]
    #[case("http://[::1]:8080/a", true)]
    #[case("http://localhost:1/a", true)]
    #[case("http://arena.ai/a", false)]
    #[case("http://localhost.example.org/a", false)]
    #[case("http://10.0.0.1/a", false)]
    #[case("ftp://arena.ai/a", false)]
    #[case("file:///etc/passwd", false)]
    #[case("https://user@arena.ai/a", false)]
    #[case("https://user:word@arena.ai/a", false)]
    #[case("https://arena.ai/a#b", false)]
    #[case("arena.ai/a", false)]
    #[case("", false)]
    fn addresses_are_https_or_loopback(#[case] url: &str, #[case] allowed: bool) {
        let result = endpoints(url, &[]);
        assert_eq!(result.is_ok(), allowed);
        if let Err(error) = result {
            assert!(error.to_string().contains(&format!("`{url}`")), "{error}");
        }
    }

    #[test]
    fn addresses_are_named_in_their_order() {
        let endpoints =
            endpoints("https://arena.ai/p", &["https://lmarena.ai/p", "https://[::1]/p"]).unwrap();
        let names: Vec<_> = endpoints
            .all
            .iter()
            .map(|endpoint| endpoint.name.as_str())
            .collect();
        assert_eq!(names, ["primary", "fallback", "fallback2"]);
    }

    #[test]
    fn a_fallback_that_is_not_allowed_is_refused_too() {
        assert!(endpoints("https://arena.ai/p", &["http://lmarena.ai/p"]).is_err());
    }

    #[rstest]
    #[case::the_other_name("https://lmarena.ai/p", "https://arena.ai/p", true)]
    #[case::relative("https://arena.ai/p", "/p?_rsc=1", true)]
    #[case::plain_http("https://arena.ai/p", "http://arena.ai/p", false)]
    #[case::another_port("https://arena.ai/p", "https://arena.ai:8443/p", false)]
    #[case::another_page("https://arena.ai/p", "https://arena.ai/q", false)]
    #[case::another_host("https://arena.ai/p", "https://arena.ai.example.org/p", false)]
    #[case::a_subdomain("https://arena.ai/p", "https://www.arena.ai/p", false)]
    #[case::with_a_user("https://arena.ai/p", "https://x@arena.ai/p", false)]
    #[case::from_elsewhere("https://example.org/p", "https://arena.ai/p", false)]
    #[case::from_loopback("http://127.0.0.1:1/p", "https://arena.ai/p", false)]
    #[case::loopback_to_itself("http://127.0.0.1:1/p", "http://127.0.0.1:1/p", true)]
    #[case::loopback_to_another_port("http://127.0.0.1:1/p", "http://127.0.0.1:2/p", false)]
    #[case::not_an_address("https://arena.ai/p", "https://[", false)]
    fn a_redirect_stays_on_the_page(#[case] from: &str, #[case] location: &str, #[case] allowed: bool) {
        let endpoints = endpoints(from, &[]).unwrap();
        let location = HeaderValue::from_str(location).unwrap();
        let target = endpoints.redirect_target(&endpoints.all[0], Some(&location));
        assert_eq!(target.is_ok(), allowed, "{target:?}");
    }

    #[test]
    fn a_redirect_without_a_location_leads_nowhere() {
        let endpoints = endpoints("https://arena.ai/p", &[]).unwrap();
        assert!(endpoints.redirect_target(&endpoints.all[0], None).is_err());
    }
}
