use clap::Parser;
use peng_orchestrator::progress::{Epochs as Counted, Snapshot, Summary};
use peng_search::{Search, candidate, lease::Answer, search::Progress};

use super::*;
use crate::{
    cli::{Cli, Command},
    search::{curves::Point, files, text},
};

fn plan(more: &[&str]) -> Plan {
    let line = ["peng4nn", "search", "--workers=0", "--candidates=4"];
    let cli = Cli::try_parse_from(line.iter().chain(more)).unwrap();
    let Command::Search(args) = cli.command else {
        panic!("a search was asked for");
    };
    args.plan().unwrap()
}

fn outcome(ending: Ending, measured: Option<f64>, predicted: Option<f64>, epochs: f64) -> Outcome {
    let stopped = predicted.is_some();
    let reason = match ending {
        Ending::Failed => "out of memory",
        _ if stopped => "settled",
        _ => "",
    };
    Outcome {
        ending,
        measured,
        predicted,
        interval: predicted.map(|value| candidate::Interval {
            lower: value - 1.0,
            upper: value + 1.25,
            level: 0.9,
        }),
        epochs,
        reason: reason.to_owned(),
        stop_epoch: stopped.then_some(6.0),
    }
}

/// A search of which every candidate came to one of these ends.
fn snapshot(plan: &Plan, outcomes: [Outcome; 4]) -> Snapshot {
    let mut search = Search::new(plan.config.settings.clone()).unwrap();
    let (mut trained, mut obeyed) = (0.0, 0.0);
    for outcome in outcomes {
        let Answer::Leased(candidate) = search.lease("w", std::time::SystemTime::UNIX_EPOCH).answer
        else {
            panic!("there is work");
        };
        trained += outcome.epochs;
        obeyed += outcome.stop_epoch.unwrap_or(outcome.epochs);
        let _ = search.settle(candidate.id, None, outcome).unwrap();
    }
    Snapshot {
        candidates: search.candidates().to_vec(),
        summary: Summary {
            paused: false,
            front: search.front(),
            progress: Progress {
                proposed: 0,
                leased: 0,
                settled: 4,
                total: 4,
            },
            epochs: Counted {
                trained,
                obeyed,
                full: 48.0,
            },
        },
    }
}

fn enforced() -> (Plan, Snapshot) {
    let plan = plan(&[]);
    let snapshot = snapshot(
        &plan,
        [
            outcome(Ending::Succeeded, Some(85.25), None, 12.0),
            outcome(Ending::Stopped, Some(80.5), Some(86.75), 6.0),
            outcome(Ending::Failed, None, None, 12.0),
            outcome(Ending::Stopped, Some(70.0), Some(72.0), 6.0),
        ],
    );
    (plan, snapshot)
}

fn advised() -> (Plan, Snapshot) {
    let plan = plan(&["--no-early-stop"]);
    let snapshot = snapshot(
        &plan,
        [
            outcome(Ending::Succeeded, Some(85.0), None, 12.0),
            outcome(Ending::Succeeded, Some(86.0), Some(86.5), 12.0),
            outcome(Ending::Succeeded, Some(74.0), Some(72.5), 12.0),
            outcome(Ending::Failed, None, Some(50.0), 12.0),
        ],
    );
    (plan, snapshot)
}

fn printed(report: &Report) -> String {
    let mut out = Vec::new();
    text::write(&mut out, report, &["results/candidates.csv".into()]).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_verdicts_saved_and_who_is_best() {
    let (plan, snapshot) = enforced();
    let account = Calibration {
        stops: 2,
        covered_50: 1,
        covered_90: 2,
        lost_best: 0,
        best: 1,
        risk: 0.5,
        widening: 1.192,
    };
    let report = Report::new(&plan, &snapshot, Some(account));
    assert_eq!(
        (report.epochs.saved, report.epochs.saved_share),
        (12.0, 0.25)
    );
    assert_eq!(report.best.as_deref(), Some("c0002"));
    assert_eq!(report.best_measured.as_deref(), Some("c0001"));
    assert!(report.comparison.is_none() && report.has_fitness());
    insta::assert_snapshot!("enforced", printed(&report));
}

#[test]
fn advised_predictions_are_compared_with_the_truth() {
    let (plan, snapshot) = advised();
    let report = Report::new(&plan, &snapshot, None);
    let comparison = report.comparison.as_ref().unwrap();
    // 86.5 for 86.0 and 72.5 for 74.0; what failed has no truth.
    assert_eq!(comparison.stops, 2);
    assert_eq!(comparison.mean_absolute_error, Some(1.0));
    assert_eq!(comparison.largest_error, Some(1.5));
    // 86.0 lies within 85.5 to 87.75, 74.0 above 71.5 to 73.75.
    assert_eq!((comparison.intervals, comparison.intervals_held), (2, 1));
    insta::assert_snapshot!("advised", printed(&report));
}

#[test]
fn files_hold_the_report_and_curves_that_can_be_read_again() {
    let (plan, snapshot) = enforced();
    let report = Report::new(&plan, &snapshot, None);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new");
    let curves = [1.0, 2.0].map(|epoch| Point::new("c0001", epoch, 40.0 * epoch));
    let written = files::write(&out, &report, &curves).unwrap();
    let table = std::fs::read_to_string(&written[0]).unwrap();
    assert_eq!(table.lines().count(), 5);
    assert!(
        table.lines().nth(3).unwrap().starts_with("c0003,FAILED,"),
        "{table}"
    );
    let columns = peng_curves::Columns::default();
    let read = peng_curves::read(&written[1], &columns, peng_predict::ValueRange::PERCENT).unwrap();
    assert_eq!((read.len(), read[0].observations.len()), (1, 2));
    let text = std::fs::read_to_string(&written[2]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["epochs"]["saved"], 12.0);
    assert_eq!(json["candidates"][1]["predicted"], 86.75);
    assert_eq!(json["settings"]["seed"], 0);
    assert_eq!(json["candidates"][1]["seed"], report.candidates[1].seed);
    assert!(table.starts_with("candidate,state,genome,generation,flops,parameters,seed,"));
}
