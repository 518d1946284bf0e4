//! The generated files say what the types say: JSON Schema and TypeScript are compared with what is committed.
//! `UPDATE_GENERATED=1` writes them anew instead.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot go on panics; tables are long"
)]

mod schema;
mod typescript;

use std::path::PathBuf;

fn compare(name: &str, fresh: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("generated")
        .join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "{name} is out of date: run this test with UPDATE_GENERATED=1 and commit the result"
    );
}

#[test]
fn the_committed_json_schema_is_what_the_types_say() {
    compare("schema.json", &schema::generate());
}

#[test]
fn the_committed_typescript_is_what_the_types_say() {
    compare("dibs.d.ts", &typescript::generate());
}
