"""The work of `peng4nn bench` through Optuna's gRPC storage proxy with its MedianPruner.

Workers ask for trials, report the recorded accuracies epoch by epoch, and ask after
each whether to prune: one report and one answer are a pair. Printed are pairs a
second. Needs `pip install optuna grpcio protobuf`.
"""

import argparse
import csv
import gzip
import multiprocessing
import os
import pathlib
import socket
import tempfile
import threading
import time

import optuna

WORKERS = 16


def read(path: pathlib.Path) -> list[list[float]]:
    """The accuracies of each curve by epoch."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        curves: dict[str, dict[float, float]] = {}
        for row in csv.DictReader(file):
            curve = curves.setdefault(row["curve_id"], {})
            curve[float(row["epoch"])] = float(row["val_accuracy"])
    return [[values[epoch] for epoch in sorted(values)] for values in curves.values()]


def serve(kind: str, folder: str, port: int) -> None:
    if kind == "memory":
        storage = optuna.storages.InMemoryStorage()
    else:
        storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
    optuna.storages.run_grpc_proxy_server(storage, host="127.0.0.1", port=port)


def work(port: int, name: str, curves: list[list[float]], end: float, counts: list[int]) -> None:
    storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=port)
    study = optuna.load_study(
        study_name=name, storage=storage, pruner=optuna.pruners.MedianPruner()
    )
    while time.time() < end:
        trial = study.ask()
        state, value = optuna.trial.TrialState.COMPLETE, None
        for epoch, value in enumerate(curves[trial.number % len(curves)], 1):
            trial.report(value, epoch)
            pruned = trial.should_prune()
            counts.append(1)
            if pruned:
                state = optuna.trial.TrialState.PRUNED
                break
            if time.time() >= end:
                break
        study.tell(trial, None if state == optuna.trial.TrialState.PRUNED else value, state=state)


def measure(kind: str, curves: list[list[float]], seconds: float) -> float:
    """Pairs a second."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = multiprocessing.Process(target=serve, args=(kind, folder, port), daemon=True)
        server.start()
        storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=port)
        storage.wait_server_ready(timeout=60)
        study = optuna.create_study(storage=storage, direction="maximize")
        start, counts = time.time(), []
        workers = [
            threading.Thread(
                target=work, args=(port, study.study_name, curves, start + seconds, counts)
            )
            for _ in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        rate = len(counts) / (time.time() - start)
        server.kill()
        server.join()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curves", type=pathlib.Path, help="curve_id, epoch, val_accuracy")
    parser.add_argument("--seconds", type=float, default=15.0, help="for each storage")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    curves = read(options.curves)
    print(f"Optuna {optuna.__version__}, {WORKERS} workers, {os.cpu_count()} cores")
    for kind in ("sqlite", "memory"):
        print(f"{kind:<8}{measure(kind, curves, options.seconds):10.1f} pairs a second")


if __name__ == "__main__":
    main()
