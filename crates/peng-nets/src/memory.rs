//! Memory that is free goes back to the system.

/// Has all threads of the process take memory from one place, so that what one candidate leaves
/// the next one finds.
///
/// Each candidate trains on a thread of its own, and the GNU C library gives threads arenas of
/// their own, up to eight for each core. Of those it never returns the free end, not even when
/// asked to trim: resident memory would hang on which arena the last candidate happened to have.
/// To be called before the first thread is started; does nothing with other C libraries.
pub fn share_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt may be called at any time; this parameter only bounds how many arenas
        // are made from now on.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

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
