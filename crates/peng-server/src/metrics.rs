//! What the server counts, every metric in this file and in `docs/metrics.md`.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use peng_predict::{Decision, Verdict};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tonic::Code;

/// A verdict and why it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct VerdictLabels {
    verdict: &'static str,
    reason: &'static str,
}

/// A method and how a call of it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    method: &'static str,
    code: &'static str,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct MethodLabels {
    method: &'static str,
}

/// Why a request was refused, as in `ErrorInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    reason: &'static str,
}

/// The metrics of one server.
pub struct Metrics {
    registry: Registry,
    decisions: Histogram,
    fits: Histogram,
    commits: Histogram,
    commit_size: Histogram,
    commit_queue: Gauge,
    /// How many writes wait, asked whenever the metrics are: no write is counted twice, and what
    /// hangs tells it too.
    waiting: OnceLock<Box<dyn Fn() -> usize + Send + Sync>>,
    verdicts: Family<VerdictLabels, Counter>,
    epochs_saved: Counter<f64>,
    calls: Family<CallLabels, Counter>,
    open: Family<MethodLabels, Gauge>,
    refusals: Family<ReasonLabels, Counter>,
    pub(crate) connections: Gauge,
    pub(crate) held: Gauge,
    trials: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}

/// Of times: 10 us to 10 s, each three times the one before or less.
fn times() -> Histogram {
    Histogram::new(
        [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]
            .into_iter()
            .flat_map(|decade| [1.0, 2.5, 5.0].map(|step| decade * step))
            .chain([10.0]),
    )
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("peng4nn");
        let (decisions, fits, commits) = (times(), times(), times());
        let commit_size = Histogram::new(exponential_buckets(1.0, 2.0, 12));
        let [commit_queue, connections, held, trials] = [(); 4].map(|()| Gauge::default());
        let verdicts = Family::<VerdictLabels, Counter>::default();
        let epochs_saved = Counter::<f64>::default();
        let calls = Family::<CallLabels, Counter>::default();
        let open = Family::<MethodLabels, Gauge>::default();
        let refusals = Family::<ReasonLabels, Counter>::default();
        registry.register_with_unit(
            "decision",
            "From the arrival of an observation until its decision is on disk",
            Unit::Seconds,
            decisions.clone(),
        );
        registry.register_with_unit(
            "fit",
            "Fitting and judging alone, of observations that had no decision yet",
            Unit::Seconds,
            fits.clone(),
        );
        registry.register_with_unit(
            "commit",
            "Writing one commit to the storage",
            Unit::Seconds,
            commits.clone(),
        );
        registry.register("commit_writes", "Writes of one commit", commit_size.clone());
        registry.register(
            "commit_queue",
            "Writes that wait for the storage",
            commit_queue.clone(),
        );
        registry.register(
            "verdicts",
            "Decisions that were logged, by verdict and reason",
            verdicts.clone(),
        );
        registry.register(
            "epochs_saved",
            "Epochs between an enforced STOP and the target",
            epochs_saved.clone(),
        );
        registry.register(
            "calls",
            "Calls that have ended, by method and code",
            calls.clone(),
        );
        registry.register(
            "open_calls",
            "Calls and streams under way, by method",
            open.clone(),
        );
        registry.register(
            "refusals",
            "Observations refused within a stream that went on, by reason",
            refusals.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            connections.clone(),
        );
        registry.register_with_unit(
            "held",
            "Messages held for peers, beside the little that each call may have",
            Unit::Bytes,
            held.clone(),
        );
        registry.register("trials_in_memory", "Trials held in memory", trials.clone());
        Arc::new(Self {
            registry,
            decisions,
            fits,
            commits,
            commit_size,
            commit_queue,
            waiting: OnceLock::new(),
            verdicts,
            epochs_saved,
            calls,
            open,
            refusals,
            connections,
            held,
            trials,
        })
    }

    /// All as text, in the form of `OpenMetrics` 1.0.
    pub fn text(&self) -> String {
        let waiting = self.waiting.get().map_or(0, |waiting| waiting());
        self.commit_queue.set(count(waiting));
        let mut page = String::new();
        if let Err(error) = text::encode(&mut page, &self.registry) {
            // A String takes all that is written to it.
            tracing::error!(%error, "the metrics cannot be written");
        }
        page
    }

    /// Asks `waiting` how many writes wait for the storage.
    pub(crate) fn watch_queue(&self, waiting: impl Fn() -> usize + Send + Sync + 'static) {
        // A server has one queue.
        drop(self.waiting.set(Box::new(waiting)));
    }

    pub(crate) fn in_memory(&self, trials: usize) {
        self.trials.set(count(trials));
    }

    pub(crate) fn decided(&self, took: Duration) {
        self.decisions.observe(took.as_secs_f64());
    }

    pub(crate) fn fitted(&self, took: Duration) {
        self.fits.observe(took.as_secs_f64());
    }

    #[allow(clippy::cast_precision_loss)] // a commit has far fewer writes
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commits.observe(took.as_secs_f64());
        self.commit_size.observe(writes as f64);
    }

    /// A decision on the observation at `epoch` of a trial that runs to `target`, both in epochs.
    /// `ends` is whether it ended the training.
    pub(crate) fn logged(&self, decision: &Decision, ends: bool, epoch: f64, target: f64) {
        let verdict = match decision.verdict {
            Verdict::Continue => "CONTINUE",
            Verdict::Stop => "STOP",
        };
        let reason = peng_proto::trial::reason_to_wire(decision.reason.code()).as_str_name();
        let reason = reason.trim_start_matches("REASON_");
        let labels = VerdictLabels { verdict, reason };
        self.verdicts.get_or_create(&labels).inc();
        if ends {
            self.epochs_saved.inc_by((target - epoch).max(0.0));
        }
    }

    pub(crate) fn refused(&self, reason: peng_proto::error::Reason) {
        let reason = reason.as_str();
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    pub(crate) fn opened(&self, method: &'static str) {
        self.open.get_or_create(&MethodLabels { method }).inc();
    }

    pub(crate) fn ended(&self, method: &'static str, code: Code) {
        self.open.get_or_create(&MethodLabels { method }).dec();
        let code = peng_proto::code_name(code);
        self.calls.get_or_create(&CallLabels { method, code }).inc();
    }
}
