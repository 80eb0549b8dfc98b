//! The content hash that identifies a board.

use autotrader_domain::BoardHash;
use autotrader_settlement::{Board, Entry, Rating};
use sha2::{Digest, Sha256};

/// Hashes every field of every entry; the order of the rows does not matter.
///
/// SHA-256 over a version line and then each row's canonical bytes, the rows sorted by those bytes, which start with
/// the model name. A field is one byte 0 when it is not given, else one byte 1, the length of its text as four bytes,
/// little-endian, and the text: numbers in decimal, ratings as the source wrote them, flags as `true` or `false`.
#[must_use]
pub fn hash_board(board: &Board) -> BoardHash {
    let mut bytes = Vec::with_capacity(board.entries.len() * 160);
    let mut rows = Vec::with_capacity(board.entries.len());
    for entry in &board.entries {
        let start = bytes.len();
        append(entry, &mut bytes);
        rows.push(start..bytes.len());
    }
    let mut rows: Vec<&[u8]> = rows.into_iter().filter_map(|row| bytes.get(row)).collect();
    rows.sort_unstable();
    let mut hasher = Sha256::new_with_prefix("autotrader-board-v1\n");
    for row in rows {
        hasher.update(row);
    }
    BoardHash(hasher.finalize().into())
}

fn append(entry: &Entry, bytes: &mut Vec<u8>) {
    text(Some(&entry.model_name), bytes);
    text(entry.organization.as_deref(), bytes);
    for number in [entry.rank, entry.rank_ub, entry.rank_lb, entry.votes] {
        decimal(number, bytes);
    }
    for rating in [&entry.score, &entry.ci_lower, &entry.ci_upper] {
        text(rating.as_ref().map(Rating::as_str), bytes);
    }
    text(entry.release_type.as_deref(), bytes);
    text(Some(if entry.preliminary { "true" } else { "false" }), bytes);
    text(
        entry.release_date.as_ref().map(ToString::to_string).as_deref(),
        bytes,
    );
}

fn text(field: Option<&str>, bytes: &mut Vec<u8>) {
    let Some(text) = field else {
        bytes.push(0);
        return;
    };
    let [a, b, c, d] = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend_from_slice(&[1, a, b, c, d]);
    bytes.extend_from_slice(text.as_bytes());
}

/// Writes a whole number's digits, without an allocation for each.
fn decimal(field: Option<i64>, bytes: &mut Vec<u8>) {
    let Some(number) = field else {
        return text(None, bytes);
    };
    let mut digits = [0; 20];
    let (mut left, mut length) = (number.unsigned_abs(), 0);
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + u8::try_from(left % 10).unwrap_or_default();
        (left, length) = (left / 10, length + 1);
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        length += 1;
        if let Some(slot) = digits.len().checked_sub(length).and_then(|at| digits.get_mut(at)) {
            *slot = b'-';
        }
    }
    let shown = digits.get(digits.len() - length..).unwrap_or_default();
    text(std::str::from_utf8(shown).ok(), bytes);
}

#[cfg(test)]
mod tests {
    use super::{decimal, hash_board, text};
    use autotrader_settlement::{Board, Entry, Rating, ReleaseDate};
    use proptest::prelude::*;
    use rstest::rstest;

    fn entry() -> Entry {
        Entry {
            organization: Some("X".into()),
            rank: Some(1),
            rank_ub: Some(1),
            rank_lb: Some(2),
            score: Some(Rating::parse("1500.5").unwrap()),
            ci_lower: Some(Rating::parse("1495.5").unwrap()),
            ci_upper: Some(Rating::parse("1505.5").unwrap()),
            votes: Some(7),
            release_type: Some("pre_release".into()),
            preliminary: true,
            release_date: Some(ReleaseDate::parse("2026-05-07").unwrap()),
            ..Entry::named("a")
        }
    }

    #[rstest]
    #[case(Entry { model_name: "b".into(), ..entry() })]
    #[case(Entry { organization: None, ..entry() })]
    #[case(Entry { organization: Some(String::new()), ..entry() })]
    #[case(Entry { rank: Some(2), ..entry() })]
    #[case(Entry { rank_ub: None, ..entry() })]
    #[case(Entry { rank_lb: Some(1), ..entry() })]
    #[case(Entry { score: Some(Rating::parse("1500.50").unwrap()), ..entry() })]
    #[case(Entry { ci_lower: None, ..entry() })]
    #[case(Entry { ci_upper: None, ..entry() })]
    #[case(Entry { votes: Some(8), ..entry() })]
    #[case(Entry { release_type: None, ..entry() })]
    #[case(Entry { preliminary: false, ..entry() })]
    #[case(Entry { release_date: None, ..entry() })]
    fn every_field_counts(#[case] changed: Entry) {
        let hash = |entry| {
            hash_board(&Board {
                entries: vec![entry, Entry::named("z")],
            })
        };
        assert_ne!(hash(changed), hash(entry()));
    }

    #[test]
    fn the_canonical_form_is_fixed() {
        let hash = hash_board(&Board {
            entries: vec![entry()],
        });
        assert_eq!(
            hash.to_string(),
            "15059418905cb8ca746042468d4d2b6052f913b36b3f767a29a1110f5b37ac32"
        );
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(number in any::<i64>()) {
            let (mut plain, mut ours) = (Vec::new(), Vec::new());
            text(Some(&number.to_string()), &mut plain);
            decimal(Some(number), &mut ours);
            prop_assert_eq!(ours, plain);
        }

        #[test]
        fn order_does_not_matter(names in prop::collection::vec("[a-c]{1,3}", 0..8), turn in any::<usize>()) {
            let entries: Vec<Entry> = names.iter().map(Entry::named).collect();
            let mut turned = entries.clone();
            turned.rotate_left(turn % entries.len().max(1));
            prop_assert_eq!(hash_board(&Board { entries }), hash_board(&Board { entries: turned }));
        }
    }
}
