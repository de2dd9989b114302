//! Every call by every kind of caller.

use std::collections::BTreeSet;

use peng_client::{Client, Credentials, v1};
use peng_server::{Server, auth::Right};
use peng_store::Sqlite;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use crate::harness::{Running, config, experiment, options, shown, token, visible, write_tokens};

const TRIAL: &str = "experiments/cifar-1/trials/t1";

/// Every call and the right that it needs; one that is let in ends in whatever way
/// but being denied.
const CALLS: [(&str, Right); 22] = [
    ("create_experiment", Right::Admin),
    ("get_experiment", Right::Read),
    ("list_experiments", Right::Read),
    ("delete_experiment", Right::Admin),
    ("create_trial", Right::Report),
    ("get_trial", Right::Read),
    ("list_trials", Right::Read),
    ("report_observation", Right::Report),
    ("stream_observations", Right::Report),
    ("complete_trial", Right::Report),
    ("roll_back_trial", Right::Report),
    ("predict_fitness", Right::Read),
    ("watch_experiment", Right::Read),
    ("lease_candidate", Right::Report),
    ("renew_lease", Right::Report),
    ("complete_candidate", Right::Report),
    ("get_search", Right::Read),
    ("list_searches", Right::Read),
    ("list_candidates", Right::Read),
    ("pause_search", Right::Admin),
    ("resume_search", Right::Admin),
    ("watch_search", Right::Read),
];

/// The methods of the API as its clients have them: `GetTrial` is `get_trial`.
fn methods() -> BTreeSet<String> {
    let files = FileDescriptorSet::decode(peng_proto::DESCRIPTORS).unwrap();
    let ours = files
        .file
        .iter()
        .filter(|file| file.package() == "peng4nn.v1");
    let services = ours.flat_map(|file| &file.service);
    let snake = |name: &str| {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        snake
    };
    services
        .flat_map(|service| &service.method)
        .map(|method| snake(method.name()))
        .collect()
}

#[test]
fn every_call_of_the_api_has_a_row() {
    let rows: BTreeSet<_> = CALLS
        .iter()
        .map(|(method, _)| (*method).to_owned())
        .collect();
    assert_eq!(rows, methods());
}

async fn call(client: &Client, method: &str) -> Result<(), peng_client::Error> {
    let experiment_name = || "experiments/cifar-1".to_owned();
    let observation = Some(v1::Observation {
        epoch: 1.0,
        value: 10.0,
    });
    match method {
        "create_experiment" => client
            .create_experiment(experiment("cifar-1"))
            .await
            .map(drop),
        "get_experiment" => {
            let name = experiment_name();
            let request = v1::GetExperimentRequest { name };
            client.get_experiment(request).await.map(drop)
        }
        // It has a trial, so it stays.
        "delete_experiment" => {
            let request = v1::DeleteExperimentRequest {
                name: experiment_name(),
                ..Default::default()
            };
            client.delete_experiment(request).await.map(drop)
        }
        "list_experiments" => visible(client).await.map(drop),
        "create_trial" => {
            let request = v1::CreateTrialRequest {
                parent: experiment_name(),
                trial_id: "t1".to_owned(),
                trial: None,
            };
            client.create_trial(request).await.map(drop)
        }
        "get_trial" => {
            let request = v1::GetTrialRequest {
                name: TRIAL.to_owned(),
                ..Default::default()
            };
            client.get_trial(request).await.map(drop)
        }
        "list_trials" => {
            let request = v1::ListTrialsRequest {
                parent: experiment_name(),
                ..Default::default()
            };
            client.list_trials(request).await.map(drop)
        }
        "report_observation" => {
            let trial = TRIAL.to_owned();
            let request = v1::ReportObservationRequest { trial, observation };
            client.report_observation(request).await.map(drop)
        }
        "stream_observations" => client.reporter(TRIAL).report(2.0, 10.0).await.map(drop),
        "complete_trial" => {
            let request = v1::CompleteTrialRequest {
                name: TRIAL.to_owned(),
                state: v1::TrialState::Succeeded.into(),
                message: String::new(),
            };
            client.complete_trial(request).await.map(drop)
        }
        "roll_back_trial" => {
            let name = TRIAL.to_owned();
            let request = v1::RollBackTrialRequest { name, epoch: 1.0 };
            client.roll_back_trial(request).await.map(drop)
        }
        "predict_fitness" => {
            let request = v1::PredictFitnessRequest {
                observations: observation.into_iter().collect(),
                target_epoch: 20.0,
                ..Default::default()
            };
            client.predict_fitness(request).await.map(drop)
        }
        "watch_experiment" => client.watch(experiment_name(), "").next().await.map(drop),
        search => call_search(client, search).await,
    }
}

