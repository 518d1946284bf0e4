//! The `dibs` program. Everything is in the library; this hands over and returns its exit code.

/// Measured against the C library's and mimalloc: a fifth less CPU per commit than the former, and the least memory per
/// idle session of the three.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    dibs_server::cli::main()
}
