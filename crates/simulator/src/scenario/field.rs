//! The invented field: about as many models and labs as the real board lists, with scores, intervals and votes like theirs.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use crate::site::{ModelTerms, SiteModel};

/// Invented labs with the product brand the exchange would print.
pub(super) const LABS: [(&str, &str); 25] = [
    ("Northwind Labs", "Aurora"),
    ("Helix Research", "Spiral"),
    ("Meridian AI", "Compass"),
    ("Tidewater", "Current"),
    ("Basalt", "Lodestone"),
    ("Lumen Works", "Prism"),
    ("Orchard", "Pippin"),
    ("Quarry Labs", "Flint"),
    ("Sable", "Marten"),
    ("Vantage", "Overlook"),
    ("Cobalt Ridge", "Vein"),
    ("Fathom", "Sounding"),
    ("Graywater", "Delta"),
    ("Ironbark", "Canopy"),
    ("Juniper", "Berry"),
    ("Kestrel", "Hover"),
    ("Larkspur", "Bloom"),
    ("Squall Bay", "Gust"),
    ("Nimbus", "Cirrus"),
    ("Ochre", "Pigment"),
    ("Palisade", "Rampart"),
    ("Redwood", "Burl"),
    ("Saltmarsh", "Reed"),
    ("Tern", "Wing"),
    ("Umber", "Sienna"),
];

/// How many models the invented board lists.
pub(super) const MODELS: usize = 357;

/// How many models at the top take turns as the leader; each is of another lab.
pub(super) const CONTENDERS: usize = 5;

/// How many models at the top are of different labs.
const APART: usize = 7;

/// The rows whose scores are preliminary, and what the page calls them.
const PRELIMINARY: [(usize, &str); 2] = [(40, "pre_release"), (90, "co_release")];

/// From this row on some models have no lab on record.
const FORGOTTEN_FROM: usize = 220;

/// Half of a 95 % interval in hundredths, from votes: about 620 points over the root of the votes, as on real boards.
pub(super) fn half_width(votes: i64) -> i64 {
    // Votes are at most a few hundred thousand: the float is exact, and the cast is of a few thousand at most.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a few hundred to a few thousand hundredths"
    )]
    let hundredths = (62_000.0 / (votes.max(1) as f64).sqrt()).round() as i64;
    hundredths.max(120)
}

/// The first board's models, best first: the contenders a few points apart, the rest in a long tail.
pub(super) fn field(rng: &mut ChaCha20Rng) -> Vec<SiteModel> {
    let mut models = Vec::with_capacity(MODELS);
    let mut names = BTreeSet::new();
    let mut score: i64 = 150_000 + rng.gen_range(0..400);
    for index in 0..MODELS {
        let lab = if index < APART {
            index
        } else {
            rng.gen_range(0..LABS.len())
        };
        let Some((organization, brand)) = LABS.get(lab) else {
            continue;
        };
        let open = index >= APART && rng.gen_bool(0.45);
        let votes = votes(index, rng);
        let forgotten = index >= FORGOTTEN_FROM && rng.gen_bool(0.2);
        models.push(SiteModel {
            name: name(brand, index, rng, &mut names).into(),
            organization: Arc::from(if forgotten { "" } else { *organization }),
            license: if open { open_license(index) } else { "Proprietary" },
            score,
            half_width: half_width(votes),
            votes,
            release_type: PRELIMINARY
                .iter()
                .find(|(row, _)| *row == index)
                .map(|(_, kind)| *kind),
            terms: terms(index, open, rng),
        });
        score -= match index {
            0 => rng.gen_range(350..460),
            1..CONTENDERS => rng.gen_range(140..300),
            CONTENDERS..=12 => rng.gen_range(180..500),
            _ => rng.gen_range(20..300),
        };
    }
    models
}

/// Most models have few votes; the contenders have enough for a rank, and room for their scores to move.
fn votes(index: usize, rng: &mut ChaCha20Rng) -> i64 {
    if index < CONTENDERS {
        return rng.gen_range(9_000..24_000);
    }
    match rng.gen_range(0..20) {
        0..10 => rng.gen_range(2_500..8_000),
        10..17 => rng.gen_range(8_000..26_000),
        _ => rng.gen_range(26_000..90_000),
    }
}

/// A slug as labs invent them: newer versions higher up, now and then with spaces, parentheses or capitals.
fn name(brand: &str, index: usize, rng: &mut ChaCha20Rng, names: &mut BTreeSet<String>) -> String {
    const KINDS: [&str; 8] = [
        "-thinking",
        "",
        "-preview",
        "-mini",
        "-flash",
        "-instruct",
        " (high)",
        "-32B",
    ];
    let kind = match index {
        0..APART => index % 3,
        _ => rng.gen_range(0..KINDS.len()),
    };
    let generation = 6_usize.saturating_sub(index / 60);
    let mut minor = if index < APART { 1 } else { rng.gen_range(0..6) };
    let brand = brand.to_lowercase();
    loop {
        let version = if minor == 0 {
            generation.to_string()
        } else {
            format!("{generation}.{minor}")
        };
        let name = format!(
            "{brand}-{version}{}",
            KINDS.get(kind).copied().unwrap_or_default()
        );
        if names.insert(name.clone()) {
            return name;
        }
        minor += 1;
    }
}

const fn open_license(index: usize) -> &'static str {
    match index % 4 {
        0 => "MIT",
        1 => "Apache 2.0",
        2 => "Modified MIT",
        _ => "Community licence",
    }
}

/// Open models often have neither price nor context on the page.
fn terms(index: usize, open: bool, rng: &mut ChaCha20Rng) -> Option<ModelTerms> {
    if open && rng.gen_bool(0.6) {
        return None;
    }
    let (input, output) = match index {
        0..40 => (1_000 * rng.gen_range(2..6), 5_000 * rng.gen_range(2..6)),
        _ => (50 * rng.gen_range(1..60), 100 * rng.gen_range(3..120)),
    };
    let context = match rng.gen_range(0..5) {
        0 => None,
        1 => Some(1_000_000),
        2 => Some(262_144),
        3 => Some(200_000),
        _ => Some(131_072),
    };
    Some(ModelTerms {
        input,
        output,
        context,
    })
}
