use std::{fs, path::Path, time::SystemTime};

use peng_nets::dataset::{Check, fashion_mnist};
use peng_proto::search::{Lease, Method, Training as Plan};
use peng_search::{Genome, Space, macro_space, sequential};
use peng_worker::train::{Closing, Observation};

use super::*;

/// Four files in the format of Fashion-MNIST, of images as bright as their class is high.
fn write(folder: &Path, count: u32) {
    for part in ["train", "t10k"] {
        let labels: Vec<u8> = (0..count).map(|n| (n % 10) as u8).collect();
        let image = |label: &u8| [25 * label; 784];
        let images = labels.iter().flat_map(image);
        let head = |kind: u8, sizes: &[u32]| {
            let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
            [0, 0, 8, kind]
                .into_iter()
                .chain(sizes)
                .collect::<Vec<u8>>()
        };
        let images: Vec<u8> = head(3, &[count, 28, 28])
            .into_iter()
            .chain(images)
            .collect();
        let file = folder.join(format!("{part}-images-idx3-ubyte"));
        fs::write(file, images).unwrap();
        let file = folder.join(format!("{part}-labels-idx1-ubyte"));
        fs::write(file, [head(1, &[count]), labels].concat()).unwrap();
    }
}

/// The folder is to be kept until the images are read.
fn torch() -> (Torch, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 400);
    let torch = Torch {
        device: Device::Cpu,
        threads: 1,
        stock: Stock::new(folder.path().to_owned(), Check::Any),
        keep: Keep::default(),
    };
    (torch, folder)
}

fn assignment() -> Assignment {
    let space = macro_space::Space::new(2, vec![4, 4], fashion_mnist::INPUT, 10);
    assignment_of(space.unwrap().into(), "11-11")
}

fn assignment_of(space: Space, genome: &str) -> Assignment {
    let genome: Genome = genome.parse().unwrap();
    Assignment {
        continued: false,
        candidate: "searches/s/candidates/c0001".parse().unwrap(),
        lease: Lease {
            token: "t".to_owned(),
            expires: SystemTime::UNIX_EPOCH,
            duration: std::time::Duration::from_secs(1),
        },
        network: space.decode(&genome).unwrap(),
        space,
        genome,
        seed: 1,
        attempt: 1,
        training: Plan {
            dataset: "fashion-mnist".to_owned(),
            epochs: 2,
            train_images: 300,
            validation_images: 100,
            batch_size: 20,
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 0.0,
            split_seed: 1,
            method: Method::default(),
        },
        trial: "experiments/s/trials/c0001-1".parse().unwrap(),
        predictor: None,
    }
}

#[test]
fn a_candidate_trains_the_same_twice_and_is_cancelled() {
    let (torch, _folder) = torch();
    let curve = || {
        let mut training = torch.start(&assignment()).unwrap();
        let mut epoch = || training.advance(&|| false).unwrap().unwrap();
        [epoch(), epoch()].map(|epoch| (epoch.epoch.to_bits(), epoch.value.to_bits(), epoch.images))
    };
    let first = curve();
    assert_eq!(first, curve());
    let accuracy = f64::from_bits(first[1].1);
    assert!(accuracy > 15.0, "{accuracy} % is no better than chance");
    let mut training = torch.start(&assignment()).unwrap();
    assert_eq!(training.advance(&|| true).unwrap(), None);
}

type Change = fn(&mut Plan);

