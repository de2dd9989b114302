//! `peng4nn searches`: looks at searches that run elsewhere, holds them back and lets them go on.

mod line;
mod text;

use std::{
    io::{Write, stdout},
    time::Duration,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use peng_client::{Client, Options, v1};
use peng_proto::names;

use crate::{
    exit::{Ending, Failure},
    output::Format,
    secure::ConnectArgs,
};
use line::{Event, Search};

/// How long a server may be away before a call to it has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Look at running searches, pause them and let them go on
///
/// A paused search lends no candidate to workers; trainings under way go on, with
/// their verdicts. It stays paused when it is started anew.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER)]
pub(crate) struct SearchesArgs {
    #[command(subcommand)]
    command: SearchesCommand,
}

#[derive(Debug, Subcommand)]
enum SearchesCommand {
    /// Print the searches that run at an address
    List(ListArgs),
    /// Lend no candidate until `resume`
    Pause(OneArgs),
    /// Lend candidates again
    Resume(OneArgs),
    /// Print the search and its candidates, then whenever one of them changes its state,
    /// until the search is finished
    Watch(WatchArgs),
}

/// Print the searches that run at an address
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// One search
#[derive(Debug, Args)]
struct OneArgs {
    /// The id of the search; the only one that runs there where not given
    #[arg(long, value_name = "ID")]
    name: Option<names::Id>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// One search, and from where on
#[derive(Debug, Args)]
struct WatchArgs {
    /// Only what has changed after this `resume_token` of a line in JSON
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    after: String,
    #[command(flatten)]
    one: OneArgs,
}

/// Where searches run.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The orchestrator, as `peng4nn search` says where it listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50052")]
    endpoint: String,
    /// How it is printed; in JSON one object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    connect: ConnectArgs,
}

const AFTER: &str = "\
Examples:
  Give the machines to others for a while:
    peng4nn searches pause --endpoint https://HOST:50052 --token-file token
    peng4nn searches resume --endpoint https://HOST:50052 --token-file token

  The candidates that were stopped early, as they are:
    peng4nn searches watch --format json | jq 'select(.state == \"STOPPED\")'

list and watch need the right to read the experiment with the search's id; pause
and resume need admin.";

impl PlaceArgs {
    fn client(&self) -> Result<Client, Failure> {
        let options = Options {
            patience: PATIENCE,
            ..Options::default()
        };
        let credentials = self.connect.credentials()?;
        Client::connect_lazy_with(&self.endpoint, options, credentials).map_err(Failure::input)
    }
}

impl OneArgs {
    /// `searches/{search}`, or nothing for the only one.
    fn search(&self) -> String {
        let name = self.name.clone().map(names::Search);
        name.map_or_else(String::new, |name| name.to_string())
    }
}

/// Does what is asked.
pub(crate) async fn run(args: SearchesArgs) -> Result<Ending, Failure> {
    match args.command {
        SearchesCommand::List(args) => list(&args).await?,
        SearchesCommand::Pause(args) => {
            let name = args.search();
            let request = v1::PauseSearchRequest { name };
            let answer = args.place.client()?.pause_search(request).await?;
            now(&args, answer.search)?;
        }
        SearchesCommand::Resume(args) => {
            let name = args.search();
            let request = v1::ResumeSearchRequest { name };
            let answer = args.place.client()?.resume_search(request).await?;
            now(&args, answer.search)?;
        }
        SearchesCommand::Watch(args) => watch(&args).await?,
    }
    Ok(Ending::Done)
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let client = args.place.client()?;
    let mut searches = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListSearchesRequest {
            page_token,
            ..v1::ListSearchesRequest::default()
        };
        let page = client.list_searches(request).await?;
        searches.extend(page.searches.into_iter().map(Search::of));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match args.place.format {
        Format::Text => print(&text::list(&searches)),
        Format::Json => searches.iter().try_for_each(|search| print(&json(search)?)),
    }
}

/// Prints what a search is now.
fn now(args: &OneArgs, search: Option<v1::Search>) -> Result<(), Failure> {
    let search = Search::of(search.unwrap_or_default());
    match args.place.format {
        Format::Text => print(&text::search(&search)),
        Format::Json => print(&json(&search)?),
    }
}

async fn watch(args: &WatchArgs) -> Result<(), Failure> {
    let client = args.one.place.client()?;
    let mut watcher = client.watch_search(args.one.search(), args.after.clone());
    while let Some(event) = watcher.next().await? {
        // What a newer server tells besides is none of this.
        let Some(event) = Event::of(event) else {
            continue;
        };
        match args.one.place.format {
            Format::Text => print(&text::event(&event))?,
            Format::Json => print(&json(&event)?)?,
        }
    }
    Ok(())
}

fn json(line: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(line)?)
}

/// A line that is there at once, also for a program that reads along.
fn print(line: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("cannot write the answer")?;
    Ok(())
}
