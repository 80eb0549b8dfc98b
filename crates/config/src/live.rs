//! What must have been said before orders go beyond this machine.

use url::Url;

use crate::Config;
use crate::ranges::is_loopback;

impl Config {
    /// Whether the REST address in force, and the stream's where one is used, are on this machine.
    ///
    /// An address that cannot be read is not.
    #[must_use]
    pub fn stays_on_this_machine(&self) -> bool {
        let local = |text: &str| Url::parse(text).is_ok_and(|url| is_loopback(&url));
        local(self.kalshi.effective_base_url())
            && (!self.kalshi.websocket_enabled || local(&self.kalshi.effective_websocket_url()))
    }

    /// What live execution still lacks, one sentence with key and remedy for each; empty when nothing is missing.
    ///
    /// Everywhere a key. Beyond this machine also `kalshi.live_confirmed`, and a passing checklist or the reason for going
    /// without one.
    #[must_use]
    pub fn lacking_for_live(&self, checklist_passed: bool) -> Vec<String> {
        let kalshi = &self.kalshi;
        let beyond = !self.stays_on_this_machine();
        let lacking = [
            (
                kalshi.api_key_id.is_empty(),
                "kalshi.api_key_id is empty: set it to the id of the account's API key.",
            ),
            (
                kalshi.private_key_path.is_empty(),
                "kalshi.private_key_path is empty: set it to the file that holds the key's private part.",
            ),
            (
                beyond && !kalshi.live_confirmed,
                "kalshi.live_confirmed is not true: set it to true if orders are meant to reach the exchange.",
            ),
            (
                beyond && !checklist_passed && self.live_override().is_none(),
                "The checklist has not passed and risk.live_override is empty: pass the checklist, or set risk.live_override to the reason for trading without it.",
            ),
        ];
        lacking
            .into_iter()
            .filter(|(missing, _)| *missing)
            .map(|(_, sentence)| sentence.to_owned())
            .collect()
    }

    /// The reason for trading without a passing checklist; `None` when none is given.
    #[must_use]
    pub fn live_override(&self) -> Option<&str> {
        Some(self.risk.live_override.trim()).filter(|reason| !reason.is_empty())
    }
}
