//! The engine against what was published: PENGUIN's stop epochs, A4NN's fits.
//!
//! The data lie beside the repository; without them the tests say so and pass, except where `CI`
//! is set.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt;
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
    converged: bool,
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
                converged: cells[5] == "True",
                parameters,
            });
    }
    Some(networks)
}

/// What was counted over the fits of a kind of campaign.
#[derive(Debug, Default)]
struct Count {
    rows: u32,
    /// Of them with enough points for a published fit, and all with one of ours.
    fits: u32,
    /// Fits that have a published prediction; the authors' solver failed at the others.
    published: u32,
    /// Predictions that agree within 0.05.
    agree: u32,
    /// With published parameters, which our sum of squares is never above.
    with_parameters: u32,
    /// With a sum of squares below that of the published parameters, which are no optimum.
    beaten: u32,
    /// The predictions that agree among those of published optima.
    agree_at_optimum: u32,
    /// Predictions that are also those of some curve with our sum of squares: where no parameters
    /// are published, these are what can have been an optimum.
    reached: u32,
    /// The predictions that agree among these.
    agree_reached: u32,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows; {} fits, none of ours fails, {} of the published do; {} of {} published \
             predictions agree within 0.05",
            self.rows,
            self.fits,
            self.fits - self.published,
            self.agree,
            self.published,
        )?;
        if self.with_parameters > 0 {
            write!(
                f,
                "; {} published parameters, none better than ours, {} worse; {} of {} predictions \
                 of published optima agree",
                self.with_parameters,
                self.beaten,
                self.agree_at_optimum,
                self.with_parameters - self.beaten,
            )?;
        }
        if self.reached > 0 {
            write!(
                f,
                "; {} predictions are of no curve with our sum of squares; {} of the other {} agree",
                self.published - self.reached,
                self.agree_reached,
                self.reached,
            )?;
        }
        Ok(())
    }
}

/// The least sum of squares of the curves within the published bounds whose value at 25 is this,
/// as far as a fine scan of the decay finds it; x from 0.
fn least_through(x: &[f64], y: &[f64], prediction: f64) -> f64 {
    // F(x) = prediction + k h(x) with h(x) = b^-25 - b^-x and k = b^c.
    let squares = |rate: f64| {
        let rest = (-25.0 * rate).exp();
        let h = x.iter().map(|x| rest - (-rate * x).exp());
        let (mut hh, mut hy) = (0.0, 0.0);
        for (h, y) in h.clone().zip(y) {
            hh += h * h;
            hy += h * (y - prediction);
        }
        let k = (hy / hh).max(1.0).min((200.0 - prediction) / rest);
        let residuals = h.zip(y).map(|(h, y)| y - prediction - k * h);
        residuals.map(|residual| residual * residual).sum::<f64>()
    };
    let constant = y.iter().map(|y| (y - prediction).powi(2)).sum::<f64>();
    let (start, step) = (1e-7_f64.ln(), 0.05);
    let scan: Vec<f64> = (0..400)
        .map(|index| squares((start + step * f64::from(index)).exp()))
        .collect();
    let mut least = scan.iter().copied().fold(constant, f64::min);
    for (index, three) in scan.windows(3).enumerate() {
        if three[1] <= three[0] && three[1] <= three[2] {
            // Ever smaller steps to the lower side.
            let mut at = start + step * (index + 1) as f64;
            let (mut here, mut stride) = (three[1], step);
            while stride > 1e-9 {
                stride *= 0.5;
                for side in [at - stride, at + stride] {
                    let there = squares(side.exp());
                    if there < here {
                        (at, here) = (side, there);
                    }
                }
            }
            least = least.min(here);
        }
    }
    least
}

