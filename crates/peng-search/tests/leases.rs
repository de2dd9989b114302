//! The state machine, event by event.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{LEASE, at, finish, settings, train};
use peng_search::candidate::{Candidate, Ending, Outcome, State};
use peng_search::lease::{Answer, Error, Settlement};
use peng_search::search::restore;
use peng_search::settings::{Algorithm, Goal};
use peng_search::{Search, Settings};

fn random(candidates: u32) -> Search {
    Search::new(settings(Algorithm::Random, candidates, 1)).unwrap()
}

fn leased(search: &mut Search, worker: &str, seconds: u64) -> (Candidate, String) {
    let Answer::Leased(candidate) = search.lease(worker, at(seconds)).answer else {
        panic!("there is work");
    };
    let token = candidate.lease().unwrap().token.clone();
    (candidate, token)
}

#[test]
fn a_lease_says_who_has_it_until_when_and_all_is_lent_once() {
    let mut search = random(2);
    let (first, _) = leased(&mut search, "a", 0);
    let (second, _) = leased(&mut search, "b", 5);
    assert_eq!(
        [first.id.to_string(), second.id.to_string()],
        ["c0001", "c0002"]
    );
    let lease = second.lease().unwrap();
    assert_eq!(
        (lease.worker.as_str(), lease.deadline),
        ("b", at(5) + LEASE)
    );
    let reply = search.lease("c", at(6));
    assert_eq!(
        reply.answer,
        Answer::Wait {
            until: Some(at(0) + LEASE)
        }
    );
    assert!(reply.changed.is_empty());
}

#[test]
fn a_lost_lease_is_lent_again_and_its_token_is_stale() {
    let mut search = random(1);
    let (candidate, old) = leased(&mut search, "a", 0);
    assert!(search.expire(at(59)).is_empty());
    let reply = search.lease("b", at(60));
    let Answer::Leased(again) = reply.answer else {
        panic!("it was lost")
    };
    assert_eq!(
        (again.id, again.attempt, again.losses),
        (candidate.id, 2, 1)
    );
    assert_eq!(reply.changed, std::slice::from_ref(&again));
    let stale = Err(Error::Stale { id: candidate.id });
    assert_eq!(search.renew(candidate.id, &old, at(61)), stale);
    assert_eq!(search.release(candidate.id, &old), stale);
    let late = search.settle(candidate.id, Some(&old), train(&candidate));
    assert_eq!(late, Err(Error::Stale { id: candidate.id }));
    assert_eq!(search.candidates()[0], again);
}

#[test]
fn renewing_moves_the_deadline_forward_only() {
    let mut search = random(1);
    let (candidate, token) = leased(&mut search, "a", 100);
    let renewed = search.renew(candidate.id, &token, at(130)).unwrap();
    assert_eq!(renewed.lease().unwrap().deadline, at(130) + LEASE);
    let renewed = search.renew(candidate.id, &token, at(90)).unwrap();
    assert_eq!(renewed.lease().unwrap().deadline, at(130) + LEASE);
    assert!(search.expire(at(189)).is_empty());
}

#[test]
fn preemptions_do_not_fail_a_candidate_and_lost_leases_do() {
    let settings = Settings {
        attempts: 2,
        ..settings(Algorithm::Random, 1, 1)
    };
    let mut search = Search::new(settings).unwrap();
    for attempt in 1..5 {
        let (candidate, token) = leased(&mut search, "a", 0);
        assert_eq!(candidate.attempt, attempt);
        let back = search.release(candidate.id, &token).unwrap();
        assert_eq!((back.state, back.losses), (State::Proposed, 0));
    }
    leased(&mut search, "a", 0);
    assert_eq!(search.expire(at(60))[0].state, State::Proposed);
    leased(&mut search, "a", 60);
    let failed = search.expire(at(120));
    let outcome = failed[0].outcome().unwrap();
    assert_eq!((outcome.ending, outcome.fitness()), (Ending::Failed, None));
    assert_eq!(outcome.reason, "lost by its worker 2 times");
    assert!(search.is_finished());
}

