//! The trials of a run: made, handed out, ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::anyhow;
use peng_client::Transport;
use peng_predict::experiment::Settings;
use peng_proto::v1::{self, prediction_service_client::PredictionServiceClient};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::Status;

use super::{args::BenchArgs, curves::Curves, tally::Tally};

/// A client that tries nothing again.
pub(super) type Client = PredictionServiceClient<Transport>;

/// Calls under way at a time while trials are made.
const MAKERS: usize = 64;

/// The most trials that are made before the measurement; more are made in it.
const AHEAD: u32 = 200_000;

/// What everyone who reports shares.
#[derive(Debug)]
pub(super) struct Load {
    experiment: String,
    trials: u32,
    pub(super) epochs: u32,
    pub(super) window: usize,
    curves: Curves,
    pub(super) tally: Tally,
    ahead: u32,
    next: AtomicU32,
    /// Between two observations of one who reports, where the rate is bounded.
    pause: Option<Duration>,
    seconds: Duration,
}

/// A trial that someone reports to.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) number: u32,
    pub(super) name: String,
}

impl Load {
    /// A new experiment on the server.
    pub(super) async fn create(
        args: &BenchArgs,
        curves: &[peng_curves::Curve],
        settings: &Settings,
        client: &mut Client,
    ) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let id = format!("bench-{}", now.unwrap_or_default().as_micros());
        let request = v1::CreateExperimentRequest {
            experiment_id: id.clone(),
            experiment: Some(peng_proto::experiment::to_wire(settings)),
        };
        let created = client.create_experiment(request).await;
        created.map_err(|status| told("the experiment is refused", &status))?;
        let share = f64::from(args.at_a_time());
        Ok(Self {
            experiment: format!("experiments/{id}"),
            trials: args.trials,
            epochs: args.epochs,
            window: args.window.into(),
            curves: Curves::new(curves, args.epochs),
            tally: Tally::new(args.trials),
            ahead: args.rate.map_or(args.trials.min(AHEAD), |_| 0),
            next: AtomicU32::new(0),
            pause: args
                .rate
                .map(|rate| Duration::from_secs_f64(share / f64::from(rate))),
            seconds: Duration::from_secs(args.seconds.into()),
        })
    }

    /// Makes trials before the measurement.
    pub(super) async fn make_ahead(self: &Arc<Self>, clients: &[Client]) -> anyhow::Result<()> {
        let next = Arc::new(AtomicU32::new(0));
        let mut makers = JoinSet::new();
        for maker in 0..MAKERS {
            let (load, next) = (self.clone(), next.clone());
            let mut client = clients[maker % clients.len()].clone();
            makers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= load.ahead {
                        return Ok(());
                    }
                    load.make(&mut client, number).await?;
                }
            });
        }
        all(makers).await
    }

    async fn make(&self, client: &mut Client, number: u32) -> anyhow::Result<()> {
        let request = v1::CreateTrialRequest {
            parent: self.experiment.clone(),
            trial_id: format!("t{number}"),
            trial: None,
        };
        let made = client.create_trial(request).await;
        made.map_err(|status| told("a trial is refused", &status))?;
        Ok(())
    }

    /// The next trial; `None` when none is left.
    pub(super) async fn next(&self, client: &mut Client) -> anyhow::Result<Option<Trial>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.trials {
            return Ok(None);
        }
        if number >= self.ahead {
            self.make(client, number).await?;
        }
        let name = format!("{}/trials/t{number}", self.experiment);
        Ok(Some(Trial { number, name }))
    }

    /// Ends a trial that has reported all that it will.
    pub(super) async fn end(
        &self,
        client: &mut Client,
        trial: Trial,
        stopped: bool,
    ) -> anyhow::Result<()> {
        self.tally.ended(stopped);
        if !stopped {
            let request = v1::CompleteTrialRequest {
                name: trial.name,
                state: v1::TrialState::Succeeded.into(),
                message: String::new(),
            };
            let ended = client.complete_trial(request).await;
            ended.map_err(|status| told("the end of a trial is refused", &status))?;
        }
        Ok(())
    }

    /// Trials that are made before the measurement.
    pub(super) const fn ahead(&self) -> u32 {
        self.ahead
    }

    /// What a trial reports.
    pub(super) fn observation(&self, trial: &Trial, epoch: u32) -> v1::Observation {
        self.curves.observation(trial.number, epoch)
    }

    /// When one who starts now reports, the `share`-th of all.
    pub(super) fn pace(&self, start: Instant, share: f64) -> Pace {
        Pace {
            next: start + self.pause.unwrap_or_default().mul_f64(share),
            pause: self.pause,
            end: start + self.seconds,
        }
    }
}

/// When one who reports does so.
#[derive(Debug)]
pub(super) struct Pace {
    next: Instant,
    pause: Option<Duration>,
    end: Instant,
}

impl Pace {
    /// Waits until the next observation is due; `None` when the time is over. One whose wait is
    /// dropped is due still.
    pub(super) async fn due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        if now >= self.end {
            return None;
        }
        let Some(pause) = self.pause else {
            return Some(now);
        };
        let due = self.next;
        if due > now {
            sleep_until(due).await;
        }
        self.next = due + pause;
        Some(due)
    }
}

/// An error of the server.
pub(super) fn told(what: &str, status: &Status) -> anyhow::Error {
    anyhow!("{what}: {:?}: {}", status.code(), status.message())
}

/// Waits for all; the first error ends the rest.
pub(super) async fn all(mut tasks: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