#[test]
fn what_no_candidate_could_train_with_is_the_workers_fault() {
    let (torch, _folder) = torch();
    let changes: [(&str, Change); 4] = [
        ("there is no data set nothing", |plan| {
            plan.dataset = "nothing".to_owned();
        }),
        ("more than the 400", |plan| plan.train_images = 1_000),
        ("batch", |plan| plan.batch_size = 301),
        ("momentum", |plan| plan.momentum = 2.0),
    ];
    for (wrong, change) in changes {
        let mut assignment = assignment();
        change(&mut assignment.training);
        match torch.start(&assignment).err() {
            Some(Failure::Worker(cause)) => {
                assert!(cause.to_string().contains(wrong), "{cause}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_sequential_network_trains_with_what_it_has_of_its_own() {
    let limits = sequential::Limits {
        layers: (1, 1),
        dense: (0, 0),
        ..sequential::Limits::default()
    };
    let space = sequential::Space::new(limits, fashion_mnist::INPUT, 10).unwrap();
    let genome = r#"{"layers":1,"dense":0,"conv1_filters":8,"conv1_kernel":3,"conv1_stride":2,
        "conv1_padding":"same","conv1_pool":"max","batch_size":64,"learning_rate":0.05,
        "momentum":0.5,"weight_decay":0.001}"#;
    let assignment = assignment_of(space.into(), genome);
    let settings = plan::settings(&assignment.training, &assignment.network, Device::Cpu);
    assert_eq!(settings.batch, 64);
    assert_eq!(settings.momentum.to_bits(), 0.5_f64.to_bits());
    let (torch, _folder) = torch();
    let mut training = torch.start(&assignment).unwrap();
    // Four whole batches of 64 in 300 images.
    let observation = training.advance(&|| false).unwrap().unwrap();
    assert_eq!(observation.images, 256);
}

#[test]
fn a_network_too_large_is_the_candidates_fault_and_the_next_one_trains() {
    let (torch, _folder) = torch();
    let limits = sequential::Limits {
        layers: (1, 1),
        dense: (1, 1),
        filters: vec![4096],
        units: vec![4096],
        ..sequential::Limits::default()
    };
    let space = sequential::Space::new(limits, fashion_mnist::INPUT, 10).unwrap();
    // 13 thousand million weights between the layers.
    let genome = r#"{"layers":1,"dense":1,"dense1_units":4096,"dense1_dropout":0.5,
        "conv1_filters":4096,"conv1_kernel":1,"conv1_stride":1,"conv1_padding":"same",
        "conv1_pool":"none","batch_size":64,"learning_rate":0.05,"momentum":0.5,
        "weight_decay":0.001}"#;
    match torch.start(&assignment_of(space.into(), genome)).err() {
        Some(Failure::Candidate(cause)) => {
            let source = cause.source().unwrap().to_string();
            assert!(source.contains("parameters: at most"), "{source}");
        }
        other => panic!("{other:?}"),
    }
    let mut training = torch.start(&assignment()).unwrap();
    assert!(training.advance(&|| false).unwrap().is_some());
}

#[test]
fn a_candidate_goes_on_from_its_checkpoint_and_leaves_its_network() {
    let (mut torch, folder) = torch();
    let mut assignment = assignment();
    assignment.training.epochs = 4;
    assignment.training.method.validations_per_epoch = 2;
    let observe = |training: &mut Box<dyn Training>| training.advance(&|| false).unwrap().unwrap();
    let mut training = torch.start(&assignment).unwrap();
    let whole: Vec<_> = (0..8).map(|_| observe(&mut training)).collect();
    torch.keep = Keep {
        checkpoints: Some(folder.path().join("checkpoints")),
        every: std::time::Duration::ZERO,
        networks: Some(folder.path().join("networks")),
        best: 1,
    };
    let mut training = torch.start(&assignment).unwrap();
    for _ in 0..3 {
        observe(&mut training);
    }
    let asked = std::cell::Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    assert_eq!(training.advance(&interrupted).unwrap(), None);
    training.close(Closing::Save);

    assignment.attempt = 2;
    let mut training = torch.start(&assignment).unwrap();
    for whole in &whole {
        let part = observe(&mut training);
        let key = |o: &Observation| (o.epoch.to_bits(), o.value.to_bits(), o.loss.to_bits());
        assert_eq!(key(&part), key(whole));
    }
    training.close(Closing::Settled { trained: true });
    assert!(!folder.path().join("checkpoints/s/c0001").exists());
    let network = folder.path().join("networks/s/c0001.json");
    let loaded = peng_nets::export::Exported::load(&network, Device::Cpu).unwrap();
    assert_eq!(
        loaded.description.accuracy.to_bits(),
        whole[7].value.to_bits()
    );
}

#[test]
fn checkpoints_more_often_than_a_measurement_takes_do_not_hold_it_up() {
    let (mut torch, folder) = torch();
    write(folder.path(), 900);
    torch.keep.checkpoints = Some(folder.path().join("checkpoints"));
    let mut assignment = assignment();
    // Three batches of them.
    assignment.training.validation_images = 600;
    let mut training = torch.start(&assignment).unwrap();
    let asked = std::cell::Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() > 200
    };
    let observation = training.advance(&interrupted).unwrap();
    assert_eq!(observation.unwrap().images, 300);
}
