//! What every store does: the same tests in memory, in a folder and on PostgreSQL.

#![allow(clippy::unwrap_used)] // in tests a panic is the message

mod away;
mod backend;
mod cancelled;
mod deletions;
mod log;
mod migrations;
mod replicas;
mod rollbacks;
mod search;
mod versions;

/// Runs each test on every store.
macro_rules! on_every_store {
    ($($test:path as $name:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $test(&crate::backend::Backend::memory().await).await;
            })*
        }
        mod in_a_folder {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $test(&crate::backend::Backend::folder()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(backend) = crate::backend::Backend::postgres().await {
                    $test(&backend).await;
                }
            })*
        }
    };
}

on_every_store!(
    crate::log::an_experiment_is_created_once as an_experiment_is_created_once,
    crate::log::experiments_are_paged_by_id as experiments_are_paged_by_id,
    crate::log::a_trial_is_created_once as a_trial_is_created_once,
    crate::log::a_schedule_is_kept as a_schedule_is_kept,
    crate::log::what_is_logged_is_read_bit_by_bit as what_is_logged_is_read_bit_by_bit,
    crate::log::events_are_paged_in_order as events_are_paged_in_order,
    crate::log::a_trial_that_enters_two_states_at_once_is_in_the_last as a_trial_enters_two_states,
    crate::log::a_clock_that_jumps_changes_no_order as a_clock_that_jumps_changes_no_order,
    crate::log::a_large_commit_is_one_commit as a_large_commit_is_one_commit,
    crate::versions::writes_follow_each_other as writes_follow_each_other,
    crate::versions::a_stale_write_is_refused_with_all_that_follows as a_stale_write_is_refused,
    crate::versions::an_experiment_has_a_version_of_its_own as an_experiment_has_a_version,
    crate::versions::a_check_tells_whether_the_log_has_grown as a_check_tells,
    crate::replicas::writers_of_one_trial_take_turns as writers_of_one_trial_take_turns,
    crate::replicas::a_reader_misses_no_event as a_reader_misses_no_event,
    crate::rollbacks::what_is_taken_back_stays_in_the_log_alone as what_is_taken_back,
    crate::deletions::what_is_deleted_is_gone_for_every_server as what_is_deleted_is_gone,
    crate::deletions::only_what_is_meant_is_deleted as only_what_is_meant_is_deleted,
    crate::rollbacks::a_preempted_trial_runs_again as a_preempted_trial_runs_again,
    crate::cancelled::a_call_that_is_given_up_costs_nothing as a_call_that_is_given_up,
    crate::search::a_search_is_as_it_was_left as a_search_is_as_it_was_left,
);