async fn call_search(client: &Client, method: &str) -> Result<(), peng_client::Error> {
    match method {
        "lease_candidate" => client
            .lease_candidate(v1::LeaseCandidateRequest::default())
            .await
            .map(drop),
        "renew_lease" => client
            .renew_lease(v1::RenewLeaseRequest::default())
            .await
            .map(drop),
        "complete_candidate" => client
            .complete_candidate(v1::CompleteCandidateRequest::default())
            .await
            .map(drop),
        "get_search" => client
            .get_search(v1::GetSearchRequest::default())
            .await
            .map(drop),
        "list_searches" => client
            .list_searches(v1::ListSearchesRequest::default())
            .await
            .map(drop),
        "list_candidates" => client.candidates("").await.map(drop),
        "pause_search" => client
            .pause_search(v1::PauseSearchRequest::default())
            .await
            .map(drop),
        "resume_search" => client
            .resume_search(v1::ResumeSearchRequest::default())
            .await
            .map(drop),
        "watch_search" => client.watch_search("", "").next().await.map(drop),
        other => panic!("{other} is not called"),
    }
}

/// The code that a denied caller gets; `None` where it is let in.
async fn denied(client: &Client, method: &str) -> Option<Code> {
    let code = call(client, method).await.err()?.code()?;
    matches!(code, Code::Unauthenticated | Code::PermissionDenied).then_some(code)
}

/// The code that a call and the right it needs are answered with.
type Expected = Box<dyn Fn(&str, Right) -> Option<Code>>;

/// A search service that refuses everything, for the calls that get that far.
mod searches {
    use futures::stream;
    use peng_proto::v1::{self, search_service_server::SearchService};
    use tonic::{Request, Response, Status, async_trait};

    pub(super) struct Refuses;

    macro_rules! refuse {
        ($($method:ident($request:ident) -> $response:ident;)*) => {
            #[async_trait]
            impl SearchService for Refuses {
                $(async fn $method(
                    &self,
                    _: Request<v1::$request>,
                ) -> Result<Response<v1::$response>, Status> {
                    Err(Status::not_found("no search"))
                })*

                type WatchSearchStream = stream::Pending<Result<v1::WatchSearchResponse, Status>>;

                async fn watch_search(
                    &self,
                    _: Request<v1::WatchSearchRequest>,
                ) -> Result<Response<Self::WatchSearchStream>, Status> {
                    Err(Status::not_found("no search"))
                }
            }
        };
    }

