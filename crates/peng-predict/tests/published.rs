//! The engine against what was published: PENGUIN's stop epochs, A4NN's fits.
//!
//! The data lie beside the repository; without them the tests say so and pass, except where `CI`
//! is set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::GzDecoder;
use peng_predict::experiment::Settings;
use peng_predict::family::Name;
use peng_predict::policy::{self, peng4nn};
use peng_predict::trial::Session;
use peng_predict::{Epoch, Observation, fit};

fn golden(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/golden")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        path.display()
    );
    println!("skipped: {} is missing", path.display());
    None
}

/// The stop epoch and the prediction of a trial whose value was observed every half epoch.
fn stop(values: &[f64], spec: peng4nn::Spec) -> Option<(f64, f64)> {
    let mut settings = Settings::accuracy(Epoch::new(20.0).unwrap());
    settings.policy = policy::Spec::Peng4nn(spec);
    let mut session = Session::new(Arc::new(settings));
    for (index, &value) in values.iter().enumerate() {
        let epoch = Epoch::new((index + 1) as f64 / 2.0).unwrap();
        session.observe(Observation::new(epoch, value)).unwrap();
    }
    let (epoch, decision) = session.stop()?;
    Some((epoch.get(), decision.prediction.as_ref()?.fitness))
}

#[test]
fn penguin_networks_stop_where_published() {
    let Some(folder) = golden("penguin_cifar100") else {
        return;
    };
    for (file, epoch, fitness, tolerance) in [
        // The network that never learns: the authors' solver stays at its start there.
        ("2021_02_15_13_56_59_917381.csv", 3.0, 1.189, 0.2),
        ("2021_02_15_13_55_26_539263.csv", 4.0, 25.712, 1e-3),
        ("2021_02_15_14_01_32_105932.csv", 8.5, 22.820, 1e-3),
    ] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let values: Vec<f64> = text
            .lines()
            .skip(1)
            .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
            .collect();
        let (at, predicted) = stop(&values, peng4nn::Spec::penguin()).unwrap();
        assert!((at - epoch).abs() < 1e-12, "{file} stopped at {at}");
        assert!(
            (predicted - fitness).abs() < tolerance,
            "{file}: {predicted}"
        );
    }
}

/// The same rule on curves that are ours.
#[test]
fn synthetic_networks_stop_once_their_curve_is_known() {
    let exact: Vec<f64> = (1..=39)
        .map(|x| 60.0 - 1.4_f64.powf(8.0 - f64::from(x)))
        .collect();
    let (at, fitness) = stop(&exact, peng4nn::Spec::penguin()).unwrap();
    assert!(
        (at - 2.5).abs() < 1e-12,
        "three points give the curve, two more confirm: {at}"
    );
    assert!(
        (fitness - (60.0 - 1.4_f64.powf(-32.0))).abs() < 1e-6,
        "{fitness}"
    );

    let rising: Vec<f64> = (1..=39).map(f64::from).collect();
    assert_eq!(stop(&rising, peng4nn::Spec::penguin()), None);
}

struct Row {
    epoch: f64,
    value: f64,
    prediction: f64,
    parameters: Option<[f64; 3]>,
}

fn networks() -> Option<BTreeMap<(String, String), Vec<Row>>> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(golden("a4nn_fits.csv.gz")?).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut networks = BTreeMap::<_, Vec<Row>>::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>();
        let parameters = match (number(6), number(7), number(8)) {
            (Ok(a), Ok(b), Ok(c)) => Some([a, b, c]),
            _ => None,
        };
        networks
            .entry((cells[0].to_owned(), cells[1].to_owned()))
            .or_default()
            .push(Row {
                epoch: number(2).unwrap(),
                value: number(3).unwrap(),
                prediction: number(4).unwrap_or(f64::INFINITY),
                parameters,
            });
    }
    Some(networks)
}

#[test]
fn a4nn_fits_are_met_or_beaten() {
    let Some(networks) = networks() else { return };
    let (mut fits, mut beaten, mut at_optimum, mut agree) = (0, 0, 0, 0);
    for ((campaign, arch), rows) in &networks {
        let x: Vec<f64> = rows.iter().map(|row| row.epoch).collect();
        let y: Vec<f64> = rows.iter().map(|row| row.value).collect();
        for (index, row) in rows.iter().enumerate().skip(3) {
            let (x, y) = (&x[..=index], &y[..=index]);
            let curve = fit::fit(Name::Exp, x, y).unwrap();
            let Some(parameters) = row.parameters.filter(|_| row.prediction.is_finite()) else {
                continue;
            };
            let published = fit::sum_of_squares(Name::Exp, &parameters, x, y);
            if !published.is_finite() {
                continue;
            }
            fits += 1;
            assert!(
                curve.sse <= published * (1.0 + 1e-6),
                "{campaign} {arch} epoch {}: {} > {published}",
                row.epoch,
                curve.sse
            );
            if curve.sse < published * (1.0 - 1e-6) {
                beaten += 1;
            } else {
                at_optimum += 1;
                agree += i32::from((curve.value(25.0) - row.prediction).abs() <= 0.05);
            }
        }
    }
    println!(
        "{fits} fits, {beaten} beaten, {at_optimum} at the optimum, {agree} predictions agree"
    );
    assert!(fits > 4000);
    assert!(f64::from(agree) >= 0.99 * f64::from(at_optimum));
}
