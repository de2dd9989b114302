//! A search outlives the loss of its server and of its workers: real processes, real
//! trainings on a few images of Fashion-MNIST.

use std::{collections::HashMap, fs, net::TcpListener, path::Path, time::Duration};

use peng_proto::v1;
use serde_json::Value;

use crate::harness::{Process, full, predictions, searches};

/// The folder of Fashion-MNIST.
pub(crate) fn data() -> String {
    std::env::var("PENG4NN_DATA")
        .expect("PENG4NN_DATA names the folder of Fashion-MNIST; `cargo xtask test` sets it")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A small search that waits for workers at a port.
struct Small {
    port: u16,
    out: String,
}

impl Small {
    fn new(out: &Path) -> Self {
        Self {
            port: free_port(),
            out: out.to_str().unwrap().to_owned(),
        }
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn serve(&self) -> Process {
        let listen = format!("127.0.0.1:{}", self.port);
        let arguments = [
            "search --workers 0 --candidates 4 --population 2 --epochs 6 --seed 3 --lease 4",
            "--nodes 3 --channels 4,8 --train-images 600 --validation-images 400",
            "--policy peng4nn",
        ];
        let mut arguments: Vec<&str> = arguments.iter().flat_map(|line| line.split(' ')).collect();
        arguments.extend(["--listen", &listen, "--out", &self.out]);
        Process::start("peng4nn", &arguments)
    }

    fn worker(&self, name: &str) -> Process {
        let (endpoint, data) = (self.endpoint(), data());
        let arguments = ["--orchestrator", &endpoint, "--data", &data, "--name", name];
        let more = ["--device", "cpu", "--threads", "1", "--patience", "60"];
        Process::start("peng4nn-worker", &[arguments.as_slice(), &more].concat())
    }

    async fn candidates(&self) -> Vec<v1::Candidate> {
        let mut client = searches(&self.endpoint()).await;
        let request = v1::ListCandidatesRequest::default();
        client
            .list_candidates(request)
            .await
            .unwrap()
            .into_inner()
            .candidates
    }

    /// Waits for a candidate as described and returns all of them.
    async fn wait(&self, what: impl Fn(&v1::Candidate) -> bool) -> Vec<v1::Candidate> {
        for _ in 0..6000 {
            let candidates = self.candidates().await;
            if candidates.iter().any(&what) {
                return candidates;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no candidate came to that");
    }

    /// Kills a worker and returns the candidate that it leaves unfinished.
    async fn lose_one(&self) -> v1::Candidate {
        let under_way = |candidate: &v1::Candidate| {
            candidate.outcome.is_none() && candidate.worker.starts_with("doomed")
        };
        loop {
            let mut doomed = self.worker("doomed");
            self.wait(under_way).await;
            doomed.kill();
            // It may have ended its candidate between the two.
            let left = self.candidates().await.into_iter().find(under_way);
            if let Some(candidate) = left {
                return candidate;
            }
        }
    }

    /// What the finished search wrote: what there is to know of each candidate,
    /// less who trained it and when.
    fn results(&self) -> Vec<(String, Value)> {
        let text = fs::read_to_string(Path::new(&self.out).join("search.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let candidates = document["candidates"].as_array().unwrap();
        candidates
            .iter()
            .map(|candidate| {
                let kept = [
                    "genome",
                    "state",
                    "epochs",
                    "measured",
                    "predicted",
                    "fitness",
                ];
                let kept = kept.map(|key| (key.to_owned(), candidate.get(key).unwrap().clone()));
                let id = candidate["candidate"].as_str().unwrap().to_owned();
                (id, Value::Object(kept.into_iter().collect()))
            })
            .collect()
    }
}

fn is_settled(candidate: &v1::Candidate) -> bool {
    candidate.outcome.is_some()
}

/// The observations that a server has acknowledged, by trial.
async fn acknowledged(search: &Small) -> HashMap<String, Vec<v1::DecidedObservation>> {
    let mut client = predictions(&search.endpoint()).await;
    let request = v1::ListTrialsRequest {
        parent: "experiments/search".to_owned(),
        view: v1::TrialView::Full.into(),
        ..v1::ListTrialsRequest::default()
    };
    let trials = client
        .list_trials(request)
        .await
        .unwrap()
        .into_inner()
        .trials;
    trials
        .into_iter()
        .map(|trial| (trial.name, trial.observations))
        .collect()
}

/// The results of the search when nothing happens to it.
fn undisturbed() -> Vec<(String, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let search = Small::new(folder.path());
    let mut server = search.serve();
    let mut worker = search.worker("steady");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(worker.wait(), Some(0));
    search.results()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_whose_server_is_killed_ends_as_it_would_have() {
    let folder = tempfile::tempdir().unwrap();
    let search = Small::new(folder.path());
    let mut server = search.serve();
    let mut worker = search.worker("patient");
    search.wait(is_settled).await;
    let before = acknowledged(&search).await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut server = search.serve();
    let mut client = predictions(&search.endpoint()).await;
    for (name, observations) in &before {
        let stored = full(&mut client, name).await.observations;
        assert_eq!(stored[..observations.len()], observations[..], "{name}");
    }
    assert_eq!(server.wait(), Some(0));
    assert_eq!(worker.wait(), Some(0));
    assert_eq!(search.results(), undisturbed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_candidate_of_a_killed_worker_is_evaluated_once_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let search = Small::new(folder.path());
    let mut server = search.serve();
    let lost = search.lose_one().await;
    let mut worker = search.worker("heir");
    let again = search
        .wait(|candidate| candidate.name == lost.name && candidate.outcome.is_some())
        .await;
    let settled = again
        .iter()
        .find(|candidate| candidate.name == lost.name)
        .unwrap();
    // The heir, too, may lose a lease of four seconds on a busy machine.
    assert!(settled.attempt > lost.attempt, "{settled:?}");
    assert_ne!(settled.trial, lost.trial);
    let mut client = predictions(&search.endpoint()).await;
    assert_eq!(
        full(&mut client, &lost.trial).await.state(),
        v1::TrialState::Preempted
    );
    drop(client);
    assert_eq!(server.wait(), Some(0));
    assert_eq!(worker.wait(), Some(0));
    assert_eq!(search.results(), undisturbed());
}