#[test]
fn a4nn_fits_are_met_or_beaten() {
    let Some(networks) = networks() else { return };
    let mut counts = BTreeMap::<_, Count>::new();
    for ((campaign, arch), rows) in &networks {
        let kind = campaign.rsplit('_').next().unwrap();
        let count = counts.entry(kind).or_default();
        let x: Vec<f64> = rows.iter().map(|row| row.epoch).collect();
        let y: Vec<f64> = rows.iter().map(|row| row.value).collect();
        count.rows += u32::try_from(rows.len()).unwrap();
        for (index, row) in rows.iter().enumerate().skip(3) {
            let (x, y) = (&x[..=index], &y[..=index]);
            let curve = fit::fit(Name::Exp, x, y).unwrap();
            assert!(curve.value(25.0).is_finite());
            count.fits += 1;
            if !row.prediction.is_finite() {
                continue;
            }
            count.published += 1;
            let agrees = u32::from((curve.value(25.0) - row.prediction).abs() <= 0.05);
            count.agree += agrees;
            let published = row
                .parameters
                .map(|p| fit::sum_of_squares(Name::Exp, &p, x, y));
            let Some(published) = published.filter(|sse| sse.is_finite()) else {
                if least_through(x, y, row.prediction) <= curve.sse * (1.0 + 1e-6) {
                    count.reached += 1;
                    count.agree_reached += agrees;
                }
                continue;
            };
            count.with_parameters += 1;
            assert!(
                curve.sse <= published * (1.0 + 1e-6),
                "{campaign} {arch} epoch {}: {} > {published}",
                row.epoch,
                curve.sse
            );
            if curve.sse < published * (1.0 - 1e-6) {
                count.beaten += 1;
            } else {
                count.agree_at_optimum += agrees;
            }
        }
    }
    for (kind, count) in &counts {
        println!("{kind}: {count}");
    }
    let (stopping, full) = (&counts["stopping"], &counts["full"]);
    assert_eq!((stopping.rows, full.rows), (5551, 7500));
    // 300 networks each, without a fit at their first three epochs.
    assert_eq!((stopping.fits, full.fits), (5551 - 900, 7500 - 900));
    assert_eq!(stopping.with_parameters, stopping.published);
    let at_optimum = f64::from(stopping.with_parameters - stopping.beaten);
    assert!(f64::from(stopping.agree_at_optimum) >= 0.99 * at_optimum);
    assert!(f64::from(full.agree_reached) >= 0.99 * f64::from(full.reached));
    assert!(f64::from(full.reached) >= 0.9 * f64::from(full.published));
}

/// The published verdict of each network beside ours, and why they differ: a fit of the authors
/// that failed, or that is no optimum, is in their window or would have been in ours.
#[test]
fn a4nn_verdicts_differ_only_where_a_published_fit_is_no_optimum() {
    let Some(networks) = networks() else { return };
    let mut settings = Settings::accuracy(Epoch::new(26.0).unwrap());
    settings.policy = policy::Spec::Peng4nn(peng4nn::Spec::a4nn());
    let settings = Arc::new(settings);
    let (mut same, mut failed, mut apart, mut other) = (0, 0, 0, Vec::new());
    let (mut earlier, mut later) = (0, 0);
    for ((campaign, arch), rows) in &networks {
        let theirs = rows.iter().position(|row| row.converged);
        let mut session = Session::new(Arc::clone(&settings));
        let mut ours = None;
        let mut predictions = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let epoch = Epoch::new(row.epoch + 1.0).unwrap();
            let decision = session.observe(Observation::new(epoch, row.value)).unwrap();
            if decision.is_stop() && ours.is_none() {
                ours = Some(index);
            }
            predictions.push(decision.prediction.map(|prediction| prediction.fitness));
        }
        if ours == theirs {
            same += 1;
            continue;
        }
        // Without a stop is later than any.
        if ours.unwrap_or(rows.len()) < theirs.unwrap_or(rows.len()) {
            earlier += 1;
        } else {
            later += 1;
        }
        let first = ours.into_iter().chain(theirs).min().unwrap();
        let window = first.saturating_sub(2)..=first;
        if rows[window.clone()]
            .iter()
            .any(|row| !row.prediction.is_finite())
        {
            failed += 1;
        } else if window.into_iter().any(|index| {
            let ours = predictions[index].unwrap_or(f64::INFINITY);
            (ours - rows[index].prediction).abs() > 1e-5
        }) {
            apart += 1;
        } else {
            other.push((campaign, arch, ours, theirs));
        }
    }
    println!(
        "{same} of {} networks stop at the same epoch; {failed} differ by a published fit that \
         failed, {apart} by one that is another than the least squares, {} otherwise: {other:?}; \
         {earlier} stop earlier than published, {later} later",
        networks.len(),
        other.len()
    );
    assert!(other.is_empty());
    assert!(same >= networks.len() * 3 / 4);
}
