//! The `dibs` program. Everything is in the library; this hands over and returns its exit code.

fn main() -> std::process::ExitCode {
    dibs_server::cli::main()
}
