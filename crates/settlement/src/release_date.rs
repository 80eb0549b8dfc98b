//! Release dates, full or partial.

use std::fmt;

/// A release date; a partial one counts as the first day of its period and is imprecise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReleaseDate {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
}

/// Why a text is not a release date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDateError {
    /// The offending text.
    pub text: String,
}

impl fmt::Display for ReleaseDateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD",
            self.text
        )
    }
}

impl std::error::Error for ReleaseDateError {}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400) => 29,
        2 => 28,
        _ => 31,
    }
}

impl ReleaseDate {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`ReleaseDateError`] when the text has another form or names a day that does not exist.
    pub fn parse(text: &str) -> Result<Self, ReleaseDateError> {
        let error = || ReleaseDateError {
            text: text.to_owned(),
        };
        let number = |part: &str, width: usize| -> Result<u16, ReleaseDateError> {
            if part.len() == width && part.bytes().all(|b| b.is_ascii_digit()) {
                part.parse().map_err(|_| error())
            } else {
                Err(error())
            }
        };
        let mut parts = text.split('-');
        let year = number(parts.next().ok_or_else(error)?, 4)?;
        let month = parts.next().map(|p| number(p, 2)).transpose()?;
        let day = parts.next().map(|p| number(p, 2)).transpose()?;
        let month = month.map(|m| u8::try_from(m).map_err(|_| error())).transpose()?;
        let day = day.map(|d| u8::try_from(d).map_err(|_| error())).transpose()?;
        let month_ok = month.is_none_or(|m| (1..=12).contains(&m));
        let day_ok = day.is_none_or(|d| d >= 1 && d <= days_in_month(year, month.unwrap_or(1)));
        if parts.next().is_some() || year == 0 || !month_ok || !day_ok {
            return Err(error());
        }
        Ok(Self { year, month, day })
    }

    /// The first day of the period as `(year, month, day)`.
    #[must_use]
    pub fn first_day(&self) -> (u16, u8, u8) {
        (self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    /// Whether month and day are both known.
    #[must_use]
    pub fn is_precise(&self) -> bool {
        self.day.is_some()
    }
}

impl fmt::Display for ReleaseDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ReleaseDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for ReleaseDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::ReleaseDate;
    use rstest::rstest;

    #[rstest]
    #[case("2025", (2025, 1, 1), false)]
    #[case("2025-07", (2025, 7, 1), false)]
    #[case("2025-07-31", (2025, 7, 31), true)]
    #[case("2024-02-29", (2024, 2, 29), true)]
    #[case("2000-02-29", (2000, 2, 29), true)]
    fn reads_full_and_partial_dates(#[case] text: &str, #[case] first: (u16, u8, u8), #[case] precise: bool) {
        let date = ReleaseDate::parse(text).unwrap();
        assert_eq!(date.first_day(), first);
        assert_eq!(date.is_precise(), precise);
        assert_eq!(date.to_string(), text);
    }

    #[rstest]
    fn refuses_other_forms_and_days_that_do_not_exist(
        #[values(
            "",
            "25",
            "2025-",
            "2025-7",
            "2025-13",
            "2025-00",
            "2025-02-29",
            "1900-02-29",
            "2025-04-31",
            "2025-01-00",
            "2025-01-01-01",
            "0000",
            "+025",
            "2025/01/01",
            " 2025",
            "20250101",
            "\u{0662}025"
        )]
        text: &str,
    ) {
        assert_eq!(ReleaseDate::parse(text).unwrap_err().text, text);
    }
}