#[test]
fn a_worker_that_is_gone_loses_its_candidate_at_once() {
    let settings = Settings {
        attempts: 2,
        ..settings(Algorithm::Random, 1, 1)
    };
    let mut search = Search::new(settings).unwrap();
    let (candidate, token) = leased(&mut search, "a", 0);
    let lost = search.lose(candidate.id, &token).unwrap();
    assert_eq!((&lost[0].state, lost[0].losses), (&State::Proposed, 1));
    let stale = Err(Error::Stale { id: candidate.id });
    assert_eq!(search.lose(candidate.id, &token), stale);
    let (again, token) = leased(&mut search, "a", 1);
    assert_eq!(again.attempt, 2);
    let failed = search.lose(candidate.id, &token).unwrap();
    let outcome = failed[0].outcome().unwrap();
    assert_eq!(outcome.reason, "lost by its worker 2 times");
    assert!(search.is_finished());
}

#[test]
fn settling_twice_gives_the_first_outcome_again() {
    let mut search = random(2);
    let (candidate, token) = leased(&mut search, "a", 0);
    let verdict = Outcome {
        ending: Ending::Stopped,
        measured: Some(70.0),
        predicted: Some(81.0),
        interval: None,
        epochs: 4.0,
        reason: "CONVERGED".to_owned(),
        stop_epoch: Some(4.0),
    };
    let Ok(Settlement::Settled(changed)) = search.settle(candidate.id, None, verdict.clone())
    else {
        panic!("it was not settled before");
    };
    assert_eq!(changed[0].outcome(), Some(&verdict));
    let again = search
        .settle(candidate.id, Some(&token), train(&candidate))
        .unwrap();
    assert_eq!(again, Settlement::AlreadySettled(verdict.clone()));
    let again = search
        .settle(candidate.id, None, train(&candidate))
        .unwrap();
    assert_eq!(again, Settlement::AlreadySettled(verdict));
    let settled = Err(Error::Settled { id: candidate.id });
    assert_eq!(search.renew(candidate.id, &token, at(1)), settled);
    let stranger = search.settle(candidate.id, Some("0123"), train(&candidate));
    assert_eq!(stranger, Err(Error::Stale { id: candidate.id }));
}

#[test]
fn bad_calls_say_what_is_wrong() {
    let mut search = random(1);
    let (candidate, token) = leased(&mut search, "a", 0);
    let unknown = "c0007".parse().unwrap();
    let error = search.renew(unknown, &token, at(0)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("c0007 is unknown: the search has proposed 1")
    );
    let outcome = Outcome {
        epochs: f64::NAN,
        ..train(&candidate)
    };
    let error = search
        .settle(candidate.id, Some(&token), outcome)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("epochs of candidate c0001 is NaN")
    );
}

#[test]
fn a_generation_waits_for_the_one_before() {
    let mut search = Search::new(settings(Algorithm::nsga2(3), 5, 1)).unwrap();
    let lent: Vec<_> = (0..3).map(|_| leased(&mut search, "a", 0)).collect();
    assert_eq!(search.candidates().len(), 3);
    for (place, (candidate, token)) in lent.iter().enumerate() {
        assert!(matches!(
            search.lease("b", at(1)).answer,
            Answer::Wait { until: Some(_) }
        ));
        let outcome = train(candidate);
        let Ok(Settlement::Settled(changed)) = search.settle(candidate.id, Some(token), outcome)
        else {
            panic!("it was not settled before");
        };
        // The last one brings the next generation with it, cut to the budget.
        assert_eq!(changed.len(), if place == 2 { 3 } else { 1 });
    }
    let generations: Vec<u32> = search.candidates().iter().map(|c| c.generation).collect();
    assert_eq!(generations, [0, 0, 0, 1, 1]);
    finish(&mut search, at(2));
    assert_eq!(search.lease("a", at(3)).answer, Answer::Finished);
}

