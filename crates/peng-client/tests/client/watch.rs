use peng_proto::error::{Error as WireError, Reason};
use tonic::{Code, Status};

use crate::fake::{Break, Fake};

const EXPERIMENT: &str = "experiments/e";

#[tokio::test]
async fn every_event_comes_once_and_in_order_over_all_breaks() {
    let fake = Fake::start().await;
    let leaves = WireError::new(Reason::ShuttingDown, "leaves").into();
    fake.state.breaks.lock().unwrap().extend([
        Break::Fail {
            after: 3,
            status: Status::unavailable("leaves"),
        },
        Break::End { after: 0 },
        Break::Fail {
            after: 2,
            status: leaves,
        },
        Break::End { after: 4 },
    ]);
    let mut watcher = fake.client().watch(EXPERIMENT, "");
    for n in 1..=20 {
        let event = watcher.next().await.unwrap();
        assert_eq!(event.resume_token, n.to_string());
        assert_eq!(watcher.token(), n.to_string());
    }
    assert_eq!(*fake.state.tokens.lock().unwrap(), ["", "3", "3", "5", "9"]);
}

#[tokio::test]
async fn it_begins_after_the_token_given() {
    let fake = Fake::start().await;
    let mut watcher = fake.client().watch(EXPERIMENT, "41");
    assert_eq!(watcher.next().await.unwrap().resume_token, "42");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let fake = Fake::start().await;
    let status = WireError::new(Reason::NotFound, "no such experiment").into();
    let refusal = Break::Fail { after: 0, status };
    fake.state.breaks.lock().unwrap().push_back(refusal);
    let error = fake
        .client()
        .watch(EXPERIMENT, "")
        .next()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(Code::NotFound));
}
