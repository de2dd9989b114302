//! Exported networks.

use peng_nets::export::{self, Exported, Origin};
use peng_nets::train::{Settings, Training};
use peng_nets::{Device, device};
use peng_search::macro_space::Space;
use tch::{CModule, Kind};

use crate::synthetic::{CLASSES, INPUT, network, split};

#[test]
fn a_network_is_written_loaded_and_measured_the_same() {
    device::set_threads(1);
    let settings = Settings {
        epochs: 2,
        batch: 20,
        ..Settings::default()
    };
    let seed = 1;
    let genome = "1010-1100";
    let mut training =
        Training::new(&network(genome), split(200), settings, seed, Device::Cpu).unwrap();
    training.advance(&|| false).unwrap();
    training.advance(&|| false).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin {
        dataset: "rows".to_owned(),
        space: Space::new(3, vec![4, 8], INPUT, CLASSES).unwrap().into(),
        genome: genome.parse().unwrap(),
        seed,
    };
    let written = export::write(&training, origin, folder.path(), "c0001").unwrap();
    assert_eq!(written.epochs, 2.0);
    let loaded = Exported::load(&folder.path().join("c0001.json"), Device::Cpu).unwrap();
    assert_eq!(loaded.description, written);
    let images = split(200).validation;
    assert_eq!(loaded.accuracy(&images).unwrap(), written.accuracy);

    let script = CModule::load(folder.path().join("c0001.pt")).unwrap();
    let plain = images.images().to_kind(Kind::Float);
    let scores = script.forward_ts(&[&plain]).unwrap();
    let hits = scores.argmax(1, false).eq_tensor(images.labels());
    let accuracy = hits.to_kind(Kind::Double).mean(Kind::Double);
    assert!((100.0 * accuracy.double_value(&[]) - written.accuracy).abs() < 1e-9);
}
