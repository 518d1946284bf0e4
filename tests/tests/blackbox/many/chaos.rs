//! Faults under load, judged by the oracle: the load tool's own processes, with a fleet that works through them. One
//! always, all of them with `DIBS_LONG=1`.

use crate::hub::program;
use std::process::{Command, Stdio};

/// Runs one fault, and shows what was found.
fn survives(fault: &str, repeat: &str) {
    let tool = std::env::var_os("DIBS_LOADTEST_BIN")
        .map_or_else(|| program().with_file_name("dibs-loadtest"), Into::into);
    let output = Command::new(tool)
        .args([
            "--no-pin", "chaos", "--fault", fault, "--repeat", repeat, "--server",
        ])
        .arg(program())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (table, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{table}");
    let row = table
        .lines()
        .find(|line| line.matches('|').count() == 12 && !line.contains("---"));
    let cells: Vec<u64> = row
        .unwrap()
        .split('|')
        .filter_map(|cell| cell.trim().parse().ok())
        .collect();
    let [times, sent, acknowledged, _, lost, doubled, others] = cells[..] else {
        panic!("no figures in {table}");
    };
    assert!(
        sent >= acknowledged && acknowledged > 100 * times,
        "work was done: {table}"
    );
    assert_eq!((lost, doubled, others), (0, 0, 0), "{table}");
}

#[test]
fn a_fleet_works_through_the_kill_of_an_instance() {
    survives("instance-killed", "1");
}

/// The others take minutes together.
fn long(fault: &str) {
    if std::env::var("DIBS_LONG").is_ok_and(|it| it == "1") {
        survives(fault, "2");
    }
}

macro_rules! faults {
    ($($name:ident: $fault:literal;)+) => {$(
        #[test]
        fn $name() {
            long($fault);
        }
    )+};
}

faults! {
    a_fleet_works_through_an_instance_that_is_stopped: "instance-stopped";
    a_fleet_works_through_a_rolling_restart: "rolling-restart";
    a_fleet_works_through_the_kill_of_redis: "redis-killed";
    a_fleet_works_through_a_redis_that_is_stopped: "redis-stopped";
    a_fleet_works_through_a_redis_that_forgets: "redis-forgets";
    a_fleet_works_through_a_partition_from_redis: "redis-partition";
    a_fleet_works_through_a_crash_of_postgres: "postgres-crashed";
    a_fleet_works_through_lost_connections_to_postgres: "postgres-connections";
    a_fleet_works_through_a_partition_from_postgres: "postgres-partition";
    a_fleet_works_through_a_postgres_that_is_stopped: "postgres-stopped";
    a_fleet_works_through_a_failover_of_postgres: "postgres-failover";
    a_fleet_works_through_a_failover_of_sentinel: "sentinel-failover";
    a_fleet_works_through_a_failover_of_a_cluster: "cluster-failover";
    a_fleet_works_through_slots_that_move: "slot-migration";
}
