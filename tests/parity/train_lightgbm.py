#!/usr/bin/env python3
"""Trains small LightGBM models and writes what LightGBM itself answers for rows that try to break a reader.

    python3 train_lightgbm.py OUT_DIR [--seed N] [--rows N] [--only NAME]

Needs the packages of requirements.txt (or requirements-v3.txt, requirements-v2.txt: the installed version decides
which format is written, and which models of the catalogue it can train). For each model it writes NAME.txt (the
model), NAME.rows.csv (inputs) and NAME.expect.csv (LightGBM's raw scores, predictions and leaves), all numbers as
hexadecimal floats. Everything is seeded: the same packages and the same machine give the same files.
"""
import argparse
import math
import os
import re
import sys

import lightgbm as lgb
import numpy as np

MAJOR = int(lgb.__version__.split(".")[0])
BASE = dict(verbose=-1, num_threads=1, seed=7, min_data_in_leaf=5, num_leaves=6, learning_rate=0.2,
            min_data_per_group=5, cat_smooth=1.0, min_data_in_bin=1)
TINY = float(np.float32(1e-35))  # LightGBM's zero threshold: a float, widened


class Data:
    """400 rows of six columns: two plain, one sparse, one with missing values, two of category ids."""

    def __init__(self, seed):
        r = np.random.RandomState(seed)
        n = 400
        a, b = r.randn(n), r.exponential(2.0, n)
        sparse = np.where(r.rand(n) < 0.6, 0.0, r.randn(n))
        gaps = np.where(r.rand(n) < 0.25, np.nan, r.randn(n))
        few = r.randint(0, 3, n).astype(float)
        many = r.choice([0, 1, 2, 5, 31, 32, 33, 63, 64, 100, 257, 1000, 4095], n).astype(float)
        self.x = np.stack([a, b, sparse, gaps, few, many], axis=1)
        self.score = (a + 0.3 * b + np.where(sparse == 0.0, 0.8, sparse) + np.where(np.isnan(gaps), 1.0, 0.5 * gaps)
                      + 0.7 * (few == 1) + 0.9 * np.isin(many, [1, 32, 100, 4095]) + 0.3 * r.randn(n))
        self.random = r
        self.kept = list(range(6))  # the columns that the model sees

    def real(self):
        return self.score

    def positive(self):
        return np.exp(0.4 * self.score)

    def counts(self):
        return self.random.poisson(np.exp(0.3 * self.score)).astype(float)

    def binary(self):
        return (self.score > np.median(self.score)).astype(float)

    def share(self):
        return 1.0 / (1.0 + np.exp(-self.score))

    def classes(self):
        return np.digitize(self.score, np.quantile(self.score, [0.4, 0.7])).astype(float)

    def grades(self):
        return np.digitize(self.score, np.quantile(self.score, [0.5, 0.8])).astype(float)


def train(data, label, rounds=5, categories=(), keep=None, **params):
    """A trained booster. `categories` are column numbers; `keep` limits the columns."""
    p = dict(BASE)
    p.update(params)
    if MAJOR < 4 and p.pop("data_sample_strategy", None) == "goss":
        p["boosting"] = "goss"
    data.kept = keep or data.kept
    x = data.x[:, data.kept]
    kinds = {}
    if p["objective"] in ("lambdarank", "rank_xendcg"):
        kinds["group"] = [20] * 20
    feature_name = p.pop("names", "auto")
    init_model = p.pop("init_model", None)
    fobj = p.pop("fobj", None)
    if p.get("linear_tree"):
        kinds["params"] = {"linear_tree": True, "verbose": -1}
    d = lgb.Dataset(x, label, categorical_feature=list(categories) or "auto", feature_name=feature_name,
                    free_raw_data=False, **kinds)
    if fobj and MAJOR >= 4:
        p["objective"] = fobj
        return lgb.train(p, d, rounds, init_model=init_model)
    if fobj:
        p["objective"] = "none"
        return lgb.train(p, d, rounds, init_model=init_model, fobj=fobj)
    return lgb.train(p, d, rounds, init_model=init_model)


def squared_error(scores, dataset):
    return scores - dataset.get_label(), np.ones_like(scores)


