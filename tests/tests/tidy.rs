//! Checks of the repository itself: floors, headers, sizes, words that must not stay, and documents that must not rot.
//! Nothing is run or parsed beyond lines of text.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const LINES_MAX: usize = 500;

/// Files that may be longer, up to so many lines, and why.
const LONGER: &[(&str, usize, &str)] = &[
    (
        "protocol/src/command.rs",
        950,
        "one table: every command of the contract with its fields and limits",
    ),
    (
        "protocol/tests/parse.rs",
        700,
        "one table: every way in which a frame can be wrong",
    ),
    (
        "server/src/hub/views.rs",
        700,
        "cores and windows share their indexes",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below `folder` of the repository, as paths from its root with `/`, build folders left out.
fn files(folder: &str) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !["target", ".git", "node_modules", "dibs-data"].contains(&name) {
                    folders.push(path);
                }
            } else {
                found.push(
                    path.strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .replace('\\', "/"),
                );
            }
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<String> {
    files(folder)
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lines of code, with their numbers from 1: comments, also behind code, are cut off.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let without_comment = |line: &'_ str| line.find("//").filter(|at| !line[..*at].ends_with(':'));
    text.lines()
        .enumerate()
        .map(move |(at, line)| (at + 1, &line[..without_comment(line).unwrap_or(line.len())]))
}

fn assert_none(faults: &[String], rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n{}", faults.join("\n"));
}

#[test]
fn every_source_file_says_its_job_first() {
    let faults: Vec<String> = sources(".")
        .into_iter()
        .filter(|path| !read(path).starts_with("//! "))
        .collect();
    assert_none(&faults, "these files do not open with `//! `");
}

#[test]
fn no_source_file_is_too_long() {
    let mut faults = Vec::new();
    for path in sources(".") {
        let lines = read(&path).lines().count();
        let allowed = LONGER.iter().find(|(name, ..)| *name == path);
        let most = allowed.map_or(LINES_MAX, |(_, most, _)| *most);
        if lines > most {
            faults.push(format!("{path} has {lines} lines, and may have {most}"));
        }
        if allowed.is_some() && lines <= LINES_MAX {
            faults.push(format!(
                "{path} has {lines} lines: take it off the list of longer files"
            ));
        }
    }
    assert_none(&faults, "these files want to be split");
}

/// What a floor may not know: folder, and the words that may not stand in its code.
const FLOORS: &[(&str, &[&str])] = &[
    (
        "protocol/src",
        &[
            "tokio",
            "rusqlite",
            "std::fs",
            "std::net",
            "dibs_rules",
            "dibs_server",
        ],
    ),
    (
        "rules/src",
        &[
            "tokio",
            "rusqlite",
            "redis",
            "SystemTime",
            "Instant::now",
            "std::time",
            "std::fs",
            "std::net",
            "std::sync::Mutex",
            "parking_lot",
            "HashMap",
            "HashSet",
            "rand::",
            "new_v4",
            "now_v7",
            "dibs_server",
        ],
    ),
    (
        "server/src/log",
        &[
            "crate::hub",
            "crate::session",
            "crate::http",
            "crate::net",
            "crate::bus",
            "crate::cli",
            "dibs_rules",
        ],
    ),
    (
        "server/src/bus",
        &[
            "crate::hub",
            "crate::session",
            "crate::http",
            "crate::net",
            "crate::log",
            "crate::cli",
            "dibs_rules",
        ],
    ),
    (
        "server/src/hub",
        &[
            "crate::session",
            "crate::http",
            "crate::net",
            "crate::cli",
            "crate::config",
            "crate::auth",
            "rusqlite",
            "tungstenite",
            "axum",
            "redis::",
            "tokio::net",
        ],
    ),
    (
        "server/src/session",
        &["rusqlite", "redis::", "crate::http", "crate::cli", "axum"],
    ),
    ("server/src/http", &["rusqlite", "redis::", "crate::cli"]),
    (
        "server/src/net",
        &[
            "rusqlite",
            "crate::hub",
            "crate::session",
            "crate::http",
            "crate::log",
            "crate::cli",
        ],
    ),
    (
        "server/src/auth",
        &[
            "rusqlite",
            "crate::hub",
            "crate::session",
            "crate::http",
            "crate::log",
            "crate::cli",
        ],
    ),
    ("client/src", &["dibs_rules", "dibs_server", "rusqlite"]),
    ("tests/tests/blackbox", &["dibs_server", "dibs_rules"]),
];

#[test]
fn a_floor_uses_only_those_below_it() {
    let mut faults = Vec::new();
    for (folder, words) in FLOORS {
        for path in sources(folder) {
            let text = read(&path);
            for (line, code) in code(&text) {
                let found = words.iter().filter(|word| code.contains(*word));
                faults.extend(found.map(|word| format!("{path}:{line} knows {word}")));
            }
        }
    }
    assert_none(&faults, "these lines reach above or beside their floor");
}

#[test]
fn the_floors_of_the_crates_are_in_their_manifests() {
    let of = |path: &str| read(path).split("[dev-dependencies]").next().unwrap().to_owned();
    for word in ["tokio", "rusqlite", "rand", "dibs.workspace", "dibs-client"] {
        assert!(!of("rules/Cargo.toml").contains(word), "rules/ depends on {word}");
        assert!(
            !of("protocol/Cargo.toml").contains(word),
            "protocol/ depends on {word}"
        );
    }
    assert!(
        !of("client/Cargo.toml").contains("dibs-rules"),
        "client/ depends on rules/"
    );
}

#[test]
fn nothing_is_left_for_later() {
    // Written in parts, so that this file does not find itself.
    let words = ["todo", "unimplemented"].map(|it| format!("{it}!"));
    let words = [
        words.to_vec(),
        vec![
            ["FIX", "ME"].concat(),
            ["XX", "X"].concat(),
            ["#[ig", "nore"].concat(),
        ],
    ]
    .concat();
    let mut faults = Vec::new();
    for path in sources(".") {
        for (line, text) in (1..).zip(read(&path).lines()) {
            let found = words.iter().filter(|word| text.contains(*word));
            faults.extend(found.map(|word| format!("{path}:{line} has {word}")));
        }
    }
    assert_none(&faults, "these lines wait for somebody");
}

#[test]
fn there_is_one_copy_of_the_websocket_code() {
    let lock = read("Cargo.lock");
    for package in ["tungstenite", "tokio-tungstenite"] {
        let copies = lock.matches(&format!("name = \"{package}\"\n")).count();
        assert_eq!(copies, 1, "{package} is in Cargo.lock {copies} times");
    }
}

#[test]
fn the_lock_file_is_committed() {
    let ignored = read(".gitignore");
    assert!(
        !ignored.lines().any(|line| line.contains("Cargo.lock")),
        ".gitignore hides Cargo.lock"
    );
    assert!(root().join("Cargo.lock").is_file(), "there is no Cargo.lock");
}

/// Documents that people read, without what is generated.
fn documents() -> Vec<String> {
    let all = files(".").into_iter().filter(|path| path.ends_with(".md"));
    all.filter(|path| !path.contains("/vendor/")).collect()
}

/// What stands between backticks on one line, code blocks left out.
fn quoted(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// A path of this repository, braces expanded: `server/src/{hub,log}/` is two.
fn paths(word: &str) -> Vec<String> {
    let Some((before, rest)) = word.split_once('{') else {
        return vec![word.to_owned()];
    };
    let Some((names, after)) = rest.split_once('}') else {
        return Vec::new();
    };
    names
        .split(',')
        .map(|name| format!("{before}{name}{after}"))
        .collect()
}

#[test]
fn paths_named_in_documents_exist() {
    let tops = [
        "protocol/",
        "rules/",
        "server/",
        "client/",
        "loadtest/",
        "tests/",
        "scripts/",
        "docs/",
        "deploy/",
        ".ci/",
        ".config/",
    ];
    let mut faults = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md"] {
        for word in quoted(&read(document)) {
            if !tops.iter().any(|top| word.starts_with(top)) || word.contains([' ', '*', '<', '…']) {
                continue;
            }
            for path in paths(&word) {
                // `rules/src/keys.rs::key_of` names something in a file.
                let path = path.split("::").next().unwrap().trim_end_matches('/').to_owned();
                if !root().join(&path).exists() {
                    faults.push(format!("{document} names {path}, which is not there"));
                }
            }
        }
    }
    assert_none(&faults, "the map is wrong");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for document in documents() {
        let folder = Path::new(&document).parent().unwrap().to_owned();
        for target in read(&document)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next().map(str::to_owned))
        {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !root().join(&folder).join(path).exists() {
                faults.push(format!("{document} links to {target}, which is not there"));
            }
        }
    }
    assert_none(&faults, "these links are broken");
}

