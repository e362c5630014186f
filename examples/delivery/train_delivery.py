#!/usr/bin/env python3
"""Makes release/main.txt and release/simple.json from invented deliveries. Needs lightgbm and numpy; gives the same bytes each time.

The data is invented on purpose: this example is for the documentation, which wants a model that fits on a page.
"""

import json
import pathlib

import lightgbm
import numpy

HERE = pathlib.Path(__file__).resolve().parent
INPUTS = ["items", "rain", "distance", "kitchen_minutes", "bicycle"]
ROWS = 4000


def deliveries():
    random = numpy.random.default_rng(7)
    rows = numpy.column_stack([
        random.integers(1, 9, ROWS), numpy.maximum(0, random.normal(-1, 2, ROWS)).round(1),
        random.gamma(2, 1.5, ROWS).round(1), random.integers(5, 26, ROWS), random.integers(0, 2, ROWS)])
    items, rain, distance, kitchen, bicycle = rows.T
    minutes = kitchen + 0.8 * items + distance * (2.5 + bicycle) + rain * (1 + 2 * bicycle) + random.normal(0, 3, ROWS)
    return rows.astype(float), minutes


def main():
    rows, minutes = deliveries()
    settings = {"objective": "regression", "num_leaves": 6, "learning_rate": 0.3, "min_data_in_leaf": 20,
                "num_threads": 1, "deterministic": True, "force_col_wise": True, "seed": 7, "verbose": -1}
    trees = lightgbm.train(settings, lightgbm.Dataset(rows, minutes, feature_name=INPUTS), num_boost_round=12)
    trees.save_model(HERE / "release/main.txt")
    weight, start = numpy.polyfit(rows[:, 0], minutes, 1)
    simple = {"kind": "linear", "inputs": ["items"], "weights": [round(weight, 2)], "intercept": round(start, 2)}
    (HERE / "release/simple.json").write_text(json.dumps(simple) + "\n")


if __name__ == "__main__":
    main()
