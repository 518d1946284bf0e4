//! Where the log's tests keep things: a private server that the tests of this process share, a schema for each.

use dibs_tests::postgres::Postgres;
use std::sync::atomic::{AtomicUsize, Ordering};

static SCHEMAS: AtomicUsize = AtomicUsize::new(0);

/// The URL of a server that the tests of this process share, and a schema's name that nobody else has.
pub(crate) fn fresh() -> (String, String) {
    (Postgres::shared().socket_url(), schema())
}

/// A schema's name that nobody else has.
pub(crate) fn schema() -> String {
    format!("case_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed))
}