def squared_error_three(scores, dataset):
    """Three outputs, each fitted to the label shifted by its number. One layout for the old and new interface."""
    label = dataset.get_label()
    s = scores.reshape(len(label), 3, order="F")
    g = s - (label[:, None] + np.arange(3)[None, :])
    if MAJOR >= 4:
        return g, np.ones_like(g)
    return g.ravel(order="F"), np.ones(g.size)


def early_stopped(data):
    """Saved at its best iteration: the file has fewer trees than were trained."""
    p = dict(BASE, objective="regression", learning_rate=0.9, metric="l2")
    data.kept = [0, 1, 2, 3]
    d = lgb.Dataset(data.x[:200, :4], data.real()[:200], free_raw_data=False)
    v = lgb.Dataset(data.x[200:, :4], data.real()[200:], reference=d, free_raw_data=False)
    if MAJOR >= 4:
        b = lgb.train(p, d, 60, valid_sets=[v], callbacks=[lgb.early_stopping(4, verbose=False)])
    else:
        b = lgb.train(p, d, 60, valid_sets=[v], early_stopping_rounds=4, verbose_eval=False)
    assert 0 < b.best_iteration < 60
    return b


def continued(data):
    first = train(data, data.real(), 3, objective="regression")
    return train(data, data.real(), 3, objective="regression", init_model=first)


def gaps_only(data):
    """Only the absence of a value tells: such splits are written threshold=inf or next to it."""
    d = Data(0)
    d.x = data.x.copy()
    y = np.where(np.isnan(d.x[:, 3]), 3.0, 0.0) + np.where(d.x[:, 2] == 0.0, 1.0, 0.0)
    return train(d, y, 4, objective="regression", min_data_in_leaf=1)


def constant(data):
    """Nothing to learn: trees of one leaf."""
    return train(data, np.full(400, 2.5), 3, objective="regression")


def single_leaves(data):
    """A rare class that can never be split off: one class's trees have one leaf, the others grow."""
    y = data.classes()
    y[:] = np.where(np.arange(400) < 3, 2.0, np.minimum(y, 1.0))
    return train(data, y, 3, objective="multiclass", num_class=3, min_data_in_leaf=40)


def edited(text_of, edit):
    """A sound model after a change of its text that LightGBM reads in the same way."""
    return lambda data: edit(text_of(data).model_to_string())


def plain(data):
    return train(data, data.real(), 4, objective="regression")


def logloss(data):
    return train(data, data.binary(), 4, objective="binary")


def without_sizes(text):
    return re.sub(r"tree_sizes=[^\n]*\n", "", text)


