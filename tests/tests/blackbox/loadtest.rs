//! The load tool, small: every scenario against the real program with the oracle on, what it writes, and that it fails
//! when it must. The tool is taken from `DIBS_LOADTEST_BIN`, or stands beside the program.

use crate::hub::{Hub, program};
use crate::proxy::{Mistake, Proxy};
use crate::token::SECRET;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn tool() -> PathBuf {
    std::env::var_os("DIBS_LOADTEST_BIN")
        .map_or_else(|| program().with_file_name("dibs-loadtest"), PathBuf::from)
}

/// A run of the tool in a folder of its own.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::Builder::new().prefix("dibs-test").tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command of the tool with a data folder below this run's.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(tool());
        command
            .args(["--no-pin", "--data-root"])
            .arg(self.folder.path())
            .args(args)
            .stdin(Stdio::null());
        command
    }

    fn own_hub(&self, args: &[&str]) -> Output {
        self.command(args)
            .arg("--server")
            .arg(program())
            .output()
            .unwrap()
    }

    /// Against a hub, or something before it, that runs already.
    async fn against(&self, base: &str, args: &[&str]) -> Output {
        let secret = self.file("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let mut command = self.command(args);
        command.args(["--target", base, "--secret-file"]).arg(secret);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// What is in the folder besides the files that were asked for.
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries
            .map(|it| it.unwrap().path())
            .filter(|it| it.is_dir())
            .collect()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn figure(run: &Value, name: &str) -> f64 {
    let figures = run["medians"]["figures"].as_array().unwrap();
    let found = figures.iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("no figure {name} in {figures:?}"))["value"]
        .as_f64()
        .unwrap()
}

/// Runs a scenario with the oracle on, and checks everything that any scenario promises.
fn passes(args: &[&str]) -> Value {
    let run = Run::new();
    let (json, report) = (run.file("figures.json"), run.file("report.html"));
    let files = [
        "--json",
        json.to_str().unwrap(),
        "--report",
        report.to_str().unwrap(),
    ];
    let output = run.own_hub(&[args, &files].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let figures = read(&json);
    assert_eq!(figures["scenario"], args[0]);
    let detail = &figures["runs"][0]["detail"];
    assert_eq!(detail["verdict"]["fault_count"], json!(0), "{detail}");
    let checked = detail["verdict"]["checked"].as_object().unwrap();
    assert!(
        checked.values().any(|it| it.as_u64() > Some(0)),
        "nothing was checked: {checked:?}"
    );
    assert!(!detail["course"]["seconds"].as_array().unwrap().is_empty());
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("new uPlot(") && page.contains(&format!("\"scenario\":\"{}\"", args[0])));
    assert_eq!(run.left_behind(), Vec::<PathBuf>::new());
    figures
}

#[test]
fn a_fleet_works_and_customers_are_answered() {
    let run = passes(&[
        "fleet",
        "--agents",
        "30",
        "--conversations",
        "30",
        "--rate",
        "15",
        "--think",
        "100ms",
        "--messages",
        "10",
        "--duration",
        "4s",
        "--ramp",
        "0s",
    ]);
    assert!(figure(&run, "replies at the adapter") > 10.0);
    assert!(figure(&run, "messages over HTTP") >= 39.0);
}

#[test]
fn a_race_has_one_winner_in_each_round() {
    let run = passes(&["claim-race", "--agents", "40", "--rate", "5", "--duration", "3s"]);
    let rounds = figure(&run, "commands done") / 2.0;
    assert!(rounds >= 10.0, "each winner claims and lets go: {rounds}");
    assert!(
        figure(&run, "claims refused, held by another") > rounds * 20.0,
        "nearly everybody is refused"
    );
}

#[test]
fn a_busy_list_is_right_on_every_screen() {
    let run = passes(&[
        "busy-list",
        "--agents",
        "40",
        "--conversations",
        "60",
        "--rate",
        "200",
        "--duration",
        "3s",
        "--ramp",
        "0s",
    ]);
    assert!(figure(&run, "list changes delivered") >= 40.0 * 10.0);
}

#[test]
fn every_watcher_of_a_hot_conversation_sees_every_note() {
    let run = passes(&[
        "hot-conversation",
        "--agents",
        "60",
        "--rate",
        "100",
        "--duration",
        "3s",
        "--ramp",
        "0s",
    ]);
    let notes = figure(&run, "commands done");
    assert_eq!(figure(&run, "events delivered"), notes * 60.0);
}

#[test]
fn a_closed_loop_over_two_processes_sees_every_note_as_well() {
    let run = passes(&[
        "hot-conversation",
        "--agents",
        "40",
        "--rate",
        "0",
        "--in-flight",
        "8",
        "--processes",
        "2",
        "--duration",
        "2s",
        "--ramp",
        "0s",
    ]);
    assert_eq!(
        figure(&run, "events delivered"),
        figure(&run, "commands done") * 40.0
    );
    assert!(figure(&run, "command, corrected for coordinated omission p99") > 0.0);
}

#[test]
fn notes_arrive_while_everybody_types() {
    let run = passes(&[
        "typing-storm",
        "--agents",
        "40",
        "--conversations",
        "20",
        "--rate",
        "100",
        "--duration",
        "3s",
        "--ramp",
        "0s",
    ]);
    assert!(figure(&run, "signs of typing sent") > 200.0);
    assert!(figure(&run, "events delivered") > 100.0);
}

#[test]
fn a_herd_that_comes_back_has_missed_nothing() {
    let run = passes(&[
        "reconnect-herd",
        "--agents",
        "40",
        "--conversations",
        "20",
        "--drop-every",
        "1s",
        "--duration",
        "4s",
        "--ramp",
        "0s",
    ]);
    assert_eq!(figure(&run, "connections dropped by plan"), 3.0 * 40.0);
    assert_eq!(figure(&run, "resumed"), 3.0 * 40.0);
}

#[test]
fn idle_sessions_cost_what_they_cost() {
    let run = passes(&["idle", "--agents", "200", "--duration", "2s"]);
    assert!(figure(&run, "hub RSS per session") > 0.0);
}

#[test]
fn slow_readers_are_complete_in_the_end() {
    let run = passes(&[
        "slow-readers",
        "--agents",
        "20",
        "--slow",
        "4",
        "--text-bytes",
        "30000",
        "--rate",
        "150",
        "--duration",
        "4s",
        "--ramp",
        "0s",
    ]);
    assert!(
        figure(&run, "resyncs") > 0.0,
        "they were not slow enough to matter"
    );
}

#[test]
fn a_soak_goes_on_through_lost_connections() {
    let run = passes(&[
        "soak",
        "--agents",
        "30",
        "--conversations",
        "30",
        "--rate",
        "15",
        "--think",
        "100ms",
        "--drop-every",
        "2s",
        "--duration",
        "4s",
        "--ramp",
        "0s",
    ]);
    assert!(figure(&run, "connections dropped by plan") >= 30.0);
}

#[test]
fn a_file_is_run_and_flags_win_over_it() {
    let run = Run::new();
    let (file, json) = (run.file("mine.toml"), run.file("figures.json"));
    std::fs::write(
        &file,
        "scenario = \"hot-conversation\"\nagents = 500\nduration = \"1s\"\nramp = \"0s\"\n",
    )
    .unwrap();
    let (file, json) = (file.to_str().unwrap(), json.to_str().unwrap());
    let output = run.own_hub(&["run", file, "--agents", "10", "--json", json]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        read(Path::new(json))["runs"][0]["detail"]["settings"]["agents"],
        10
    );
    std::fs::write(file, "scenario = \"hot-conversation\"\nagnets = 500\n").unwrap();
    let output = run.own_hub(&["run", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("line 2: unknown field `agnets`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_limit_that_is_passed_is_said_and_ends_with_1() {
    let run = Run::new();
    let short = [
        "hot-conversation",
        "--agents",
        "10",
        "--duration",
        "1s",
        "--ramp",
        "0s",
    ];
    let output = run.own_hub(&[&short[..], &["--max-p99", "0.001", "--max-rss", "100000"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("failed: headline p99 is ") && said.contains("above --max-p99 0.001"),
        "{said}"
    );
    assert!(!said.contains("--max-rss"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_with_a_target_is_said_with_what_to_do() {
    let run = Run::new();
    let output = run.command(&["fleet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("give --server PROGRAM"),
        "{}",
        stderr(&output)
    );
    let output = run
        .command(&["fleet", "--target", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--secret-file FILE"),
        "{}",
        stderr(&output)
    );
    // Port 9 is nobody's here.
    let output = run.against("http://127.0.0.1:9", &["fleet"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no hub answers at http://127.0.0.1:9"),
        "{}",
        stderr(&output)
    );
    let many = [
        "hot-conversation",
        "--agents",
        "1000000",
        "--target",
        "http://127.0.0.1:9",
    ];
    let output = run.command(&many).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("give --processes"),
        "{}",
        stderr(&output)
    );
}

/// A hub that makes one mistake is found out, and the fault says what it was.
async fn finds(mistake: Mistake, words: &str) {
    let hub = Hub::start(&[]);
    let proxy = Proxy::before(hub.address(), mistake).await;
    let run = Run::new();
    let args = [
        "--workspace",
        "load",
        "hot-conversation",
        "--agents",
        "10",
        "--rate",
        "50",
        "--duration",
        "2s",
        "--ramp",
        "0s",
    ];
    let output = run.against(&proxy.base(), &args).await;
    assert!(proxy.made() > 0, "no mistake was made");
    assert_eq!(output.status.code(), Some(1), "{mistake:?}: {}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("fault: ") && said.contains(words),
        "{mistake:?}: {said}"
    );
    // Without the proxy, the same passes.
    let output = run
        .against(
            &hub.base(),
            &[&["--pid", &hub.pid().to_string()][..], &args].concat(),
        )
        .await;
    assert!(output.status.success(), "{}", stderr(&output));
}

#[tokio::test]
async fn an_event_that_is_dropped_is_found() {
    finds(Mistake::Drop, "Promise 3").await;
}

#[tokio::test]
async fn an_event_that_comes_twice_is_found() {
    finds(Mistake::Double, "Promise 3").await;
}

#[tokio::test]
async fn events_in_the_wrong_order_are_found() {
    finds(Mistake::Swap, "Promise 3").await;
}
