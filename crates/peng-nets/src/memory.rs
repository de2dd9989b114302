//! How the process takes memory and gives it back.

/// Has all threads of the process take memory from one place and keep it for the next step, so
/// that what one batch or candidate leaves the next one finds.
///
/// Each candidate trains on a thread of its own, and the GNU C library gives threads arenas of
/// their own, up to eight for each core. Of those it never returns the free end, not even when
/// asked to trim: resident memory would hang on which arena the last candidate happened to have.
/// And what a batch's large tensors took it would return to the system at once, which then has to
/// clear every page anew for the next batch: 5 to 8 % of the time of a training step on a CPU.
/// To be called before the first thread is started; does nothing with other C libraries.
pub fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt may be called at any time; the first parameter only bounds how many
        // arenas are made from now on, the others how much may lie free.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT);
        }
    }
}

/// Bytes of one piece of memory from which on it is taken from the system and given back alone.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGEST_KEPT: i32 = 1 << 30;

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
