//! Parts of an account.

use std::fmt;

/// A part of the account: 0 is the primary one, 1 to 63 are those made through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Subaccount(u8);

impl Subaccount {
    /// The primary one.
    pub const PRIMARY: Self = Self(0);

    /// The one with this number; `None` above 63.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 63 { Some(Self(number)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Subaccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