#    name               formats       how
CATALOGUE = [
    ("regression",       "v2 v3 v4", plain),
    ("l1",               "v4",       lambda d: train(d, d.real(), objective="regression_l1")),
    ("sqrt",             "v2 v4",    lambda d: train(d, d.score * np.abs(d.score), objective="regression", reg_sqrt=True)),
    ("huber",            "v4",       lambda d: train(d, d.real(), objective="huber", alpha=0.8)),
    ("fair",             "v4",       lambda d: train(d, d.real(), objective="fair")),
    ("quantile",         "v4",       lambda d: train(d, d.real(), objective="quantile", alpha=0.3)),
    ("mape",             "v4",       lambda d: train(d, d.positive(), objective="mape")),
    ("poisson",          "v3 v4",    lambda d: train(d, d.counts(), objective="poisson")),
    ("gamma",            "v4",       lambda d: train(d, d.positive(), objective="gamma")),
    ("tweedie",          "v4",       lambda d: train(d, d.counts(), objective="tweedie")),
    ("binary",           "v2 v3 v4", lambda d: train(d, d.binary(), 8, objective="binary")),
    ("binary_sigmoid",   "v4",       lambda d: train(d, d.binary(), objective="binary", sigmoid=1.37)),
    ("binary_wide",      "v4",       lambda d: train(d, d.binary(), 30, objective="binary", learning_rate=1.5, num_leaves=3)),
    ("multiclass",       "v2 v3 v4", lambda d: train(d, d.classes(), 3, objective="multiclass", num_class=3)),
    ("multiclassova",    "v4",       lambda d: train(d, d.classes(), 3, objective="multiclassova", num_class=3, sigmoid=0.7)),
    ("cross_entropy",    "v3 v4",    lambda d: train(d, d.share(), objective="cross_entropy")),
    ("cross_entropy_lambda", "v4",   lambda d: train(d, d.share(), objective="cross_entropy_lambda")),
    ("lambdarank",       "v4",       lambda d: train(d, d.grades(), objective="lambdarank")),
    ("rank_xendcg",      "v4",       lambda d: train(d, d.grades(), objective="rank_xendcg")),
    ("custom",           "v3 v4",    lambda d: train(d, d.real(), objective="custom", fobj=squared_error)),
    ("custom_three",     "v4",       lambda d: train(d, d.real(), 3, objective="custom", num_class=3, fobj=squared_error_three)),
    ("dart",             "v3 v4",    lambda d: train(d, d.real(), 8, objective="regression", boosting="dart", drop_rate=0.5)),
    ("rf",               "v2 v3 v4", lambda d: train(d, d.binary(), 7, objective="binary", boosting="rf", bagging_freq=1,
                                                     bagging_fraction=0.6)),
    ("rf_multiclass",    "v4",       lambda d: train(d, d.classes(), 3, objective="multiclass", num_class=3, boosting="rf",
                                                     bagging_freq=1, bagging_fraction=0.6)),
    ("goss",             "v4",       lambda d: train(d, d.real(), objective="regression", data_sample_strategy="goss")),
    ("missing_none",     "v2 v4",    lambda d: train(d, d.real(), objective="regression", use_missing=False)),
    ("missing_zero",     "v2 v3 v4", lambda d: train(d, d.real(), objective="regression", zero_as_missing=True)),
    ("categorical",      "v2 v3 v4", lambda d: train(d, d.real(), objective="regression", categories=[4, 5])),
    ("categorical_zero", "v4",       lambda d: train(d, d.binary(), objective="binary", categories=[4, 5],
                                                     zero_as_missing=True)),
    ("categories_only",  "v4",       lambda d: train(d, d.real(), objective="regression", keep=[4, 5], categories=[0, 1])),
    ("linear_tree",      "v3 v4",    lambda d: train(d, d.real(), objective="regression", linear_tree=True)),
    ("linear_mixed",     "v4",       lambda d: train(d, d.binary(), objective="binary", linear_tree=True, categories=[4, 5])),
    ("threshold_inf",    "v4",       gaps_only),
    ("constant",         "v3 v4",    constant),
    ("single_leaves",    "v4",       single_leaves),
    ("early_stopped",    "v3 v4",    early_stopped),
    ("continued",        "v4",       continued),
    ("monotone",         "v4",       lambda d: train(d, d.real(), 3, objective="regression", keep=[0, 1, 2, 3],
                                                     monotone_constraints=[1, 0, -1, 0])),
    ("names",            "v4",       lambda d: train(d, d.real(), 3, objective="regression", keep=[0, 1, 3],
                                                     names=["größe", "a=b", "Tree=1"])),
    ("many_leaves",      "v4",       lambda d: train(d, d.real(), 1, objective="regression", num_leaves=300,
                                                     min_data_in_leaf=1, min_sum_hessian_in_leaf=0.0)),
    ("no_tree_sizes",    "v4",       edited(plain, without_sizes)),
    ("crlf",             "v4",       edited(plain, lambda t: without_sizes(t).replace("\n", "\r\n"))),
    ("more_words",       "v4",       edited(logloss, lambda t: t.replace("objective=binary sigmoid:1",
                                                                         "objective=binary sigmoid:1 later:3 word"))),
    ("alias",            "v4",       edited(plain, lambda t: t.replace("objective=regression", "objective=rmse"))),
    ("pandas",           "v4",       edited(logloss, lambda t: t.replace("pandas_categorical:null",
                                                                         'pandas_categorical:[["a", "b"], [1, 2, 3]]'))),
]

SPECIAL = [math.nan, 0.0, -0.0, math.inf, -math.inf, 1e-35, -1e-35, TINY, -TINY, np.nextafter(TINY, 1), np.nextafter(TINY, 0),
           np.nextafter(-TINY, -1), np.nextafter(-TINY, 0), np.nextafter(1e-35, 1), 5e-324, -5e-324, 1e-310, 1e-40, 1.7e308,
           -1.7e308, 1e18]
CATEGORY = [math.nan, -0.0, -0.5, -1.0, -1e-300, 0.5, 0.999, 1.5, 31.9, 32.0, 33.0, 63.0, 64.0, 65.0, 100.0, 257.0, 1000.0, 4095.0,
            4096.0, 99999.0, 2147483647.0, 2147483647.5, 2147483648.0, 4294967296.0, 4294967297.0, 4294967328.0, 1e18, 1e300,
            math.inf, -math.inf, -2147483649.0]


