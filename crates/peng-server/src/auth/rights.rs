//! The right that each call needs: the one table.

use super::scope::Right;

/// A method of the API and who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rpc {
    /// `/package.Service/Method`.
    pub(crate) path: &'static str,
    /// On the experiment that it is about; `None` is open to everyone.
    pub(crate) needs: Option<Right>,
}

const fn needs(path: &'static str, right: Right) -> Rpc {
    Rpc {
        path,
        needs: Some(right),
    }
}

const fn open(path: &'static str) -> Rpc {
    Rpc { path, needs: None }
}

/// Calls to the search service are about the experiment with the search's id.
pub(crate) const RPCS: &[Rpc] = &[
    needs(
        "/peng4nn.v1.PredictionService/ReportObservation",
        Right::Report,
    ),
    needs(
        "/peng4nn.v1.PredictionService/StreamObservations",
        Right::Report,
    ),
    needs(
        "/peng4nn.v1.PredictionService/CreateExperiment",
        Right::Admin,
    ),
    needs("/peng4nn.v1.PredictionService/GetExperiment", Right::Read),
    needs("/peng4nn.v1.PredictionService/ListExperiments", Right::Read),
    needs(
        "/peng4nn.v1.PredictionService/DeleteExperiment",
        Right::Admin,
    ),
    needs("/peng4nn.v1.PredictionService/CreateTrial", Right::Report),
    needs("/peng4nn.v1.PredictionService/GetTrial", Right::Read),
    needs("/peng4nn.v1.PredictionService/ListTrials", Right::Read),
    needs("/peng4nn.v1.PredictionService/CompleteTrial", Right::Report),
    needs("/peng4nn.v1.PredictionService/RollBackTrial", Right::Report),
    needs("/peng4nn.v1.PredictionService/PredictFitness", Right::Read),
    needs("/peng4nn.v1.PredictionService/WatchExperiment", Right::Read),
    needs("/peng4nn.v1.SearchService/LeaseCandidate", Right::Report),
    needs("/peng4nn.v1.SearchService/RenewLease", Right::Report),
    needs("/peng4nn.v1.SearchService/CompleteCandidate", Right::Report),
    needs("/peng4nn.v1.SearchService/GetSearch", Right::Read),
    needs("/peng4nn.v1.SearchService/ListSearches", Right::Read),
    needs("/peng4nn.v1.SearchService/ListCandidates", Right::Read),
    needs("/peng4nn.v1.SearchService/PauseSearch", Right::Admin),
    needs("/peng4nn.v1.SearchService/ResumeSearch", Right::Admin),
    needs("/peng4nn.v1.SearchService/WatchSearch", Right::Read),
    // Asked by probes that have no token; they tell no more than whether it runs.
    open("/grpc.health.v1.Health/Check"),
    open("/grpc.health.v1.Health/List"),
    open("/grpc.health.v1.Health/Watch"),
    // The API is public.
    open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
    open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
];

/// What is not in the table: only for those who may do everything.
const OTHER: Rpc = needs("another method", Right::Admin);

impl Rpc {
    /// The method of that path.
    pub(crate) fn of(path: &str) -> Self {
        let known = RPCS.iter().find(|rpc| rpc.path == path);
        known.copied().unwrap_or(OTHER)
    }

    /// Whether it counts among the calls under way; whether the server lives is told at any time.
    pub(crate) fn is_limited(&self) -> bool {
        self.path != "/grpc.health.v1.Health/Check"
    }

    /// Whether what it answers with may be large: a page of a list, a trial with its curve.
    pub(crate) fn answers_with_a_page(&self) -> bool {
        let method = self.path.rsplit('/').next();
        method.is_some_and(|name| name.starts_with("List") || name == "GetTrial")
    }

    /// `package.Service`; empty of a path that is in no table.
    pub(crate) fn service(&self) -> &'static str {
        let path = self.path.strip_prefix('/');
        path.and_then(|path| path.split_once('/'))
            .map_or("", |(service, _)| service)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn every_method_of_the_protos_is_in_the_table() {
        let files = prost_types::FileDescriptorSet::decode(peng_proto::DESCRIPTORS).unwrap();
        let mut methods = 0;
        for file in &files.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    assert_ne!(Rpc::of(&path), OTHER, "{path} is not in the table");
                    methods += 1;
                }
            }
        }
        let ours = |rpc: &&Rpc| rpc.path.starts_with("/peng4nn.");
        assert_eq!(methods, RPCS.iter().filter(ours).count());
    }

    #[test]
    fn what_is_not_in_the_table_needs_every_right() {
        assert_eq!(Rpc::of("/peng4nn.v2.New/Call").needs, Some(Right::Admin));
        assert_eq!(Rpc::of("/grpc.health.v1.Health/Check").needs, None);
        assert_eq!(RPCS[0].service(), "peng4nn.v1.PredictionService");
        assert!(Rpc::of("/peng4nn.v1.PredictionService/ListTrials").answers_with_a_page());
        assert!(!RPCS[0].answers_with_a_page());
    }
}
