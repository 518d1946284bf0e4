//! `dibs-loadtest`: the program around the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    dibs_loadtest::program::main(std::env::args().collect())
}
