//! Makes the console's folder exist, so that the controller builds before the console does.

use std::path::Path;

fn main() {
    let dist = Path::new("../web/dist");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::warning=the console's folder can't be made: {error}");
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");
}
