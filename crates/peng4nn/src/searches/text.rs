//! What is said of a search, for people.

use comfy_table::Cell;

use super::line::{Candidate, Event, Outcome, Search, What};
use crate::output::{number, table};

/// A table of searches.
pub(super) fn list(searches: &[Search]) -> String {
    let mut rows = table(&[
        "Search",
        "State",
        ">Settled",
        ">Candidates",
        ">In training",
        ">Epochs saved",
        "Fittest",
    ]);
    for search in searches {
        let saved = search.epochs_full - search.epochs_trained;
        rows.add_row([
            Cell::new(&search.name),
            Cell::new(&search.state),
            Cell::new(search.settled),
            Cell::new(search.candidates),
            Cell::new(search.leased),
            number(Some(saved), 0),
            Cell::new(search.pareto_front.first().map_or("-", String::as_str)),
        ]);
    }
    rows.trim_fmt()
}

/// What a search is now, in a line.
pub(super) fn search(search: &Search) -> String {
    let Search {
        name,
        state,
        candidates,
        settled,
        leased,
        ..
    } = search;
    let training = match leased {
        0 => String::new(),
        leased => format!(", {leased} in training"),
    };
    format!("{name} {state}: {settled} of {candidates} candidates are settled{training}")
}

/// What a watch tells, in a line.
pub(super) fn event(event: &Event) -> String {
    match &event.what {
        What::Search(now) => search(now),
        What::Candidate(candidate) => self::candidate(candidate),
    }
}

fn candidate(candidate: &Candidate) -> String {
    let Candidate {
        id,
        state,
        attempt,
        worker,
        outcome,
        ..
    } = candidate;
    let more = match outcome {
        Some(outcome) => settled(outcome),
        None if worker.is_empty() && *attempt > 0 => format!("waits for attempt {}", attempt + 1),
        None if worker.is_empty() => String::new(),
        None => format!("attempt {attempt}, {worker}"),
    };
    format!("{id}  {state:<9}  {more}").trim_end().to_owned()
}

fn settled(outcome: &Outcome) -> String {
    let Outcome {
        measured,
        predicted,
        epochs,
        reason,
        ..
    } = outcome;
    let mut parts = vec![format!("epoch {epochs}")];
    parts.extend(measured.map(|value| format!("{value:.2} measured")));
    parts.extend(predicted.map(|value| format!("{value:.2} predicted")));
    parts.extend((!reason.is_empty()).then(|| reason.clone()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use peng_client::v1;

    use super::*;

    fn told(event: v1::watch_search_response::Event) -> Event {
        Event::of(v1::WatchSearchResponse {
            resume_token: "1a-1".to_owned(),
            event: Some(event),
        })
        .unwrap()
    }

    fn candidate(state: v1::CandidateState, attempt: u32, outcome: Option<v1::Outcome>) -> Event {
        let leased = state == v1::CandidateState::Leased;
        told(v1::watch_search_response::Event::Candidate(v1::Candidate {
            name: "searches/demo/candidates/c0007".to_owned(),
            state: state.into(),
            attempt,
            worker: if leased { "gpu-1" } else { "" }.to_owned(),
            outcome,
            ..v1::Candidate::default()
        }))
    }

    #[test]
    fn a_watch_as_people_see_it() {
        let stopped = v1::Outcome {
            fitness: Some(88.25),
            measured: Some(80.0),
            predicted: Some(88.25),
            epochs: 5.0,
            reason: "the prediction settled".to_owned(),
            ..v1::Outcome::default()
        };
        let search = v1::Search {
            name: "searches/demo".to_owned(),
            state: v1::SearchState::Paused.into(),
            candidate_count: 16,
            settled_count: 3,
            leased_count: 2,
            epochs_trained: 20.0,
            epochs_full: 36.0,
            ..v1::Search::default()
        };
        let lines = [
            told(v1::watch_search_response::Event::Search(search.clone())),
            candidate(v1::CandidateState::Proposed, 0, None),
            candidate(v1::CandidateState::Leased, 1, None),
            candidate(v1::CandidateState::Proposed, 1, None),
            candidate(v1::CandidateState::Stopped, 2, Some(stopped)),
        ];
        insta::assert_snapshot!("watch", lines.each_ref().map(event).join("\n"));
        insta::assert_snapshot!("list", list(&[Search::of(search)]));
        insta::assert_snapshot!("watch-json", serde_json::to_string(&lines[4]).unwrap());
    }
}
