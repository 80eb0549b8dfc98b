//! What changed between two accepted boards.

use autotrader_settlement::Rating;
use serde::{Deserialize, Serialize};

/// How soon a signal deserves attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// For the record.
    Low,
    /// Prices may move.
    Medium,
    /// The leader or a claim on it changed.
    High,
}

/// The fields of one row that signals carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedFields {
    /// The ordinal by score.
    pub rank: Option<i64>,
    /// The best rank the model can claim.
    pub rank_ub: Option<i64>,
    /// Arena score in rating points.
    pub score: Option<Rating>,
    /// Number of votes.
    pub votes: Option<i64>,
}

/// A typed change between two boards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Signal {
    /// Another model wins by the settlement rules.
    NewLeader {
        /// The winner now.
        new_leader: String,
        /// The winner before.
        previous_leader: String,
        /// The owner of the winner now.
        new_top_org: Option<String>,
        /// The owner of the winner before.
        previous_top_org: Option<String>,
    },
    /// A rank or rank bound moved.
    RankingChange {
        /// The model.
        model_name: String,
        /// Rank bound before.
        old_rank_ub: Option<i64>,
        /// Rank bound now.
        new_rank_ub: Option<i64>,
        /// Rank before.
        old_rank: Option<i64>,
        /// Rank now.
        new_rank: Option<i64>,
        /// Score before.
        old_score: Option<Rating>,
        /// Score now.
        new_score: Option<Rating>,
        /// Votes now.
        votes: Option<i64>,
        /// Whether the score is preliminary.
        is_preliminary: bool,
    },
    /// A score moved by at least the threshold.
    ScoreShift {
        /// The model.
        model_name: String,
        /// Score before.
        old_score: Rating,
        /// Score now.
        new_score: Rating,
        /// Difference in rating points.
        score_delta: f64,
    },
    /// A model is listed that was not.
    NewModel {
        /// The model.
        model_name: String,
        /// Its owner.
        organization: Option<String>,
        /// Its row.
        #[serde(flatten)]
        fields: RankedFields,
        /// Whether the score is preliminary.
        is_preliminary: bool,
    },
    /// A model is no longer listed.
    ModelRemoved {
        /// The model.
        model_name: String,
        /// Its last rank bound.
        last_rank_ub: Option<i64>,
        /// Its last score.
        last_score: Option<Rating>,
    },
    /// A model goes by another name.
    ModelRenamed {
        /// Name before.
        old_name: String,
        /// Name now.
        new_name: String,
        /// Its owner.
        organization: Option<String>,
        /// Its row.
        #[serde(flatten)]
        fields: RankedFields,
        /// Whether ratings and votes are equal (certain) or only close (suspected).
        certain: bool,
    },
    /// A policy tag or the preliminary mark changed.
    FlagsChanged {
        /// The model.
        model_name: String,
        /// Release type before.
        old_release_type: Option<String>,
        /// Release type now.
        new_release_type: Option<String>,
        /// Preliminary before.
        was_preliminary: bool,
        /// Preliminary now.
        is_preliminary: bool,
    },
}

impl Signal {
    /// The stable name of the signal's type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NewLeader { .. } => "new_leader",
            Self::RankingChange { .. } => "ranking_change",
            Self::ScoreShift { .. } => "score_shift",
            Self::NewModel { .. } => "new_model",
            Self::ModelRemoved { .. } => "model_removed",
            Self::ModelRenamed { .. } => "model_renamed",
            Self::FlagsChanged { .. } => "flags_changed",
        }
    }

    /// How soon it deserves attention.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        match self {
            Self::NewLeader { .. } => Urgency::High,
            Self::RankingChange {
                old_rank_ub,
                new_rank_ub,
                ..
            } => {
                if *old_rank_ub == Some(1) || *new_rank_ub == Some(1) {
                    Urgency::High
                } else {
                    Urgency::Medium
                }
            }
            Self::NewModel { fields, .. } => {
                if fields.rank_ub == Some(1) {
                    Urgency::High
                } else {
                    Urgency::Low
                }
            }
            Self::ModelRenamed { fields, .. } => {
                if fields.rank_ub == Some(1) {
                    Urgency::High
                } else {
                    Urgency::Medium
                }
            }
            Self::ScoreShift { .. } => Urgency::Medium,
            Self::ModelRemoved { .. } | Self::FlagsChanged { .. } => Urgency::Low,
        }
    }
}
