use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::described::Values;

const INPUT: Input = Input {
    channels: 1,
    height: 28,
    width: 28,
};

fn space() -> Space {
    Space::new(Limits::default(), INPUT, 10).unwrap()
}

fn values(text: &str) -> Values {
    let training = r#""batch_size":32,"learning_rate":0.01,"momentum":0.9,"weight_decay":0.0001"#;
    format!("{{{text},{training}}}").parse().unwrap()
}

#[test]
fn layers_cost_what_a_hand_count_gives() {
    let values = values(
        r#""layers":2,"dense":1,"dense1_units":32,"dense1_dropout":0.5,
        "conv1_filters":8,"conv1_kernel":5,"conv1_stride":1,"conv1_padding":"valid","conv1_pool":"max",
        "conv2_filters":16,"conv2_kernel":3,"conv2_stride":2,"conv2_padding":"same","conv2_pool":"none""#,
    );
    let network = decode(&space(), &values).unwrap();
    // 28 - 4 = 24, pooled 12; stride 2 with padding 1: 6.
    let sides: Vec<_> = network.convolutions.iter().map(|c| c.output).collect();
    assert_eq!(sides, [(12, 12), (6, 6)]);
    assert_eq!(network.flattened(), 16 * 36);
    let weights = (25 * 8, 9 * 8 * 16, 576 * 32, 32 * 10);
    assert_eq!(
        network.parameters(),
        (weights.0 + 8) + (weights.1 + 16) + (weights.2 + 32) + (weights.3 + 10)
    );
    assert_eq!(
        network.flops(),
        576 * (weights.0 + 8 + 8) + 36 * (weights.1 + 16) + weights.2 + 32 + weights.3
    );
    assert_eq!(network.hyperparameters.batch_size, 32);
}

#[test]
fn layers_that_would_leave_nothing_are_repaired() {
    let tiny = Input {
        channels: 1,
        height: 3,
        width: 2,
    };
    let space = Space::new(Limits::default(), tiny, 10).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..200 {
        let network = decode(&space, &space.parameters().random(&mut rng)).unwrap();
        for layer in &network.convolutions {
            assert!(layer.output.0 >= 1 && layer.output.1 >= 1, "{network:?}");
        }
        assert!(network.flattened() >= 1 && network.flops() > 0);
    }
}

#[test]
fn limits_that_cannot_be_are_named() {
    let message = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Space::new(limits, INPUT, 10).unwrap_err().to_string()
    };
    assert!(message(|l| l.layers = (0, 2)).starts_with("layers must be 1 to 16"));
    assert!(message(|l| l.kernels = vec![2]).starts_with("kernels must be odd"));
    assert!(message(|l| l.momentum = (0.0, 1.0)).starts_with("momentum must be 0 to below 1"));
    assert!(message(|l| l.dropout = vec![]).starts_with("dropout"));
    assert!(message(|l| l.learning_rate = (0.0, 0.1)).starts_with("learning_rate"));
}

#[test]
fn a_written_space_is_the_same_when_read() {
    let text = serde_json::to_string(&space()).unwrap();
    assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), space());
}
