//! Where randomness comes from: one independent stream for every use, so that nothing of a
//! generator's state needs storing and no order of events changes what is drawn.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::candidate::Id;

/// What a stream is used for.
#[derive(Clone, Copy)]
enum Purpose {
    Genome = 1,
    Training = 2,
    Lease = 3,
}

fn stream(seed: u64, purpose: Purpose, id: Id, attempt: u32) -> ChaCha8Rng {
    let words = [
        seed,
        purpose as u64,
        u64::from(id.number()),
        u64::from(attempt),
    ];
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The stream that a candidate's genome is drawn from.
pub(crate) fn genome(seed: u64, id: Id) -> ChaCha8Rng {
    stream(seed, Purpose::Genome, id, 0)
}

/// A candidate's training seed, below 2^63 so that signed integers hold it too.
pub(crate) fn training(seed: u64, id: Id) -> u64 {
    stream(seed, Purpose::Training, id, 0).next_u64() >> 1
}

/// The token of a candidate's lease: 16 hexadecimal digits, another for every attempt.
pub(crate) fn token(seed: u64, id: Id, attempt: u32) -> String {
    format!(
        "{:016x}",
        stream(seed, Purpose::Lease, id, attempt).next_u64()
    )
}
