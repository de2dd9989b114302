//! Tells the linker where libtorch is at run time, and the crates above the same.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    // torch-sys passes it on. A binary elsewhere does not inherit the argument below, so the
    // folder is handed on as DEP_PENG_NETS_LIBTORCH_LIB.
    if let Ok(folder) = env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::metadata=LIBTORCH_LIB={folder}");
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