def probes(text, n_features, seed):
    """For each feature: the values at which the model could go wrong. Every threshold and both its neighbours."""
    pool = [set() for _ in range(n_features)]
    category = [False] * n_features
    for block in text.replace("\r", "").split("Tree=")[1:]:
        line = dict(part.split("=", 1) for part in block.split("\n") if "=" in part)
        if "threshold" not in line:
            continue
        kinds = [int(t) for t in line["decision_type"].split()]
        for f, t, k in zip(line["split_feature"].split(), line["threshold"].split(), kinds):
            if k & 1:
                category[int(f)] = True
            elif len(pool[int(f)]) < 90:
                t = float(t)
                pool[int(f)].update([t, float(np.nextafter(t, -math.inf)), float(np.nextafter(t, math.inf))])
    r = np.random.RandomState(seed)
    out = []
    for f in range(n_features):
        special = CATEGORY if category[f] else SPECIAL
        out.append(sorted(pool[f]) + [float(v) for v in special])
        r.shuffle(out[-1])
    return out


def make_rows(text, data, n_features, n_rows, seed):
    """Rows of the data with probe values set in: one column, then a third of them, then all."""
    r = np.random.RandomState(seed + 1)
    pool = probes(text, n_features, seed)
    rows = []
    for i in range(n_rows):
        row = list(data.x[r.randint(len(data.x)), data.kept])
        share = (0.0, 1.0 / n_features, 0.35, 1.0)[i % 4]
        for f in range(n_features):
            if i % 4 == 3 or r.rand() < share:
                row[f] = pool[f][i % len(pool[f])] if r.rand() < 0.6 else pool[f][r.randint(len(pool[f]))]
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def write_csv(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(",".join(header) + "\n")
        for row in rows:
            f.write(",".join(float(v).hex() for v in row) + "\n")


def write_model(out, name, text, data, n_rows, seed):
    """Writes the three files; the answers are those of a booster loaded from the text."""
    path = os.path.join(out, name + ".txt")
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    booster = lgb.Booster(model_file=path)
    n_features = booster.num_feature()
    rows = make_rows(text, data, n_features, n_rows, seed)
    two = lambda a: a.reshape(len(rows), -1)
    raw, prediction = two(booster.predict(rows, raw_score=True)), two(booster.predict(rows))
    leaf = two(booster.predict(rows, pred_leaf=True))
    header = (["raw_%d" % i for i in range(raw.shape[1])] + ["prediction_%d" % i for i in range(prediction.shape[1])]
              + ["leaf_%d" % i for i in range(leaf.shape[1])])
    write_csv(os.path.join(out, name + ".rows.csv"), ["f%d" % i for i in range(n_features)], rows)
    write_csv(os.path.join(out, name + ".expect.csv"), header, np.concatenate([raw, prediction, leaf], axis=1))


def lf_of(text):
    """What LightGBM can read itself: its reader stops at its own file with CRLF line ends."""
    return text.replace("\r\n", "\n")


def format_of(text):
    return re.search(r"version=(\w+)", text).group(1)


def build(out, seed=11, n_rows=72, only=None):
    """Trains the catalogue into `out`; returns the names."""
    os.makedirs(out, exist_ok=True)
    version = "v4" if MAJOR >= 4 else "v2" if lgb.__version__ < "2.3" else "v3"
    names = []
    for name, formats, how in CATALOGUE:
        if version not in formats.split() or (only and name != only):
            continue
        data = Data(seed)
        made = how(data)
        text = made if isinstance(made, str) else made.model_to_string()
        assert format_of(text) == version, (name, format_of(text))
        full = name + "-" + version
        write_model(out, full, lf_of(text), data, n_rows, seed)
        if "\r\n" in text:
            with open(os.path.join(out, full + ".txt"), "w", encoding="utf-8", newline="") as f:
                f.write(text)
        names.append(full)
    return names


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("out")
    a.add_argument("--seed", type=int, default=11)
    a.add_argument("--rows", type=int, default=72)
    a.add_argument("--only")
    o = a.parse_args()
    names = build(o.out, o.seed, o.rows, o.only)
    print("lightgbm %s: %d models" % (lgb.__version__, len(names)), file=sys.stderr)


if __name__ == "__main__":
    main()
