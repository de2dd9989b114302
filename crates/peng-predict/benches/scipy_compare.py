#!/usr/bin/env python3
"""Times SciPy's curve_fit and the engine's fit on the same points, and prints the ratio.

Run it from the repository's root, with SciPy installed, after
`cargo bench -p peng-predict --bench fit -- fit/`: the engine's medians are read from
target/criterion (or from CARGO_TARGET_DIR). SciPy's figure is CPU time: the least mean of
five rounds.
"""

import json
import math
import os
import pathlib
import time
import warnings

import numpy as np
from scipy.optimize import curve_fit

INF = np.inf
# Formula, bounds and start by family, as the published code has them for `exp`.
FAMILIES = {
    "exp": (lambda x, a, b, c: a - b ** (c - x), ([0.5, 1, 0], [200, INF, INF]), None),
    "pow3": (lambda x, a, b, c: a * x**b + c, ([-1000, -20, 0], [1000, 0, 200]), [-10, -1, 50]),
    "exp3": (lambda x, a, b, c: a * np.exp(b * x) + c, ([-1000, -40, 0], [1000, 0, 200]), [-10, -1, 50]),
    "vap3": (lambda x, a, b, c: np.exp(a + b / x + c * np.log(x)), ([-30, -20, -3], [10, 5, 3]), [3, 0, 0]),
    "mmf4": (
        lambda x, a, b, c, d: (a * b + c * x**d) / (b + x**d),
        ([-1000, 1e-9, 0, 0.1], [1000, INF, 200, 8]),
        [10, 1, 80, 1],
    ),
    "wbl4": (
        lambda x, a, b, c, d: a - b * np.exp(-c * x**d),
        ([0, -1000, 0, 0.1], [200, 1000, INF, 8]),
        [80, 50, 0.1, 1],
    ),
}


KINDS = 12


def curve(kind, points):
    x = np.arange(1, points + 1, dtype=float)
    noise = [math.fmod(math.sin(12.9898 * at + kind) * 43758.5453, 1.0) for at in x]
    rise = (50 - kind) * np.exp(-(0.08 + 0.04 * kind) * x)
    return x, 55 + 3 * kind - rise + np.array(noise)


def scipy_seconds(family, points):
    function, bounds, start = FAMILIES[family]
    curves = [curve(kind, points) for kind in range(KINDS)]

    def once():
        for x, y in curves:
            try:
                curve_fit(function, x, y, p0=start, bounds=bounds)
            except RuntimeError:
                pass  # No fit found takes its time, too.

    once()
    means = []
    for _ in range(5):
        began = time.process_time()
        once()
        means.append((time.process_time() - began) / KINDS)
    return min(means)


def engine_seconds(family, points):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    path = target / "criterion" / "fit" / family / str(points) / "new" / "estimates.json"
    return json.loads(path.read_text())["median"]["point_estimate"] * 1e-9


def main():
    warnings.simplefilter("ignore")
    print(f"{'family':8}{'points':>8}{'SciPy us':>12}{'engine us':>12}{'ratio':>9}")
    for family in FAMILIES:
        for points in (5, 10, 20, 50):
            theirs, ours = scipy_seconds(family, points), engine_seconds(family, points)
            print(f"{family:8}{points:8}{theirs * 1e6:12.0f}{ours * 1e6:12.2f}{theirs / ours:9.0f}")


if __name__ == "__main__":
    main()
