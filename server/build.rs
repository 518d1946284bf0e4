//! Has the program compiled again when a file of the console changes, comes or goes.

fn main() {
    for part in ["index.html", "app", "sdk", "vendor"] {
        println!("cargo::rerun-if-changed=../console/{part}");
    }
}
