//! How a search comes along: bars on a terminal, plain lines elsewhere; all on
//! standard error.

use std::{collections::HashMap, io::IsTerminal, time::Duration};

use anyhow::{Context, anyhow};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use peng_orchestrator::{
    Orchestrator,
    progress::{Event, Kind},
};
use peng_proto::v1;
use peng_search::{
    Space,
    candidate::{Ending, Id, Outcome},
};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

use super::args::Plan;

/// Shows one search.
pub(super) struct Display {
    epochs: u32,
    total: u32,
    settled: u64,
    events: Option<Receiver<Event>>,
    paused: Option<watch::Receiver<bool>>,
    /// Where the orchestrator is called.
    address: String,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    candidates: ProgressBar,
    /// A line for every candidate in training.
    training: HashMap<Id, ProgressBar>,
}

impl Display {
    /// Says what begins.
    pub(super) fn new(plan: &Plan, address: &str) -> Self {
        let total = plan.config.settings.candidates;
        let epochs = plan.epochs();
        // What workers make of a described space, and on what, is theirs.
        let on = match plan.config.settings.space {
            Space::Described(_) => String::new(),
            _ => format!(" on {}", plan.config.training.dataset),
        };
        eprintln!(
            "search {}: {total} candidates x {epochs} epochs{on}, orchestrator at {address}",
            plan.config.search.0,
        );
        let bars = std::io::stderr().is_terminal().then(|| Bars::new(total));
        Self {
            epochs,
            total,
            settled: 0,
            events: None,
            paused: None,
            address: address.to_owned(),
            bars,
        }
    }

    /// Begins with what a former run has left.
    pub(super) async fn begin(&mut self, orchestrator: &Orchestrator) -> anyhow::Result<()> {
        self.events = Some(orchestrator.subscribe());
        let mut paused = orchestrator.paused();
        let settled = orchestrator.snapshot().await?.summary.progress.settled;
        if settled > 0 {
            self.say(&format!(
                "goes on: {settled} of {} candidates are settled",
                self.total
            ));
        }
        self.settled = settled as u64;
        self.count();
        if *paused.borrow_and_update() {
            self.held_back();
        }
        self.paused = Some(paused);
        Ok(())
    }

    /// Shows what happens. Completes only with an error.
    pub(super) async fn follow(&mut self, orchestrator: &Orchestrator) -> anyhow::Error {
        loop {
            let (Some(events), Some(paused)) = (&mut self.events, &mut self.paused) else {
                return anyhow!("the display has not begun");
            };
            let event = tokio::select! {
                event = events.recv() => event,
                Ok(()) = paused.changed() => {
                    if *paused.borrow_and_update() {
                        self.held_back();
                    } else {
                        self.say("resumed: candidates are lent again");
                    }
                    continue;
                }
            };
            match event {
                Ok(event) => self.show(&event),
                Err(RecvError::Closed) => return std::future::pending().await,
                Err(RecvError::Lagged(_)) => {
                    if let Err(error) = self.settle(orchestrator).await {
                        return error;
                    }
                }
            }
        }
    }

    /// Shows what is left to show, and corrects the count.
    pub(super) async fn settle(&mut self, orchestrator: &Orchestrator) -> anyhow::Result<()> {
        while let Some(Ok(event)) = self.events.as_mut().map(Receiver::try_recv) {
            self.show(&event);
        }
        let snapshot = orchestrator
            .snapshot()
            .await
            .context("the state cannot be read")?;
        self.settled = snapshot.summary.progress.settled as u64;
        self.count();
        Ok(())
    }

    /// Removes the bars.
    pub(super) fn close(&mut self) {
        if let Some(bars) = self.bars.take() {
            let _ = bars.all.clear();
        }
    }

    fn show(&mut self, event: &Event) {
        let id = event.candidate;
        match &event.kind {
            Kind::Leased { worker } => self.training(id, &format!("on {worker}")),
            Kind::Observed {
                epoch,
                value,
                decision,
            } => self.training(id, &observed(*epoch, *value, self.epochs, decision)),
            Kind::GivenBack { reason } => self.left(id, &format!("{id}  given back: {reason}")),
            Kind::Lost { reason } => {
                self.left(id, &format!("{id}  lost: {reason}; it is lent again"));
            }
            Kind::Settled(outcome) => {
                self.settled += 1;
                let (settled, total) = (self.settled, self.total);
                let what = ended(outcome, self.epochs);
                self.left(id, &format!("[{settled:>3}/{total}] {id}  {what}"));
                self.count();
            }
        }
    }

    fn held_back(&self) {
        self.say(&format!(
            "paused: no candidate is lent; `peng4nn searches resume --endpoint {}` goes on",
            self.address
        ));
    }

    fn training(&mut self, id: Id, what: &str) {
        if let Some(bars) = &mut self.bars {
            bars.training(id).set_message(format!("{id}  {what}"));
        }
    }

    fn left(&mut self, id: Id, line: &str) {
        if let Some(bar) = self
            .bars
            .as_mut()
            .and_then(|bars| bars.training.remove(&id))
        {
            bar.finish_and_clear();
        }
        self.say(line);
    }

    fn say(&self, line: &str) {
        match &self.bars {
            // A terminal that is gone is no reason to end a search.
            Some(bars) => drop(bars.all.println(line)),
            None => eprintln!("{line}"),
        }
    }

    fn count(&self) {
        if let Some(bars) = &self.bars {
            bars.candidates.set_position(self.settled);
        }
    }
}

impl Bars {
    fn new(total: u32) -> Self {
        let all = MultiProgress::new();
        let candidates = all.add(ProgressBar::new(total.into()));
        candidates.set_style(style(
            "{bar:32} {pos}/{len} candidates, {elapsed}, about {eta} left",
        ));
        candidates.enable_steady_tick(Duration::from_secs(1));
        Self {
            all,
            candidates,
            training: HashMap::new(),
        }
    }

    fn training(&mut self, id: Id) -> &ProgressBar {
        self.training.entry(id).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("{spinner} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        })
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn observed(epoch: f64, value: f64, epochs: u32, decision: &v1::Decision) -> String {
    let prediction = decision.prediction.as_ref();
    let prediction = prediction.map_or_else(String::new, |prediction| {
        format!(", {:.2} % predicted", prediction.fitness)
    });
    format!("epoch {epoch} of {epochs}: {value:.2} %{prediction}")
}

fn ended(outcome: &Outcome, epochs: u32) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2} %"));
    let (trained, reason) = (outcome.epochs, &outcome.reason);
    match outcome.ending {
        Ending::Succeeded => {
            let advised = outcome.stop_epoch.map_or_else(String::new, |epoch| {
                format!(" ({} predicted at epoch {epoch})", value(outcome.predicted))
            });
            format!("trained to the end: {}{advised}", value(outcome.measured))
        }
        Ending::Stopped => format!(
            "stopped at epoch {trained} of {epochs}: {} predicted, {} now; {reason}",
            value(outcome.predicted),
            value(outcome.measured),
        ),
        Ending::Failed => format!("failed after {trained} epochs: {reason}"),
        Ending::Cancelled => format!("cancelled: {reason}"),
    }
}
