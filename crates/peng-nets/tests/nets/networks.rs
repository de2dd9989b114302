//! Networks against their architecture.

use peng_nets::Device;
use peng_nets::macro_net::{Error, MacroNet};
use peng_search::macro_space::Source;
use tch::{Kind, Tensor};

use crate::synthetic::network;

const GENOMES: [&str; 10] = [
    "0000000-0000000-0000000",
    "0000001-0000001-0000001",
    "1000000-0000000-0000000",
    "1111111-1111111-1111111",
    "1010001-0110100-0001011",
    "0100001-1001010-1011010",
    "0111-1101",
    "1111-0000-1010",
    "11-10-11",
    "10000000001-11111111111",
];

#[test]
fn the_built_network_has_the_parameters_of_its_architecture() {
    for genome in GENOMES {
        let architecture = network(genome);
        let net = MacroNet::new(&architecture, 1, Device::Cpu).unwrap();
        assert_eq!(net.parameters(), architecture.parameters(), "{genome}");
    }
}

#[test]
fn every_network_gives_a_score_for_each_class() {
    let images = Tensor::ones([3, 1, 8, 8], (Kind::Float, Device::Cpu));
    for genome in GENOMES {
        let net = MacroNet::new(&network(genome), 1, Device::Cpu).unwrap();
        for training in [true, false] {
            let scores = net.forward(&images, training).unwrap();
            assert_eq!(scores.size(), [3, 4], "{genome}");
        }
    }
}

#[test]
fn initial_weights_come_from_the_seed_alone() {
    let images = Tensor::ones([2, 1, 8, 8], (Kind::Float, Device::Cpu));
    let scores = |seed: u64| {
        let net = MacroNet::new(&network("1111-1010"), seed, Device::Cpu).unwrap();
        net.forward(&images, false).unwrap()
    };
    tch::manual_seed(1);
    let first = scores(7);
    tch::manual_seed(2);
    assert_eq!(first, scores(7));
    assert_ne!(first, scores(8));
}

#[test]
fn weights_are_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let images = Tensor::ones([2, 1, 8, 8], (Kind::Float, Device::Cpu));
    let saved = MacroNet::new(&network("1111-1010"), 1, Device::Cpu).unwrap();
    saved.save(&path).unwrap();
    let mut loaded = MacroNet::new(&network("1111-1010"), 2, Device::Cpu).unwrap();
    loaded.load(&path).unwrap();
    let scores = |net: &MacroNet| net.forward(&images, false).unwrap();
    assert_eq!(scores(&saved), scores(&loaded));
    let mut other = MacroNet::new(&network("1111-1111"), 2, Device::Cpu).unwrap();
    assert!(matches!(other.load(&path), Err(Error::Torch(_))));
}

#[test]
fn an_architecture_that_takes_what_is_not_there_is_refused() {
    let mut architecture = network("1111-1010");
    architecture.phases[1].nodes[0].inputs = vec![Source::Node(2)];
    let error = MacroNet::new(&architecture, 1, Device::Cpu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "phase 2 takes the output of node 3, which has not run by then"
    );
}

#[test]
fn images_of_another_shape_are_an_error_of_one_line() {
    let net = MacroNet::new(&network("1111-1010"), 1, Device::Cpu).unwrap();
    let images = Tensor::ones([2, 3, 8, 8], (Kind::Float, Device::Cpu));
    let error = net.forward(&images, false).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}
