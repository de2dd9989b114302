//! Streams of random numbers: one for each seed, purpose and index, none depending on another.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Initial weights of a network.
    Weights = 1,
    /// The order of the images in an epoch.
    Order = 2,
    /// Changes of the images of a batch.
    Augmentation = 3,
    /// Which images are trained on and which validate.
    Split = 4,
    /// What is dropped in a batch.
    Dropout = 5,
}

/// The stream for a purpose; `index` is the epoch or the batch, where there is one.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// The numbers 0..count in random order.
pub(crate) fn permutation(count: usize, mut stream: ChaCha8Rng) -> Vec<i64> {
    let mut numbers: Vec<i64> = (0_i64..).take(count).collect();
    numbers.shuffle(&mut stream);
    numbers
}
