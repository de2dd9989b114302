//! Parameters and operations of published genomes' networks, worked out from the definition of
//! the space by hand counts: active nodes of each phase, and sources that go through a 1x1 join.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use peng_search::macro_space::{Genome, Input, Space, decode};

/// A genome with what a person reads off it and what follows.
struct Row {
    space: Space,
    genome: &'static str,
    /// (active nodes, sources joined by 1x1 convolutions) of each active phase.
    counts: &'static [(u64, u64)],
    parameters: u64,
    flops: u64,
}

fn space(nodes: usize, channels: &[usize], input: (usize, usize, usize), classes: usize) -> Space {
    let (channels_in, height, width) = input;
    let input = Input {
        channels: channels_in,
        height,
        width,
    };
    Space::new(nodes, channels.to_vec(), input, classes).unwrap()
}

/// The published search on CIFAR-10: 24 channels, doubled after each pooling.
fn cifar(genome: &'static str, counts: &'static [(u64, u64)], parameters: u64, flops: u64) -> Row {
    Row {
        space: space(4, &[24, 48, 96], (3, 32, 32), 10),
        genome,
        counts,
        parameters,
        flops,
    }
}

/// A small one on Fashion-MNIST.
fn fashion(
    genome: &'static str,
    counts: &'static [(u64, u64)],
    parameters: u64,
    flops: u64,
) -> Row {
    Row {
        space: space(4, &[8, 16, 32], (1, 28, 28), 10),
        genome,
        counts,
        parameters,
        flops,
    }
}

fn rows() -> Vec<Row> {
    vec![
        // Two nodes in a row, no skip: nothing is joined.
        cifar("1000000-0000000-0000000", &[(2, 0)], 11_410, 10_130_640),
        // The same in every phase, with skip: two sources each make the output.
        cifar(
            "1000001-1000001-1000001",
            &[(2, 2), (2, 2), (2, 2)],
            250_306,
            31_207_872,
        ),
        // All bits: nodes 3 and 4 join 2 and 3 sources, the output 2.
        cifar(
            "1111111-1111111-1111111",
            &[(4, 7), (4, 7), (4, 7)],
            529_186,
            65_663_328,
        ),
        cifar(
            "1111110-1111110-1111110",
            &[(4, 5), (4, 5), (4, 5)],
            504_994,
            62_686_560,
        ),
        // No first phase; then 1-3 and 2-4 side by side with skip; then 2-3-4 in a chain.
        cifar(
            "0000001-0100101-0010010",
            &[(4, 3), (3, 0)],
            87_586,
            35_543_280,
        ),
        // No active phase: the pool and the linear layer on the image.
        cifar("0000001-0000000-0000001", &[], 40, 3_102),
        fashion(
            "1011010-0010110-1111111",
            &[(4, 2), (3, 2), (4, 7)],
            55_458,
            4_713_008,
        ),
        fashion(
            "0100001-1001010-0011000",
            &[(2, 2), (4, 4), (4, 2)],
            52_002,
            4_201_504,
        ),
        fashion(
            "0000001-1000000-0000010",
            &[(2, 0), (2, 0)],
            6_274,
            1_709_088,
        ),
        // The network that NSGA-Net publishes (`models/macro_genotypes.py`): six nodes, the
        // channels do not change after the first phase.
        Row {
            space: space(6, &[128, 128, 128], (3, 32, 32), 10),
            genome: "1000100111100110-0000100101111110-0011011011100110",
            counts: &[(6, 6), (6, 7), (6, 8)],
            parameters: 3_008_394,
            flops: 1_165_798_656,
        },
        // Three nodes, odd sides, as many channels as the image: no entry at first.
        Row {
            space: space(3, &[6, 6, 12], (6, 15, 21), 3),
            genome: "1010-0111-1101",
            counts: &[(3, 0), (3, 4), (3, 3)],
            parameters: 6_711,
            flops: 482_586,
        },
    ]
}

/// Parameters and operations from the counts alone.
fn by_hand(row: &Row) -> (u64, u64) {
    let Input {
        channels,
        height,
        width,
    } = row.space.input();
    let (mut from, mut height, mut width) = (channels as u64, height as u64, width as u64);
    let classes = row.space.classes() as u64;
    let (mut parameters, mut flops) = (0, 0);
    for (phase, (&(nodes, joined), &to)) in row.counts.iter().zip(row.space.channels()).enumerate()
    {
        let to = to as u64;
        if phase > 0 {
            flops += from * height * width;
            (height, width) = (height / 2, width / 2);
        }
        let mut convolutions = nodes * 9 * to * to + joined * to * to;
        if from != to {
            convolutions += if phase == 0 { 9 * from * to } else { from * to };
            (height, width) = if phase == 0 {
                (height - 2, width - 2)
            } else {
                (height, width)
            };
        }
        parameters += convolutions + (nodes + 1) * 2 * to;
        flops += (convolutions + (nodes + 1) * 3 * to) * height * width;
        from = to;
    }
    (
        parameters + (from + 1) * classes,
        flops + from * height * width + from * classes,
    )
}

#[test]
fn networks_cost_what_the_published_definition_gives() {
    for row in rows() {
        let genome: Genome = row.genome.parse().unwrap();
        let network = decode(&row.space, &genome).unwrap();
        let expected = (row.parameters, row.flops);
        assert_eq!(
            (network.parameters(), network.flops()),
            expected,
            "{genome}"
        );
        assert_eq!(by_hand(&row), expected, "{genome}");
    }
}
