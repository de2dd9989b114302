//! Reports over streams, several observations under way on each.

use std::{collections::VecDeque, sync::Arc};

use anyhow::{Context, bail};
use peng_proto::v1::{self, stream_observations_response::Result as Answer};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::load::{Client, Load, Pace, Trial, all, told};

/// An open stream.
pub(super) struct Stream {
    client: Client,
    requests: mpsc::Sender<v1::StreamObservationsRequest>,
    answers: Streaming<v1::StreamObservationsResponse>,
    /// When each observation under way was due.
    due: VecDeque<Instant>,
}

/// So many streams, all open.
pub(super) async fn open(
    load: &Load,
    clients: &[Client],
    streams: u32,
) -> anyhow::Result<Vec<Stream>> {
    let mut open = Vec::new();
    for index in 0..streams as usize {
        let mut client = clients[index % clients.len()].clone();
        let (requests, queue) = mpsc::channel(load.window);
        let answers = client
            .stream_observations(ReceiverStream::new(queue))
            .await
            .map_err(|status| told(&format!("stream {} is refused", index + 1), &status))?;
        open.push(Stream {
            client,
            requests,
            answers: answers.into_inner(),
            due: VecDeque::with_capacity(load.window),
        });
    }
    Ok(open)
}

/// Reports over all streams until all trials have ended or the time is over.
pub(super) async fn run(load: &Arc<Load>, streams: Vec<Stream>) -> anyhow::Result<()> {
    let start = Instant::now();
    let count = streams.len() as f64;
    let mut tasks = JoinSet::new();
    for (index, mut stream) in streams.into_iter().enumerate() {
        let load = load.clone();
        let mut pace = load.pace(start, index as f64 / count);
        tasks.spawn(async move {
            while let Some(trial) = load.next(&mut stream.client).await? {
                if !stream.report(&load, trial, &mut pace).await? {
                    break;
                }
            }
            Ok(())
        });
    }
    all(tasks).await
}

impl Stream {
    /// Reports a trial to its end; false when the time is over before.
    async fn report(&mut self, load: &Load, trial: Trial, pace: &mut Pace) -> anyhow::Result<bool> {
        let (mut sent, mut stopped, mut in_time) = (0, false, true);
        loop {
            let has_more = in_time && !stopped && sent < load.epochs;
            let may_send = has_more && self.due.len() < load.window;
            if !may_send && self.due.is_empty() {
                break;
            }
            // Answers are read as they come, also while nothing is due.
            tokio::select! {
                biased;
                due = pace.due(), if may_send => match due {
                    Some(due) => {
                        sent += 1;
                        self.send(load, &trial, sent, due).await?;
                    }
                    None => in_time = false,
                },
                must_stop = self.decision(&trial), if !self.due.is_empty() => {
                    let must_stop = must_stop?;
                    let due = self.due.pop_front().context("an answer to nothing")?;
                    load.tally.answered(trial.number, due.elapsed(), stopped);
                    stopped |= must_stop;
                }
            }
        }
        if in_time {
            load.end(&mut self.client, trial, stopped).await?;
        }
        Ok(in_time)
    }

    async fn send(
        &mut self,
        load: &Load,
        trial: &Trial,
        epoch: u32,
        due: Instant,
    ) -> anyhow::Result<()> {
        // The stream remembers the trial.
        let name = if epoch == 1 {
            trial.name.clone()
        } else {
            String::new()
        };
        let request = v1::StreamObservationsRequest {
            trial: name,
            observation: Some(load.observation(trial, epoch)),
        };
        self.due.push_back(due);
        let sent = self.requests.send(request).await;
        sent.context("a stream has ended")
    }

    /// Whether the next answer is a STOP.
    async fn decision(&mut self, trial: &Trial) -> anyhow::Result<bool> {
        let answer = self.answers.message().await;
        let answer =
            answer.map_err(|status| told(&format!("{} lost its stream", trial.name), &status))?;
        match answer.and_then(|answer| answer.result) {
            Some(Answer::Decision(decision)) => Ok(decision.must_stop),
            Some(Answer::Fault(fault)) => bail!("{}: {}", trial.name, fault.message),
            None => bail!("{}: a stream ended with answers under way", trial.name),
        }
    }
}
