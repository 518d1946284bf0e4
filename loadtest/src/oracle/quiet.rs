//! What lists show when everything is quiet, as callers hand it over for comparison.

use super::digest;
use dibs_protocol::filter::Filter;
use dibs_protocol::ids::{AgentId, ConversationId, TeamId};
use dibs_protocol::summary::Summary;
use dibs_protocol::terms::Sort;
use dibs_protocol::time::Time;
use serde::{Deserialize, Serialize};

/// Which list it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListAsked {
    /// Who looks: what `me` means.
    pub me: AgentId,
    /// The teams of who looks.
    pub teams: Vec<TeamId>,
    /// What it shows.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// The first row of a live view; 0 of a list.
    pub offset: u64,
    /// The cursor after which a list goes on.
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: u64,
    /// Whether it is a live view, which shows unclosed conversations only.
    pub live: bool,
    /// The server's time when it was looked at; counts for `waiting_longer_than_s` only.
    pub now: Time,
}

/// What a list shows when everything is quiet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuietView {
    /// The caller's name for it.
    pub name: String,
    /// When it was looked at.
    pub moment: u64,
    /// Which list.
    pub asked: ListAsked,
    /// Its rows in order: id, version, digest of the summary.
    pub rows: Vec<(ConversationId, u64, u64)>,
    /// How many conversations match, if it says so.
    pub total: Option<u64>,
}

impl QuietView {
    /// What a list shows.
    pub fn new<'a>(
        name: &str,
        moment: u64,
        asked: ListAsked,
        rows: impl IntoIterator<Item = &'a Summary>,
        total: Option<u64>,
    ) -> Self {
        let rows = rows.into_iter();
        Self {
            name: name.to_owned(),
            moment,
            asked,
            rows: rows.map(|it| (it.id, it.version, digest::typed(it))).collect(),
            total,
        }
    }
}
