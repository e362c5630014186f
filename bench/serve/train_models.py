#!/usr/bin/env python3
"""Trains the models that all servers serve, and writes what LightGBM itself answers: train_models.py FOLDER.

For each of `big` (500 trees of 31 leaves, 100 features) and `small` (50 trees of 15 leaves, 10 features):
NAME/model.txt, NAME/model-v3.txt (the same for readers that stop at format v3), NAME/model.onnx, and NAME/rows.json:
rows of f32 values, as the shortest decimals that give them back, with LightGBM's predictions for them. Seeded. Needs
peers/requirements-models.txt.
"""

import json
import pathlib
import sys

import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType

SEED, TRAINING_ROWS, ROWS = 20130614, 20000, 256
MODELS = {"big": (500, 31, 100), "small": (50, 15, 10)}


def data(features):
    r = np.random.default_rng(SEED)
    x = np.round(r.normal(size=(TRAINING_ROWS, features)), 4).astype(np.float32)
    score = np.sin(2 * x[:, :10]).sum(axis=1) + x[:, 0] * x[:, 1] + 0.1 * x.sum(axis=1)
    return x, (score + r.normal(size=TRAINING_ROWS) > 0).astype(float)


def train(folder, trees, leaves, features):
    x, y = data(features)
    booster = lgb.train({"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "seed": SEED, "verbose": -1,
                         "num_threads": 1, "deterministic": True, "min_data_in_leaf": 5},
                        lgb.Dataset(x.astype(float), y), num_boost_round=trees)
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / "model.txt")
    text = (folder / "model.txt").read_text()
    (folder / "model-v3.txt").write_text(text.replace("version=v4", "version=v3", 1))
    onnx.save(onnxmltools.convert_lightgbm(booster, initial_types=[("input", FloatTensorType([None, features]))],
                                           zipmap=False, target_opset=15), folder / "model.onnx")
    rows = x[:ROWS]
    (folder / "rows.json").write_text(json.dumps({
        "rows": [[float(str(v)) for v in row] for row in rows],
        "predictions": booster.predict(rows.astype(float), num_threads=1).tolist()}))


def main():
    for name, sizes in MODELS.items():
        train(pathlib.Path(sys.argv[1]) / name, *sizes)


if __name__ == "__main__":
    main()
