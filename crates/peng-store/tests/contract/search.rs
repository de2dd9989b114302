//! The state of a search.

use std::time::Duration;

use peng_search::{
    Candidate, Search, Settings,
    macro_space::{Input, Space},
    settings::{Algorithm, Goal},
};
use peng_store::SearchChange;
use serde_json::json;

use crate::backend::{Backend, at};

fn candidate(number: u32, attempt: u32) -> Candidate {
    let input = Input {
        channels: 1,
        height: 28,
        width: 28,
    };
    let settings = Settings {
        algorithm: Algorithm::nsga2(4),
        space: Space::new(4, vec![4, 8], input, 10).unwrap().into(),
        seed: 7,
        candidates: 4,
        lease: Duration::from_secs(30),
        attempts: 3,
        goal: Goal::Maximize,
    };
    let search = Search::new(settings).unwrap();
    let mut candidate = search.candidates()[0].clone();
    candidate.id = serde_json::from_value(json!(format!("c{number:04}"))).unwrap();
    candidate.attempt = attempt;
    candidate
}

pub(crate) async fn a_search_is_as_it_was_left(backend: &Backend) {
    let store = backend.open().await;
    let search = store.open_search("s", "{\"seed\":1}", at(1)).await.unwrap();
    assert_eq!((search.watched.as_str(), search.candidates.len()), ("", 0));
    assert!(!search.paused);
    // A candidate may change twice in one call.
    let changes = [candidate(2, 1), candidate(1, 1), candidate(2, 2)];
    let put = |change| store.put_search(search.key, change);
    put(SearchChange {
        candidates: &changes,
        watched: Some("17"),
        paused: Some(true),
    })
    .await
    .unwrap();
    let again = [candidate(1, 3)];
    put(SearchChange {
        candidates: &again,
        ..SearchChange::default()
    })
    .await
    .unwrap();
    put(SearchChange::default()).await.unwrap();
    drop(store);
    let store = backend.open().await;
    let search = store.open_search("s", "{\"seed\":2}", at(2)).await.unwrap();
    assert_eq!(search.settings, "{\"seed\":1}");
    assert_eq!(search.watched, "17");
    assert!(search.paused);
    assert_eq!(search.candidates, [candidate(1, 3), candidate(2, 2)]);
    let resumed = SearchChange {
        paused: Some(false),
        ..SearchChange::default()
    };
    store.put_search(search.key, resumed).await.unwrap();
    let search = store.open_search("s", "", at(3)).await.unwrap();
    assert_eq!((search.paused, search.watched.as_str()), (false, "17"));
}
