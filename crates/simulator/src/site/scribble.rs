//! Meaningless text that compresses as badly as the real page's decoration, repeatable to the byte.

use std::fmt::Write as _;

/// A source of meaningless characters.
#[derive(Debug)]
pub(super) struct Scribble(u64);

impl Scribble {
    /// A source for one place of the page.
    pub(super) fn new(place: &str, number: u64) -> Self {
        // FNV-1a: any spread of names over seeds will do.
        let mixed = place
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64 ^ number, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
        Self(mixed | 1)
    }

    /// The next number below `bound`.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    /// Hexadecimal digits.
    pub(super) fn hex(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from_digit(u32::try_from(self.below(16)).unwrap_or(0), 16).unwrap_or('0'))
            .collect()
    }

    /// Decimal digits without a leading zero.
    pub(super) fn digits(&mut self, length: u32) -> u64 {
        let least = 10_u64.pow(length.saturating_sub(1));
        least + self.below(least * 9)
    }

    /// A drawn path of so many curves.
    pub(super) fn path(&mut self, curves: usize) -> String {
        let mut path = String::from("M2 12");
        for _ in 0..curves {
            let _ = write!(
                path,
                "c{}.{} {}-.{} {}.{} {}",
                self.below(9),
                self.below(999),
                self.below(9),
                self.below(99),
                self.below(9),
                self.below(999),
                self.below(9)
            );
        }
        path.push('z');
        path
    }
}
