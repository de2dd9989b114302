//! Reports by calls, one under way for each trial; and calls that are sent back.

use std::sync::Arc;

use peng_proto::v1;
use tokio::{task::JoinSet, time::Instant};

use super::load::{Client, Load, Pace, Trial, all, told};

/// Reports until all trials have ended or the time is over.
pub(super) async fn run(
    load: &Arc<Load>,
    clients: &[Client],
    in_flight: u32,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for index in 0..in_flight {
        let load = load.clone();
        let mut client = clients[index as usize % clients.len()].clone();
        let mut pace = load.pace(start, f64::from(index) / f64::from(in_flight));
        tasks.spawn(async move {
            while let Some(trial) = load.next(&mut client).await? {
                if !report(&load, trial, &mut client, &mut pace).await? {
                    break;
                }
            }
            Ok(())
        });
    }
    all(tasks).await
}

/// Reports a trial to its end; false when the time is over before.
async fn report(
    load: &Load,
    trial: Trial,
    client: &mut Client,
    pace: &mut Pace,
) -> anyhow::Result<bool> {
    let mut stopped = false;
    for epoch in 1..=load.epochs {
        let Some(due) = pace.due().await else {
            return Ok(false);
        };
        let request = v1::ReportObservationRequest {
            trial: trial.name.clone(),
            observation: Some(load.observation(&trial, epoch)),
        };
        let answer = client.report_observation(request).await;
        let answer = answer
            .map_err(|status| told(&trial.name, &status))?
            .into_inner();
        load.tally.answered(trial.number, due.elapsed(), false);
        stopped = answer.decision.is_some_and(|decision| decision.must_stop);
        if stopped {
            break;
        }
    }
    load.end(client, trial, stopped).await?;
    Ok(true)
}
