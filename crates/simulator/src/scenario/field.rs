//! The invented field: about as many models and labs as the real board lists.

use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use crate::site::SiteModel;

/// Invented labs with the product brand the exchange would print.
pub(super) const LABS: [(&str, &str); 24] = [
    ("Northwind", "Aurora"),
    ("Helix Research", "Spiral"),
    ("Meridian AI", "Compass"),
    ("Tidewater", "Current"),
    ("Basalt", "Column"),
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
    ("Mistral Bay", "Squall"),
    ("Nimbus", "Cirrus"),
    ("Ochre", "Pigment"),
    ("Palisade", "Rampart"),
    ("Redwood", "Burl"),
    ("Saltmarsh", "Reed"),
    ("Tern", "Wing"),
];

/// How many models the invented board lists.
const MODELS: usize = 357;

/// Half of a 95 % interval in hundredths, from votes: about 620 points over the root of the votes, as on real boards.
pub(super) fn half_width(votes: i64) -> i64 {
    // Votes are a few thousand to a hundred thousand: the float is exact, and the cast is of a few thousand at most.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a few hundred to a few thousand hundredths"
    )]
    let hundredths = (62_000.0 / (votes.max(1) as f64).sqrt()).round() as i64;
    hundredths.max(120)
}

/// The first board's models, best first: five contenders of five labs at the top, the rest below.
pub(super) fn field(rng: &mut ChaCha20Rng) -> Vec<SiteModel> {
    let mut models = Vec::with_capacity(MODELS);
    let mut score: i64 = 150_000 + rng.gen_range(0..400);
    for index in 0..MODELS {
        let Some((organization, brand)) = lab_of(index, rng) else {
            continue;
        };
        let version = 1 + index / LABS.len();
        let votes: i64 = if index < 12 {
            rng.gen_range(9_000..40_000)
        } else {
            rng.gen_range(2_500..90_000)
        };
        let suffix = match index % 3 {
            0 => "-thinking",
            1 => "",
            _ => "-preview",
        };
        models.push(SiteModel {
            name: format!(
                "{}-{}.{}{suffix}",
                brand.to_lowercase(),
                9_usize.saturating_sub(version / 2),
                index
            ),
            organization: organization.to_owned(),
            license: if index % 4 == 3 {
                "Apache 2.0"
            } else {
                "Proprietary"
            },
            score,
            half_width: half_width(votes),
            votes,
            release_type: (index == 40 || index == 90).then_some("pre_release"),
        });
        score -= match index {
            0 => 350 + rng.gen_range(0..100),
            1..=4 => rng.gen_range(120..320),
            5..=12 => rng.gen_range(150..500),
            _ => rng.gen_range(20..280),
        };
    }
    models
}

/// The first five models are of five labs; after that labs come as they come.
fn lab_of(index: usize, rng: &mut ChaCha20Rng) -> Option<(&'static str, &'static str)> {
    let lab = if index < 7 {
        index
    } else {
        rng.gen_range(0..LABS.len())
    };
    LABS.get(lab).copied()
}
