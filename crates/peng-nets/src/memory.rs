//! Memory that is free goes back to the system.

/// Gives memory back when it is dropped: the last field of what took much.
///
/// The C library keeps what a network's tensors leave free, in pieces that the next network's may
/// not fit into, so a process would grow with the candidates that it has seen.
#[derive(Debug, Default)]
pub(crate) struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        {
            // SAFETY: malloc_trim may be called at any time from any thread; it only returns pages
            // that nobody has.
            #[allow(unsafe_code)]
            let _ = unsafe { libc::malloc_trim(0) };
        }
    }
}
