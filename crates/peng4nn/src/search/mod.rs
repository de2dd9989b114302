//! `peng4nn search`: server, orchestrator and workers with one command.
//!
//! ```text
//! args -> plan -> host (servers) -> fleet (workers) -> display -> report -> files
//! ```

mod args;
mod curves;
mod display;
mod files;
mod fleet;
mod host;
mod report;
mod space;
mod text;
mod training;

use std::{io::Write, time::Duration};

use anyhow::{Context, anyhow};

use args::Plan;
pub(crate) use args::SearchArgs;
use display::Display;
use fleet::Fleet;
use host::Host;
use peng_predict::policy::Calibration;
use peng_proto::{experiment::calibration_from_wire, names::Experiment, v1::GetExperimentRequest};
use report::Report;

use crate::{
    exit::{Ending, Failure},
    output::Format,
    signal,
};

/// For workers that were not started here to hear that the search is finished.
const FAREWELL: Duration = Duration::from_secs(3);

/// Searches until every candidate is settled or someone asks to leave. Workers that it starts send
/// their spans to the collector at `otlp_endpoint`, too.
pub(crate) async fn run(
    args: SearchArgs,
    otlp_endpoint: Option<String>,
) -> Result<Ending, Failure> {
    let mut plan = args.plan()?;
    plan.workers.otlp_endpoint = otlp_endpoint;
    let leave = signal::asked_to_leave()?;
    let mut host = Host::start(&plan).await?;
    let mut display = Display::new(&plan, &host.address);
    let fleet = Fleet::start(&plan.workers, &host.url, &host.take_back())?;
    let outcome = tokio::select! {
        done = search(&mut host, &fleet, &mut display) => done.map(|()| Ending::Done),
        () = leave => Ok(Ending::Interrupted),
    };
    display.close();
    let ending = match outcome {
        Ok(Ending::Done) => {
            let report = report(&plan, &host).await;
            if plan.has_outside_workers() {
                tokio::time::sleep(FAREWELL).await;
            }
            report
        }
        Ok(Ending::Interrupted) => {
            eprintln!("interrupted: workers give their candidates back, the servers leave");
            Ok(Ending::Interrupted)
        }
        Err(failure) => Err(failure),
    };
    fleet.stop().await;
    host.stop().await?;
    if let Ok(Ending::Interrupted) = ending {
        eprintln!("the same command goes on with the search");
    }
    ending
}

/// Runs until every candidate is settled.
async fn search(host: &mut Host, fleet: &Fleet, display: &mut Display) -> Result<(), Failure> {
    display.begin(&host.orchestrator).await?;
    let orchestrator = host.orchestrator.clone();
    let finished = async {
        orchestrator.start().await?;
        orchestrator.finished().await
    };
    tokio::select! {
        finished = finished => finished.map_err(host::failure)?,
        error = display.follow(&orchestrator) => return Err(Failure::Failed(error)),
        error = fleet.lost() => return Err(Failure::Failed(error)),
        error = host.lost() => return Err(Failure::Failed(error)),
    }
    display.settle(&orchestrator).await?;
    Ok(())
}

/// What the policy says its predictions were worth, once it knows of every end.
async fn calibration(host: &Host, plan: &Plan) -> Result<Option<Calibration>, Failure> {
    host.orchestrator.told().await;
    let request = GetExperimentRequest {
        name: Experiment(plan.config.search.0.clone()).to_string(),
    };
    let answer = host.predictor.get_experiment(request).await?;
    let experiment = answer.experiment.unwrap_or_default();
    Ok(experiment.calibration.as_ref().map(calibration_from_wire))
}

/// Writes the files and prints the result.
async fn report(plan: &Plan, host: &Host) -> Result<Ending, Failure> {
    let snapshot = host.orchestrator.snapshot().await?;
    let curves = curves::fetch(&host.predictor, plan, &snapshot).await?;
    let calibration = calibration(host, plan).await?;
    let report = Report::new(plan, &snapshot, calibration);
    let files = files::write(&plan.out, &report, &curves)
        .with_context(|| format!("cannot write the results to {}", plan.out.display()))?;
    let mut out = std::io::stdout().lock();
    match plan.format {
        Format::Text => text::write(&mut out, &report, &files)?,
        Format::Json => writeln!(out, "{}", files::json(&report)?)?,
    }
    if report.has_fitness() {
        Ok(Ending::Done)
    } else {
        Err(anyhow!("every candidate failed; the reasons are in the table").into())
    }
}
