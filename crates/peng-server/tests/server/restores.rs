//! Experiments that are all asked for at once are read a few at a time.

use std::time::Duration;

use peng_client::v1;
use tokio::task::JoinSet;

use crate::{
    harness::config,
    memory::{experiment, start},
};

const EXPERIMENTS: usize = 20;
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn eight_logs_are_read_at_once() {
    let case = start(config(), &[]).await;
    let names = (0..EXPERIMENTS).map(|number| format!("many-{number}"));
    for name in names.clone() {
        case.client
            .create_experiment(experiment(&name))
            .await
            .unwrap();
    }
    let logs = &case.store.logs;
    let before = logs.arrived();
    let read = || logs.arrived() - before;
    logs.close();
    let mut asked = JoinSet::new();
    for name in names {
        let mut once = case.once.clone();
        let name = format!("experiments/{name}");
        asked.spawn(async move { once.get_experiment(v1::GetExperimentRequest { name }).await });
    }
    logs.has_seen(before + AT_ONCE).await;
    // A log without events is one page.
    for answered in 0..3 {
        // Time for one more.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(read(), AT_ONCE + answered);
        logs.let_one();
        asked.join_next().await.unwrap().unwrap().unwrap();
        logs.has_seen(before + AT_ONCE + answered + 1).await;
    }
    logs.reopen();
    for answer in asked.join_all().await {
        answer.unwrap();
    }
    assert_eq!(read(), EXPERIMENTS);
    case.server.stop().await;
}
