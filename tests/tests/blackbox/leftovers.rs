//! What the load tool leaves behind when it is told to end: nothing.

use crate::hub::program;
use crate::loadtest::Run;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Ends by itself soon after a signal; nothing that it started stays.
fn ends_clean(run: &Run, mut child: Child, signal: &str) {
    let end = std::time::Instant::now() + crate::hub::PATIENCE;
    while run.left_behind().is_empty() {
        assert!(std::time::Instant::now() < end, "it did not start a hub");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(
        run.left_behind(),
        Vec::<PathBuf>::new(),
        "{signal}: its data stays behind"
    );
    let folder = run.folder.path().to_str().unwrap();
    while processes_with(folder) > 0 {
        assert!(
            std::time::Instant::now() < end,
            "{signal}: a process stays behind"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// How many processes have this in their command line.
fn processes_with(text: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = lines.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(text))
        .count()
}

#[test]
fn nothing_stays_behind_after_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let run = Run::new();
        let mut command = run.command(&[
            "hot-conversation",
            "--agents",
            "20",
            "--processes",
            "2",
            "--duration",
            "60s",
        ]);
        let command = command
            .arg("--server")
            .arg(program())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ends_clean(&run, command.spawn().unwrap(), signal);
    }
}
