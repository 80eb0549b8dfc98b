//! Exact comparison of decimal texts, for ratings that differ beyond the precision of `f64`.

use std::cmp::Ordering;

/// A finite decimal number as `±0.d₁d₂d₃… × 10^point`, borrowed from its text.
struct Decimal<'a> {
    negative: bool,
    /// Digits from the first significant one on, split where the point stood.
    digits: [&'a str; 2],
    point: i64,
}

impl<'a> Decimal<'a> {
    /// Takes apart a text that `f64` already accepted as a finite number.
    fn split(text: &'a str) -> Self {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, saturating_exponent(exponent)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let (digits, leading) = if whole.is_empty() {
            let significant = fraction.trim_start_matches('0');
            (
                ["", significant],
                -length(fraction).saturating_sub(length(significant)),
            )
        } else {
            ([whole, fraction], length(whole))
        };
        Self {
            negative,
            digits,
            point: exponent.saturating_add(leading),
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits.into_iter().flat_map(str::bytes)
    }

    fn signum(&self) -> i8 {
        match (self.digits().all(|digit| digit == b'0'), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Compares absolute values; neither may be zero.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        self.point.cmp(&other.point).then_with(|| {
            let (mut mine, mut theirs) = (self.digits(), other.digits());
            loop {
                let (a, b) = (mine.next(), theirs.next());
                if a.is_none() && b.is_none() {
                    return Ordering::Equal;
                }
                let order = a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0'));
                if order.is_ne() {
                    return order;
                }
            }
        })
    }
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// An exponent beyond `i64` keeps its direction, which is all a comparison can use.
fn saturating_exponent(text: &str) -> i64 {
    text.parse()
        .unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// Compares two decimal texts by exact value.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = (Decimal::split(a), Decimal::split(b));
    a.signum().cmp(&b.signum()).then_with(|| match a.signum() {
        0 => Ordering::Equal,
        1 => a.cmp_magnitude(&b),
        _ => b.cmp_magnitude(&a),
    })
}

#[cfg(test)]
mod tests {
    use super::compare;
    use rstest::rstest;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    #[rstest]
    #[case("1", "1", Equal)]
    #[case("1", "1.0", Equal)]
    #[case("1", "+1", Equal)]
    #[case("001.50", "1.5", Equal)]
    #[case("15e-1", "1.5", Equal)]
    #[case(".5", "0.5", Equal)]
    #[case("5.", "5", Equal)]
    #[case("0.00012", "1.2E-4", Equal)]
    #[case("120", "1.2e+2", Equal)]
    #[case("0", "-0", Equal)]
    #[case("0.000", "0e99999999999999999999", Equal)]
    #[case("1", "2", Less)]
    #[case("9", "10", Less)]
    #[case("0.9", "0.10", Greater)]
    #[case("-1", "1", Less)]
    #[case("-1", "0", Less)]
    #[case("-1", "-2", Greater)]
    #[case("-10", "-9", Less)]
    #[case("1500.560000000000000001", "1500.56", Greater)]
    #[case("1500.560000000000000001", "1500.560000000000000002", Less)]
    #[case("0.1000000000000000000001", "1e-1", Greater)]
    #[case("1e-400", "0", Greater)]
    #[case("-1e-400", "0", Less)]
    #[case("1e-99999999999999999999", "1e-400", Less)]
    fn compares_by_value(#[case] a: &str, #[case] b: &str, #[case] expected: Ordering) {
        assert_eq!(compare(a, b), expected);
        assert_eq!(compare(b, a), expected.reverse());
    }
}