#[test]
fn the_front_has_what_nothing_beats_whatever_the_goal() {
    for goal in [Goal::Maximize, Goal::Minimize] {
        let settings = Settings {
            goal,
            ..settings(Algorithm::nsga2(8), 40, 3)
        };
        let mut search = Search::new(settings).unwrap();
        finish(&mut search, at(0));
        let front = search.front();
        let value = |c: &Candidate| {
            c.fitness().map(|fitness| {
                if goal == Goal::Maximize {
                    fitness
                } else {
                    -fitness
                }
            })
        };
        for candidate in search.candidates() {
            let Some(ours) = value(candidate) else {
                assert!(!front.contains(&candidate.id));
                continue;
            };
            let beaten = search.candidates().iter().any(|other| {
                value(other).is_some_and(|theirs| {
                    let as_good = theirs >= ours && other.flops <= candidate.flops;
                    as_good && (theirs > ours || other.flops < candidate.flops)
                })
            });
            assert_eq!(front.contains(&candidate.id), !beaten, "{}", candidate.id);
        }
    }
}

#[test]
fn candidates_of_another_search_are_not_gone_on_with() {
    let ours = settings(Algorithm::nsga2(4), 8, 1);
    let mut search = Search::new(ours.clone()).unwrap();
    finish(&mut search, at(0));
    let stored = search.candidates().to_vec();
    let refused = |settings: Settings, candidates: Vec<Candidate>| {
        Search::restore(settings, candidates).unwrap_err()
    };
    let error = refused(
        Settings {
            seed: 2,
            ..ours.clone()
        },
        stored.clone(),
    );
    assert!(
        matches!(error, restore::Error::Foreign { field: "seed", .. }),
        "{error}"
    );
    let algorithm = Algorithm::nsga2(3);
    let error = refused(
        Settings {
            algorithm,
            ..ours.clone()
        },
        stored.clone(),
    );
    assert!(
        matches!(
            error,
            restore::Error::Foreign {
                field: "generation",
                ..
            }
        ),
        "{error}"
    );
    let error = refused(
        Settings {
            candidates: 7,
            ..ours.clone()
        },
        stored.clone(),
    );
    assert!(
        matches!(
            error,
            restore::Error::Budget {
                found: 8,
                budget: 7
            }
        ),
        "{error}"
    );
    let mut holed = stored.clone();
    holed.remove(2);
    let error = refused(ours, holed);
    assert_eq!(
        error.to_string(),
        "candidate c0003 is missing: in its place is c0004"
    );
}

#[test]
fn a_paused_search_lends_nothing_and_takes_back_what_is_lent() {
    let mut search = random(2);
    let (first, token) = leased(&mut search, "a", 0);
    assert!(search.pause() && search.is_paused());
    assert!(!search.pause(), "the second time changes nothing");
    let until = Some(at(0) + LEASE);
    assert_eq!(search.lease("b", at(1)).answer, Answer::Wait { until });
    search.renew(first.id, &token, at(2)).unwrap();
    let settled = search.settle(first.id, Some(&token), train(&first));
    assert!(matches!(settled, Ok(Settlement::Settled(_))));
    assert_eq!(
        search.lease("b", at(3)).answer,
        Answer::Wait { until: None }
    );
    assert!(search.resume() && !search.resume());
    leased(&mut search, "b", 4);
}

#[test]
fn a_search_that_finishes_is_paused_no_more() {
    let mut search = random(1);
    let (only, token) = leased(&mut search, "a", 0);
    search.pause();
    let _ = search.settle(only.id, Some(&token), train(&only)).unwrap();
    assert!(search.is_finished() && !search.is_paused());
    assert_eq!(search.lease("b", at(1)).answer, Answer::Finished);
    assert!(!search.pause());
}
