//! Tells the linker where libtorch is at run time: first beside the binary's folder (in
//! `../libtorch/torch/lib`), so that both can be moved together, then where it was built with.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_PENG_NETS_LIBTORCH_LIB");
    println!("cargo::rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../libtorch/torch/lib");
    if let Ok(folder) = env::var("DEP_PENG_NETS_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{folder}");
    }
}
