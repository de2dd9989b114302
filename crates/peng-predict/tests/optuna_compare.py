#!/usr/bin/env python3
"""Compares median, asha and hyperband with Optuna's own pruners, decision by decision.

    python optuna_compare.py PENG4NN CURVES.csv.gz ..

PENG4NN is the binary, Optuna 5 has to be installed. Each file is replayed in the order of
`peng4nn evaluate --workers 4`, once by Optuna and once by the binary; if every trial ends at the
same epoch, every decision was the same. Known differences are levelled here: Optuna may prune
at the target epoch, where nothing is left to save, and hashes trials into brackets otherwise.
"""

import collections
import csv
import gzip
import subprocess
import sys
import tempfile

import optuna

MASK = (1 << 64) - 1


def mix(state):
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def order(count, seed):
    places, state = list(range(count)), seed
    for left in range(count, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        place = (mix(state) * left) >> 64
        places[left - 1], places[place] = places[place], places[left - 1]
    return places


class Hyperband(optuna.pruners.HyperbandPruner):
    """Optuna's, with our hash of a trial's number."""

    def _get_bracket_id(self, study, trial):
        if not self._pruners:
            return 0
        rest = mix((trial.number + 0x9E3779B97F4A7C15) & MASK) % self._total_trial_allocation_budget
        for bracket, odds in enumerate(self._trial_allocation_budgets):
            if rest < odds:
                return bracket
            rest -= odds
        raise AssertionError


def curves(path):
    """The curves by name, in the order of their names, as the binary takes them."""
    found = {}
    with gzip.open(path, "rt") as rows:
        for row in csv.DictReader(rows):
            point = (int(row["epoch"]), float(row["val_accuracy"]))
            found.setdefault(row["curve_id"], []).append(point)
    return {name: sorted(points) for name, points in sorted(found.items())}


def replay(points, pruner, seed, workers=4):
    """The epochs used by each curve."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    waiting, running, used = order(len(points), seed), [], {}
    while waiting or running:
        while waiting and len(running) < workers:
            running.append([waiting.pop(0), study.ask(), 0])
        for entry in list(running):
            curve, trial, done = entry
            epoch, value = points[curve][done]
            trial.report(value, epoch)
            entry[2] = done + 1
            last = done + 1 == len(points[curve])
            if trial.should_prune() and not last:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            elif last:
                study.tell(trial, value)
            else:
                continue
            used[curve] = done + 1
            running.remove(entry)
    return used


def ours(binary, path, policy, seeds):
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        command = [binary, "evaluate", "--curves", path, "--policy", policy]
        command += ["--seeds", str(seeds), "--per-trial", out.name, "--format", "json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = collections.defaultdict(dict)
        with open(out.name) as rows:
            for row in csv.DictReader(rows):
                found[int(row["seed"])][row["curve_id"]] = int(row["epochs_used"])
        return found


def main(binary, paths, seeds=2):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    differences = 0
    for path in paths:
        by_name = curves(path)
        names, points = list(by_name), list(by_name.values())
        target = max(epoch for curve in points for epoch, _ in curve)
        makers = {
            "median": lambda: optuna.pruners.MedianPruner(),
            "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
            "hyperband": lambda: Hyperband(min_resource=1, max_resource=target, reduction_factor=3),
        }
        for policy, make in makers.items():
            mine = ours(binary, path, policy, seeds)
            same = decisions = 0
            for seed in range(1, seeds + 1):
                theirs = replay(points, make(), seed)
                for curve, name in enumerate(names):
                    same += theirs[curve] == mine[seed][name]
                    decisions += theirs[curve]
            total = seeds * len(names)
            differences += total - same
            print(f"{path} {policy}: {same} of {total} trials end alike, {decisions} decisions", flush=True)
    return differences


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]) > 0)
