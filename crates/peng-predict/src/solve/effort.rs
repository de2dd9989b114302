//! What solutions cost, counted instead of timed.

#[cfg(test)]
thread_local! {
    static SPENT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Takes note of so many evaluations of a shape, each at one place and one point; only the tests
/// look at it.
#[inline]
pub(crate) fn spend(evaluations: usize) {
    #[cfg(test)]
    SPENT.set(SPENT.get() + evaluations);
    #[cfg(not(test))]
    let _ = evaluations;
}

/// How many this thread has taken note of since the last call.
#[cfg(test)]
pub(crate) fn take() -> usize {
    SPENT.take()
}
