//! What a policy saved, and what it cost the search.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::metric::Goal;
use crate::policy::Calibration;
use crate::prediction::Interval;
use crate::reason::ReasonCode;
use crate::replay::{Replay, State, Trial};

/// How a policy did on the curves of an experiment. Values are in the metric's unit: points, for
/// an accuracy in percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Share of all epochs that were not trained.
    pub epochs_saved: f64,
    /// How many times as many trials fit into the same number of epochs.
    pub throughput_factor: f64,
    /// Share of the true best fraction that is in the reported best fraction; a trial as good as
    /// the last of them counts.
    pub best_kept: f64,
    /// Mean truth of the true best fraction less that of the reported one.
    pub best_mean_difference: f64,
    /// Mean absolute difference of reported and true fitness.
    pub mae: f64,
    /// Kendall's tau-b of reported and true fitness; zero where one of them is constant.
    pub kendall_tau: f64,
    /// True fitness of the best less that of the first-ranked.
    pub regret: f64,
    /// Share of the trials that were stopped.
    pub stopped: f64,
    /// Share of the trials stopped for each reason.
    pub stopped_why: BTreeMap<ReasonCode, f64>,
    /// Share of the stopped trials' 50 % intervals that hold the true fitness; none where no
    /// stopped trial reports one.
    pub coverage_50: Option<f64>,
    /// The same of their 90 % intervals.
    pub coverage_90: Option<f64>,
    /// Share of the true best fraction that is lost by a stop: stopped, whatever the reason, and
    /// with what it reported not in the reported best fraction. A trial whose place is taken by
    /// one that is as good as the last of the best is not lost; none without trials.
    pub false_stop_rate: Option<f64>,
    /// The policy's own account at the end, by the trials that it did not stop to check itself:
    /// their numbers are summed, the widening is a mean. None where it keeps none.
    pub calibration: Option<Calibration>,
    /// Median time of a decision, in microseconds.
    pub decision_us_p50: f64,
    /// The time within which 99 % of the decisions were made, in microseconds.
    pub decision_us_p99: f64,
}

impl Summary {
    /// Sums up a replay; `best` is the fraction that the search keeps, in (0, 1].
    pub fn new(replay: &Replay, goal: Goal, best: f64) -> Self {
        let trials = &replay.trials;
        if trials.is_empty() {
            return Self::default();
        }
        let count = trials.len() as f64;
        let (used, all) = trials.iter().fold((0.0, 0.0), |(used, all), trial| {
            (used + trial.epochs, all + trial.all_epochs)
        });
        let choice = Choice::new(trials, goal, best);
        let mut stopped_why = BTreeMap::new();
        for reason in trials.iter().filter_map(|trial| trial.reason) {
            *stopped_why.entry(reason.code()).or_default() += 1.0 / count;
        }
        let off = |trial: &Trial| (trial.reported - trial.truth).abs();
        let stopped = |trial: &&Trial| trial.state == State::Stopped;
        Self {
            epochs_saved: 1.0 - used / all,
            throughput_factor: all / used,
            best_kept: choice.kept,
            best_mean_difference: choice.mean_difference,
            mae: trials.iter().map(off).sum::<f64>() / count,
            kendall_tau: kendall_tau(trials),
            regret: choice.regret,
            stopped: trials.iter().filter(stopped).count() as f64 / count,
            stopped_why,
            coverage_50: coverage(trials.iter().map(|trial| (trial, trial.interval_50))),
            coverage_90: coverage(trials.iter().map(|trial| (trial, trial.interval))),
            false_stop_rate: Some(choice.lost_by_stops),
            calibration: replay.calibration,
            decision_us_p50: percentile(&replay.decisions, 0.5),
            decision_us_p99: percentile(&replay.decisions, 0.99),
        }
    }