/// The names of `--flags` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in text.split("--").skip(1) {
        let name: String = rest
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.insert(name.trim_end_matches('-').to_owned());
        }
    }
    found
}

#[test]
fn flags_named_in_the_readme_exist() {
    // The table of settings writes flags as fields; the commands write theirs as clap's fields.
    let mut known = String::new();
    for path in sources("server/src/config")
        .iter()
        .chain(&sources("server/src/cli"))
        .chain(&sources("loadtest/src"))
    {
        known.push_str(&read(path));
    }
    let script = read("scripts/test");
    // Cargo's and curl's own.
    let others = ["release", "workspace", "locked", "features"];
    let is_known = |flag: &&String| {
        let field = flag.replace('-', "_");
        let as_field = format!(" {field}: ");
        let renamed = format!("long = \"{flag}\"");
        let built = format!(".long(\"{flag}\")");
        [as_field, renamed, built].iter().any(|it| known.contains(it))
            || script.contains(&format!("--{flag}"))
            || others.contains(&flag.as_str())
    };
    let readme = flags(&read("README.md"));
    let missing: Vec<String> = readme
        .iter()
        .filter(|flag| !is_known(flag))
        .map(|flag| format!("--{flag}"))
        .collect();
    assert_none(&missing, "README.md names flags that no command has");
}

#[test]
fn no_path_of_somebodys_machine_is_in_the_repository() {
    // Written in parts, so that this file does not find itself.
    let places = [
        ["/ho", "me/"].concat(),
        ["/Us", "ers/"].concat(),
        ["/wo", "rk/"].concat(),
        ["/tm", "p/w/"].concat(),
    ];
    let kinds = [
        ".rs",
        ".md",
        ".toml",
        ".sh",
        ".json",
        ".ts",
        ".js",
        ".yml",
        ".yaml",
        "scripts/test",
        ".ci/run",
    ];
    let mut faults = Vec::new();
    for path in files(".")
        .iter()
        .filter(|path| kinds.iter().any(|kind| path.ends_with(kind)))
    {
        for (line, text) in (1..).zip(read(path).lines()) {
            if places.iter().any(|place| text.contains(place.as_str())) {
                faults.push(format!("{path}:{line}"));
            }
        }
    }
    assert_none(&faults, "these lines name a folder that only one machine has");
}

#[test]
fn continuous_integration_runs_what_everybody_runs() {
    let script = read(".ci/run");
    let commands: Vec<&str> = script
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect();
    assert_eq!(commands.len(), 2, "only the shell's options and scripts/test");
    assert!(commands[1].contains("scripts/test"));
}
