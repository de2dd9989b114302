//! Compiles `proto/` with protox, so that no protoc is needed.

use std::{env, error::Error, fs, path::Path};

use prost::Message;

const ROOT: &str = "../../proto";
const FILES: [&str; 2] = [
    "peng4nn/v1/prediction_service.proto",
    "peng4nn/v1/search_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("peng4nn.bin"),
        descriptors.encode_to_vec(),
    )?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::Lean")
        .compile_fds(descriptors)?;
    Ok(())
}
