//! The named kinds of market: how late the others see the board, how wrong they are, how wide and how deep they quote.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A kind of market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// The others see a new board after minutes.
    Slow,
    /// They see it after seconds.
    Fast,
    /// They see it before we can, price it as well as we do, and know more than it says.
    Efficient,
    /// Few contracts, far apart, after minutes.
    Thin,
}

impl Regime {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Slow, Self::Fast, Self::Efficient, Self::Thin];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Fast => "fast",
            Self::Efficient => "efficient",
            Self::Thin => "thin",
        }
    }

    /// Its figures. They are assumptions, not measurements: no reaction of the real market to a board is on record.
    #[must_use]
    pub const fn terms(self) -> Terms {
        match self {
            Self::Slow => Terms {
                lag_seconds: (1_200, 5_400),
                mood: 0.25,
                news: (0.0, 0.0),
                quotes: &[
                    (100, 10),
                    (100, 10),
                    (100, 10),
                    (100, 10),
                    (200, 25),
                    (200, 35),
                    (300, 100),
                ],
            },
            Self::Fast => Terms {
                lag_seconds: (2, 20),
                mood: 0.10,
                news: (0.0, 0.0),
                quotes: &[
                    (100, 10),
                    (100, 10),
                    (100, 10),
                    (100, 10),
                    (200, 25),
                    (200, 35),
                    (300, 100),
                ],
            },
            Self::Efficient => Terms {
                lag_seconds: (0, 1),
                mood: 0.0,
                news: (1.0, 2.0),
                quotes: &[
                    (100, 10),
                    (100, 10),
                    (100, 15),
                    (100, 15),
                    (200, 25),
                    (200, 35),
                    (300, 200),
                ],
            },
            Self::Thin => Terms {
                lag_seconds: (300, 1_800),
                mood: 0.25,
                news: (0.0, 0.0),
                quotes: &[(200, 2), (200, 3), (400, 2), (400, 3)],
            },
        }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Regime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|regime| regime.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name);
                format!("`{text}` is not one of {}", names.join(", "))
            })
    }
}

/// The figures of a kind of market.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Terms {
    /// The least and the greatest time after which a market maker sees a new board, in seconds.
    pub lag_seconds: (i64, i64),
    /// The standard deviation of what a maker adds to the log odds of a contract for some hours.
    pub mood: f64,
    /// What the others learn of the winner beside the boards, as the variance of a log-likelihood ratio: at the listing of a
    /// contract, and from then to its check.
    pub news: (f64, f64),
    /// The orders of each maker on each side: distance from its opinion in ten-thousandths of a dollar, and contracts.
    pub quotes: &'static [(i64, u32)],
}
