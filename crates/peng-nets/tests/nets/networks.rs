//! Networks against their architecture.

use peng_nets::Device;
use peng_nets::net::{Error, Net};
use peng_search::macro_space::Source;
use peng_search::settings::{Algorithm, Goal};
use peng_search::{Network, Search, Settings, Space, described, sequential as space};
use tch::{Kind, Tensor};

use crate::synthetic::{CLASSES, INPUT, network, sequential};

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
        let net = Net::new(&architecture, 1, Device::Cpu).unwrap();
        assert_eq!(net.parameters(), architecture.parameters(), "{genome}");
    }
}

/// Networks of a space, drawn at random.
fn drawn(space: Space) -> Vec<(String, Network)> {
    let settings = Settings {
        algorithm: Algorithm::Random,
        space,
        seed: 11,
        candidates: 40,
        lease: std::time::Duration::from_mins(1),
        attempts: 1,
        goal: Goal::Maximize,
    };
    let search = Search::new(settings).unwrap();
    let decoded = |genome| search.settings().space.decode(genome).unwrap();
    let candidates = search.candidates().iter();
    candidates
        .map(|c| (c.genome.to_string(), decoded(&c.genome)))
        .collect()
}

#[test]
fn a_counted_forward_pass_costs_what_the_genome_says() {
    let limits = space::Limits {
        layers: (1, 5),
        ..space::Limits::default()
    };
    let mut networks = drawn(space::Space::new(limits, INPUT, CLASSES).unwrap().into());
    networks.extend(GENOMES.map(|genome| (genome.to_owned(), network(genome))));
    networks.push(("sequential".to_owned(), sequential()));
    for (genome, network) in networks {
        let net = Net::new(&network, 1, Device::Cpu).unwrap();
        assert_eq!(net.operations().unwrap(), network.flops(), "{genome}");
        assert_eq!(net.parameters(), network.parameters(), "{genome}");
    }
}

#[test]
fn what_is_no_network_here_is_refused() {
    let text = r#"{"parameters": [{"name": "depth", "integer": {"from": 1, "to": 99}}]}"#;
    let space: described::Space = serde_json::from_str(text).unwrap();
    let (_, values) = drawn(space.into()).remove(0);
    let error = Net::new(&values, 1, Device::Cpu).unwrap_err();
    assert!(matches!(error, Error::Described), "{error}");
    let Network::Macro(mut huge) = network("1111-1010") else {
        unreachable!("it is a macro network")
    };
    huge.classes = 1 << 30;
    let error = Net::new(&Network::Macro(huge), 1, Device::Cpu).unwrap_err();
    assert!(matches!(error, Error::TooLarge(_)), "{error}");
}

#[test]
fn every_network_gives_a_score_for_each_class() {
    let images = Tensor::ones([3, 1, 8, 8], (Kind::Float, Device::Cpu));
    for genome in GENOMES {
        let net = Net::new(&network(genome), 1, Device::Cpu).unwrap();
        let scores = net.forward(&images).unwrap();
        assert_eq!(scores.size(), [3, 4], "{genome}");
    }
}

#[test]
fn initial_weights_come_from_the_seed_alone() {
    let images = Tensor::ones([2, 1, 8, 8], (Kind::Float, Device::Cpu));
    let scores = |seed: u64| {
        let net = Net::new(&network("1111-1010"), seed, Device::Cpu).unwrap();
        net.forward(&images).unwrap()
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
    let saved = Net::new(&network("1111-1010"), 1, Device::Cpu).unwrap();
    saved.save(&path).unwrap();
    let mut loaded = Net::new(&network("1111-1010"), 2, Device::Cpu).unwrap();
    loaded.load(&path).unwrap();
    let scores = |net: &Net| net.forward(&images).unwrap();
    assert_eq!(scores(&saved), scores(&loaded));
    let mut other = Net::new(&network("1111-1111"), 2, Device::Cpu).unwrap();
    assert!(matches!(other.load(&path), Err(Error::Torch(_))));
}

#[test]
fn an_architecture_that_takes_what_is_not_there_is_refused() {
    let Network::Macro(mut architecture) = network("1111-1010") else {
        unreachable!("it is a macro network")
    };
    architecture.phases[1].nodes[0].inputs = vec![Source::Node(2)];
    let error = Net::new(&Network::Macro(architecture), 1, Device::Cpu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "phase 2 takes the output of node 3, which has not run by then"
    );
}

#[test]
fn images_of_another_shape_are_an_error_of_one_line() {
    let net = Net::new(&network("1111-1010"), 1, Device::Cpu).unwrap();
    let images = Tensor::ones([2, 3, 8, 8], (Kind::Float, Device::Cpu));
    let error = net.forward(&images).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}