    /// The mean of several summaries, field by field; a reason missing in one counts as zero, a
    /// share that one does not have does not count.
    pub fn mean(summaries: &[Self]) -> Self {
        let count = summaries.len().max(1) as f64;
        let mean = |field: fn(&Self) -> f64| summaries.iter().map(field).sum::<f64>() / count;
        let mut stopped_why = BTreeMap::new();
        for (&code, share) in summaries.iter().flat_map(|summary| &summary.stopped_why) {
            *stopped_why.entry(code).or_default() += share / count;
        }
        let known = |field: fn(&Self) -> Option<f64>| {
            let known: Vec<f64> = summaries.iter().filter_map(field).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        Self {
            epochs_saved: mean(|summary| summary.epochs_saved),
            throughput_factor: mean(|summary| summary.throughput_factor),
            best_kept: mean(|summary| summary.best_kept),
            best_mean_difference: mean(|summary| summary.best_mean_difference),
            mae: mean(|summary| summary.mae),
            kendall_tau: mean(|summary| summary.kendall_tau),
            regret: mean(|summary| summary.regret),
            stopped: mean(|summary| summary.stopped),
            stopped_why,
            coverage_50: known(|summary| summary.coverage_50),
            coverage_90: known(|summary| summary.coverage_90),
            false_stop_rate: known(|summary| summary.false_stop_rate),
            calibration: Calibration::sum(summaries.iter().filter_map(|s| s.calibration)),
            decision_us_p50: mean(|summary| summary.decision_us_p50),
            decision_us_p99: mean(|summary| summary.decision_us_p99),
        }
    }
}

/// What the search chooses by what it was told.
struct Choice {
    kept: f64,
    mean_difference: f64,
    regret: f64,
    lost_by_stops: f64,
}

impl Choice {
    fn new(trials: &[Trial], goal: Goal, best: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of their number"
        )]
        let count = ((trials.len() as f64 * best).round() as usize).clamp(1, trials.len());
        let truth = |trial: &&Trial| goal.score(trial.truth);
        let mut by_truth: Vec<&Trial> = trials.iter().collect();
        by_truth.sort_by(|a, b| truth(b).total_cmp(&truth(a)));
        // The sort is stable: of equal reports the earlier curve is taken.
        let mut by_report: Vec<&Trial> = trials.iter().collect();
        by_report.sort_by(|a, b| goal.score(b.reported).total_cmp(&goal.score(a.reported)));
        let (best, (chosen, left)) = (&by_truth[..count], by_report.split_at(count));
        let last = truth(&best[count - 1]);
        let kept = chosen.iter().filter(|trial| truth(trial) >= last).count();
        let stopped = |trial: &&&Trial| trial.state == State::Stopped && truth(trial) >= last;
        let by_stops = left.iter().filter(stopped).count().min(count - kept);
        let mean = |some: &[&Trial]| some.iter().map(truth).sum::<f64>() / count as f64;
        Self {
            kept: kept as f64 / count as f64,
            mean_difference: mean(best) - mean(chosen),
            regret: truth(&best[0]) - truth(&chosen[0]),
            lost_by_stops: by_stops as f64 / count as f64,
        }
    }
}

/// Share of the intervals that hold their trial's truth.
fn coverage<'a>(trials: impl Iterator<Item = (&'a Trial, Option<Interval>)>) -> Option<f64> {
    let (mut count, mut held) = (0_usize, 0_usize);
    for (trial, interval) in trials {
        if let Some(interval) = interval {
            count += 1;
            held += usize::from((interval.lower..=interval.upper).contains(&trial.truth));
        }
    }
    (count > 0).then(|| held as f64 / count as f64)
}

/// Kendall's tau-b (Kendall, *The treatment of ties in ranking problems*, Biometrika 33, 1945).
fn kendall_tau(trials: &[Trial]) -> f64 {
    let sign = |a: f64, b: f64| match a.partial_cmp(&b) {
        Some(std::cmp::Ordering::Less) => -1.0,
        Some(std::cmp::Ordering::Greater) => 1.0,
        _ => 0.0,
    };
    let (mut agree, mut apart_in_report, mut apart_in_truth) = (0.0, 0.0, 0.0);
    for (index, one) in trials.iter().enumerate() {
        for other in &trials[..index] {
            let report: f64 = sign(one.reported, other.reported);
            let truth: f64 = sign(one.truth, other.truth);
            agree += report * truth;
            apart_in_report += report * report;
            apart_in_truth += truth * truth;
        }
    }
    let scale = f64::sqrt(apart_in_report * apart_in_truth);
    if scale > 0.0 { agree / scale } else { 0.0 }
}

/// The time, in microseconds, that this share of the times does not exceed.
fn percentile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of their number"
    )]
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(place.saturating_sub(1))
        .map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
