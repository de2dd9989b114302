//! Loading libtorch's CUDA part into the process.

use std::{error::Error as _, sync::OnceLock};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

/// Loads `libtorch_cuda.so` once; why it could not be loaded otherwise.
///
/// Must come before the first question about CUDA: libtorch remembers the answer.
pub(crate) fn load() -> Result<(), &'static str> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        // SAFETY: loading runs the library's initializers and nothing else. It is libtorch's own
        // CUDA part, found on the run path that libtorch_cpu was loaded from, made to be loaded
        // beside it; its initializers only register kernels. The handle is never closed, so no
        // code of it can vanish while it is in use.
        #[allow(unsafe_code)]
        let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) };
        match library {
            Ok(library) => {
                std::mem::forget(library);
                Ok(())
            }
            // Its own text does not say what the loader said.
            Err(error) => Err(error
                .source()
                .map_or(error.to_string(), ToString::to_string)),
        }
    });
    loaded.as_ref().copied().map_err(String::as_str)
}
