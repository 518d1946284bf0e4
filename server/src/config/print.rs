//! `dibs config default`: the table of settings as a TOML file that says the same as no file at all.

use super::settings::{Entry, Shape, TABLE};
use std::fmt::Write as _;

const HEAD: &str = "\
# The settings of Dibs, each with its default. Flags (--claim-grace 5m) win over variables
# (DIBS_CLAIM_GRACE=5m), variables over this file. Secrets can be read from files: auth_secret_file.
";

const WORKSPACES: &str = r#"
# Without this, any workspace exists from its first use. With it, only those named here exist, and each has keys of its
# own besides those above, which sign for all of them.
#[[workspace]]
#id = "acme"
# What it may use, where that is not as above: commands_per_second, ingest_per_second, sessions, conversations, watched, views.
#sessions = 500
#
#[[workspace.key]]
# One of secret, secret_file, public_key_file (PEM) and jwks_file:
#secret_file = "/run/secrets/acme"
# The key's name in the header of tokens (kid); with jwks_file it picks that key alone.
#kid = "2026"
# What tokens of this key must say, where they must.
#issuer = "https://login.example.com"
#audience = "dibs"
"#;

/// A commented TOML file with every setting, its documentation and its default.
#[must_use]
pub fn default_toml() -> String {
    let mut text = String::from(HEAD);
    for entry in TABLE {
        text.push('\n');
        for line in entry.doc.lines() {
            text.push_str("# ");
            text.push_str(line.trim());
            text.push('\n');
        }
        // Writing to a `String` cannot fail.
        if writeln!(text, "{}", assignment(entry)).is_err() {
            break;
        }
    }
    text.push_str(WORKSPACES);
    text
}

fn assignment(entry: &Entry) -> String {
    let name = entry.name;
    match (entry.shape, entry.default) {
        (Shape::List, _) => format!("{name} = []"),
        (Shape::Text, Some(value)) => format!("{name} = \"{value}\""),
        (Shape::Number | Shape::Switch, Some(value)) => format!("{name} = {value}"),
        (Shape::Text | Shape::Number | Shape::Switch, None) => format!("#{name} = \"\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Settings};

    #[test]
    fn the_printed_defaults_are_the_defaults() {
        let text = default_toml();
        let file: Settings = toml::from_str(&text).unwrap();
        let from_file = Config::check(file).unwrap();
        let from_nothing = Config::check(Settings::defaults().unwrap()).unwrap();
        assert_eq!(format!("{from_file:?}"), format!("{from_nothing:?}"));
    }

    #[test]
    fn every_setting_is_printed_with_its_documentation() {
        let text = default_toml();
        for entry in TABLE {
            assert!(
                text.contains(&format!("\n{} =", entry.name))
                    || text.contains(&format!("\n#{} =", entry.name))
            );
            assert!(
                entry.doc.trim().ends_with('.'),
                "{} is documented in sentences",
                entry.name
            );
        }
    }

    #[test]
    fn the_example_workspace_is_valid_once_uncommented() {
        let example: String = WORKSPACES
            .lines()
            .map(|line| {
                line.strip_prefix('#')
                    .filter(|rest| !rest.starts_with(' '))
                    .unwrap_or("")
                    .to_owned()
                    + "\n"
            })
            .collect();
        let file: Settings = toml::from_str(&example).unwrap();
        assert_eq!(file.workspace.unwrap()[0].key.len(), 1);
    }
}
