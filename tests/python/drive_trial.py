"""Drives one trial from its creation to STOP against a running server.

Uses nothing of the project but `proto/`: stubs are made from it on the spot, and
the services are found by reflection.
"""

import argparse
import importlib
import json
import pathlib
import sys
import tempfile

import grpc
import grpc_tools
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc


def stubs(proto: pathlib.Path):
    """The generated modules of the prediction service and of its messages."""
    out = tempfile.mkdtemp(prefix="peng4nn-stubs-")
    bundled = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(str(file) for file in proto.rglob("*.proto"))
    arguments = ["protoc", f"-I{proto}", f"-I{bundled}", f"--python_out={out}"]
    code = protoc.main([*arguments, f"--grpc_python_out={out}", *files])
    if code != 0:
        raise SystemExit(f"protoc ended with {code}")
    sys.path.insert(0, out)
    names = ["experiment_pb2", "trial_pb2", "prediction_service_pb2", "prediction_service_pb2_grpc"]
    return [importlib.import_module(f"peng4nn.v1.{name}") for name in names]


def rising(ceiling: float, epoch: int) -> float:
    """Validation accuracy in percent, as a training would report it."""
    return ceiling - (ceiling - 10.0) * 0.5**epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="host:port")
    parser.add_argument("--proto", required=True, type=pathlib.Path, help="the folder proto/")
    options = parser.parse_args()

    experiment_pb2, trial_pb2, messages, service = stubs(options.proto)
    with grpc.insecure_channel(options.endpoint) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
        predictor = service.PredictionServiceStub(channel)

        experiment = predictor.CreateExperiment(
            messages.CreateExperimentRequest(
                experiment_id="from-python",
                experiment=experiment_pb2.Experiment(target_epoch=20),
            )
        ).experiment
        trial = predictor.CreateTrial(
            messages.CreateTrialRequest(parent=experiment.name, trial_id="network-1")
        ).trial

        for epoch in range(1, 21):
            observation = trial_pb2.Observation(epoch=epoch, value=rising(80.0, epoch))
            decision = predictor.ReportObservation(
                messages.ReportObservationRequest(trial=trial.name, observation=observation)
            ).decision
            if decision.must_stop:
                break

        trial = predictor.GetTrial(messages.GetTrialRequest(name=trial.name)).trial
        try:
            observation = trial_pb2.Observation(epoch=-1, value=50)
            predictor.ReportObservation(
                messages.ReportObservationRequest(trial=trial.name, observation=observation)
            )
            refused = None
        except grpc.RpcError as error:
            refused = {"code": error.code().name, "message": error.details()}

    print(
        json.dumps(
            {
                "services": sorted(services),
                "state": trial_pb2.TrialState.Name(trial.state),
                "stop_epoch": trial.stop.epoch,
                "reason": trial_pb2.Reason.Name(trial.stop.decision.reason),
                "fitness": trial.fitness,
                "refused": refused,
            }
        )
    )


if __name__ == "__main__":
    main()