    refuse! {
        lease_candidate(LeaseCandidateRequest) -> LeaseCandidateResponse;
        renew_lease(RenewLeaseRequest) -> RenewLeaseResponse;
        complete_candidate(CompleteCandidateRequest) -> CompleteCandidateResponse;
        get_search(GetSearchRequest) -> GetSearchResponse;
        list_searches(ListSearchesRequest) -> ListSearchesResponse;
        list_candidates(ListCandidatesRequest) -> ListCandidatesResponse;
        pause_search(PauseSearchRequest) -> PauseSearchResponse;
        resume_search(ResumeSearchRequest) -> ResumeSearchResponse;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_by_every_caller() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let [admin, report, read, other, expired] = [1, 2, 3, 4, 5].map(token);
    let lines = [
        (&admin, "never", "admin:experiments/*"),
        (&report, "2999-01-01T00:00:00Z", "report:experiments/cifar*"),
        (&read, "never", "read:experiments/cifar-1"),
        (&other, "never", "admin:experiments/svhn*"),
        (&expired, "2020-01-01T00:00:00Z", "admin:experiments/*"),
    ];
    write_tokens(&file, &lines);
    let mut config = config();
    config.tokens = Some(file);
    let store = Sqlite::in_memory().await.unwrap();
    let mut server = Server::bind(config, std::sync::Arc::new(store))
        .await
        .unwrap();
    let service =
        peng_proto::v1::search_service_server::SearchServiceServer::new(searches::Refuses);
    let about = "experiments/cifar-1".parse().unwrap();
    server.add_service_about(service, about).await;
    let server = Running::run(server);

    let unknown = Some(Code::Unauthenticated);
    let forbidden = Some(Code::PermissionDenied);
    // The experiment itself is not asked for by these two.
    let anywhere = ["list_experiments", "predict_fitness"];
    let by = |has: Right| move |_: &str, needs: Right| if has >= needs { None } else { forbidden };
    let callers: [(&str, Credentials, Expected); 7] = [
        (
            "no token",
            Credentials::default(),
            Box::new(move |_, _| unknown),
        ),
        (
            "wrong token",
            shown(&token(9)),
            Box::new(move |_, _| unknown),
        ),
        ("expired", shown(&expired), Box::new(move |_, _| unknown)),
        ("admin", shown(&admin), Box::new(by(Right::Admin))),
        ("report", shown(&report), Box::new(by(Right::Report))),
        ("read", shown(&read), Box::new(by(Right::Read))),
        (
            "other prefix",
            shown(&other),
            Box::new(move |method, _| {
                if anywhere.contains(&method) {
                    None
                } else {
                    forbidden
                }
            }),
        ),
    ];
    let admin = server.client("http", shown(&admin));
    for method in ["create_experiment", "create_trial"] {
        call(&admin, method).await.unwrap();
    }
    for (who, credentials, expected) in callers {
        let client = server.client("http", credentials);
        for (method, needs) in CALLS {
            let got = denied(&client, method).await;
            assert_eq!(got, expected(method, needs), "{who} calls {method}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_what_the_token_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let [admin, some] = [1, 2].map(token);
    let lines = [
        (&admin, "never", "admin:experiments/*"),
        (
            &some,
            "never",
            "read:experiments/cifar* report:experiments/svhn",
        ),
    ];
    write_tokens(&file, &lines);
    let mut config = config();
    config.tokens = Some(file);
    let server = Running::start(config).await;
    let admin = server.client("http", shown(&admin));
    for id in ["cifar-1", "imagenet", "svhn", "svhn-2"] {
        admin.create_experiment(experiment(id)).await.unwrap();
    }
    let seen = visible(&server.client("http", shown(&some))).await.unwrap();
    assert_eq!(seen, ["experiments/cifar-1", "experiments/svhn"]);
    let reader = server.client("http", shown(&some));
    let mut told = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListExperimentsRequest {
            page_size: 1,
            page_token,
        };
        let page = reader.list_experiments(request).await.unwrap();
        told.extend(page.experiments.into_iter().map(|one| one.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        told.push(page_token.clone());
    }
    // Not even a token names one that may not be seen.
    assert_eq!(told, ["experiments/cifar-1", "cifar-1", "experiments/svhn"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_a_token() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    config.tokens = Some(folder.path().join("tokens"));
    write_tokens(config.tokens.as_ref().unwrap(), &[]);
    let server = Running::start(config).await;
    let endpoint = format!("http://{}", server.address);
    let credentials = Credentials::default();
    let mut health = HealthClient::new(credentials.channel(&endpoint, &options()).unwrap());
    let answer = health.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
    server.stop().await;
}
