#!/usr/bin/env python3
"""Trains the example's two models. Run by hand, in an environment of its own:

    python3 -m venv venv && venv/bin/pip install lightgbm==4.6.0 numpy==2.2.6
    venv/bin/python train.py FLIGHTS_FOLDER

January to May by local date is learned from; --validate is how settings were chosen, by those months alone. June is not
looked at until the figures are printed. FEATURES computes
what release.yaml's expressions say, one function a feature, so that what is trained is what is served. Seeds and the
number of threads are fixed: the same data and versions give the same files.

Writes main.txt (LightGBM), simple.json (a logistic model on a few features), lookups/*.csv, and
data/expected.csv.gz: what LightGBM itself answers for two days, by features computed here.
"""

import csv
import datetime
import json
import math
import statistics
import sys

import lightgbm
import numpy

import prepare

TRAIN = ("2013-01-01", "2013-05-31")
TEST = ("2013-06-01", "2013-06-30")
EXPECTED_DAYS = ("2013-06-13", "2013-06-14")
LATE_MIN = 15
ROUTE_FLIGHTS_MIN = 20       # a route with fewer in the training months has no usual time in the air

PARAMETERS = {
    "objective": "binary", "learning_rate": 0.02, "num_leaves": 31, "min_data_in_leaf": 400, "lambda_l2": 20.0,
    "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "cat_smooth": 50.0, "cat_l2": 20.0,
    "max_cat_threshold": 16, "seed": 20130614, "deterministic": True, "force_row_wise": True, "num_threads": 1,
    "verbosity": -1,
}
TREES = 250


# ---------------------------------------------------------------- features: release.yaml in Python; None is null

def dep_hour(f):
    return int(f["sched_dep_local"][11:13])


def dep_minute(f):
    return int(f["sched_dep_local"][14:16])


def day_of_week(f):
    return datetime.date.fromisoformat(f["flight_date"]).isoweekday()


def plane_number(f, column):
    text = f["plane"].get(column, "NA")
    return None if text == "NA" else int(text)


def plane_age(f):
    built = plane_number(f, "year")
    return None if built is None else int(f["sched_dep_local"][:4]) - built


def route_air_min(f):
    return f["lookups"]["routes"].get(f["origin"] + "-" + f["dest"])


def slack_min(f):
    usual = route_air_min(f)
    return None if usual is None else f["sched_block_min"] - usual


def is_jet(f):
    engine = f["plane"].get("engine", "NA")
    return None if engine == "NA" else engine.startswith("Turbo-")


# The order is that of the model's inputs. The second part of the name tells LightGBM which are categories.
FEATURES = {
    "dep_hour": dep_hour,
    "dep_minute": dep_minute,
    "dep_minute_of_day": lambda f: dep_hour(f) * 60 + dep_minute(f),
    "arr_hour_utc": lambda f: int(f["sched_arr_utc"][11:13]),
    "is_weekend": lambda f: day_of_week(f) >= 6,
    "distance": lambda f: float(f["distance"]),
    "log_distance": lambda f: math.log1p(float(f["distance"])),
    "sched_block_min": lambda f: f["sched_block_min"],
    "block_speed_mph": lambda f: float(f["distance"]) * 60.0 / f["sched_block_min"] if f["sched_block_min"] else None,
    "route_air_min": route_air_min,
    "slack_min": slack_min,
    "slack_share": lambda f: None if slack_min(f) is None else slack_min(f) / route_air_min(f),
    "origin_hour_departures": lambda f: f["origin_hour_departures"],
    "flight_number": lambda f: f["flight"],
    "carrier_code": lambda f: f["lookups"]["carriers"].get(f["carrier"]),
    "origin_code": lambda f: f["lookups"]["origins"].get(f["origin"]),
    "dest_code": lambda f: f["lookups"]["dests"].get(f["dest"]),
    "is_regional": lambda f: f["carrier"] in ("9E", "EV", "MQ", "OO", "YV"),
    "plane_seen": lambda f: f["last_tailnum"] != "",
    "plane_known": lambda f: bool(f["plane"]),
    "plane_year": lambda f: plane_number(f, "year"),
    "plane_age": plane_age,
    "plane_seats": lambda f: plane_number(f, "seats"),
    "plane_engines": lambda f: plane_number(f, "engines"),
    "plane_is_jet": is_jet,
    "manufacturer_code": lambda f: f["lookups"]["manufacturers"].get(f["plane"].get("manufacturer")),
}
CATEGORIES = ["carrier_code", "origin_code", "dest_code", "manufacturer_code"]
SIMPLE = ["dep_minute_of_day", "is_weekend", "sched_block_min", "distance", "origin_hour_departures", "is_regional"]


# ---------------------------------------------------------------- data

def between(days, flight):
    return days[0] <= flight["flight_date"] <= days[1]


def codes(names):
    """{name: 0, 1, ...}, the commonest first and equal ones by name: the same on every machine."""
    counts = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return {name: i for i, name in enumerate(sorted(counts, key=lambda n: (-counts[n], n)))}


def usual_air_times(folder, keys):
    """{route: median minutes in the air} of the training months' arrivals."""
    minutes = {}
    for row in prepare.read(folder, "arrivals.csv.gz"):
        if row["flight_key"] in keys and row["air_time_min"] not in ("", "NA"):
            minutes.setdefault(f"{row['origin']}-{row['dest']}", []).append(int(row["air_time_min"]))
    return {route: float(statistics.median(m)) for route, m in sorted(minutes.items()) if len(m) >= ROUTE_FLIGHTS_MIN}


def load(folder):
    """(flights with all that a feature reads, lookups); a flight's `late` is None when no arrival is known."""
    planes = {row["tailnum"]: row for row in prepare.read(folder, "planes.csv")}
    delays = prepare.outcomes(folder)
    flights = [f for f in prepare.schedule_rows(folder) if f["flight_date"] <= TEST[1]]
    learned = [f for f in flights if between(TRAIN, f)]
    lookups = {
        "carriers": codes(f["carrier"] for f in learned),
        "origins": codes(f["origin"] for f in learned),
        "dests": codes(f["dest"] for f in learned),
        "manufacturers": codes(p["manufacturer"] for p in planes.values()),
        "routes": usual_air_times(folder, {f["flight_key"] for f in learned}),
    }
    for f in flights:
        f.update(plane=planes.get(f["last_tailnum"], {}), lookups=lookups, flight=int(f["flight"]),
                 sched_block_min=int(f["sched_block_min"]))
        delay = delays.get(f["flight_key"])
        f["late"] = None if delay is None else delay > LATE_MIN
    return flights, lookups


def write_lookups(lookups):
    for name, (key, value) in {"carriers": ("carrier", "code"), "origins": ("origin", "code"), "dests": ("dest", "code"),
                               "manufacturers": ("manufacturer", "code"), "routes": ("route", "air_min")}.items():
        prepare.write(prepare.HERE / f"lookups/{name}.csv", [key, value],
                      [{key: k, value: v} for k, v in lookups[name].items()])


def matrix(flights, names):
    """f64, a null as NaN."""
    return numpy.array([[math.nan if (v := FEATURES[name](f)) is None else float(v) for name in names]
                        for f in flights])


# ---------------------------------------------------------------- models

def train_main(flights, trees):
    data = lightgbm.Dataset(matrix(flights, FEATURES), numpy.array([f["late"] for f in flights], float),
                            feature_name=list(FEATURES), categorical_feature=CATEGORIES, free_raw_data=False)
    return lightgbm.train(PARAMETERS, data, num_boost_round=trees)


def train_simple(flights):
    """Logistic regression by Newton's method on standardised features, with a little ridge."""
    x, y = matrix(flights, SIMPLE), numpy.array([f["late"] for f in flights], float)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = numpy.hstack([numpy.ones((len(x), 1)), (x - mean) / scale])
    w = numpy.zeros(z.shape[1])
    for _ in range(20):
        p = 1.0 / (1.0 + numpy.exp(-(z @ w)))
        hessian = (z * (p * (1.0 - p))[:, None]).T @ z + numpy.eye(len(w))
        w += numpy.linalg.solve(hessian, z.T @ (y - p) - w)
    short = lambda values: [float(f"{v:.9g}") for v in values]      # the shipped digits are the model
    return {"kind": "logistic", "inputs": SIMPLE, "weights": short(w[1:]), "intercept": short(w[:1])[0],
            "mean": short(mean), "scale": short(scale), "missing": "mean",
            "note": "late by more than 15 minutes; January to May 2013; made by train.py"}


def answer_simple(model, flights):
    z = (matrix(flights, SIMPLE) - model["mean"]) / model["scale"]
    return 1.0 / (1.0 + numpy.exp(-(model["intercept"] + z @ numpy.array(model["weights"]))))


# ---------------------------------------------------------------- figures

def auc(y, p):
    """The share of pairs in the right order, ties as half."""
    order = numpy.argsort(p, kind="stable")
    values, first, counts = numpy.unique(p[order], return_index=True, return_counts=True)
    rank = numpy.empty(len(p))
    rank[order] = numpy.repeat(first + (counts + 1) / 2.0, counts)
    positive = y.sum()
    return (rank[y == 1].sum() - positive * (positive + 1) / 2.0) / (positive * (len(y) - positive))


def show(name, flights, p):
    y = numpy.array([f["late"] for f in flights], float)
    print(f"{name:34} {len(y):6} flights, {y.mean():.3f} late, AUC {auc(y, p):.4f}, Brier {numpy.mean((p - y) ** 2):.4f}"
          f" (a constant at their own mean: {y.mean() * (1 - y.mean()):.4f}), mean answer {p.mean():.3f}")


def write_expected(model, flights):
    chosen = [f for f in flights if f["flight_date"] in EXPECTED_DAYS]
    x = matrix(chosen, FEATURES)
    raw, late = model.predict(x, raw_score=True), model.predict(x)
    prepare.write(prepare.HERE / "data/expected.csv.gz", ["flight_key", "raw", "late"],
                  [{"flight_key": f["flight_key"], "raw": repr(float(r)), "late": repr(float(p))}
                   for f, r, p in zip(chosen, raw, late)])


def validate(learned):
    """Each training month in turn left out: how settings were chosen. A weekday, for one, is learned by heart from some
    twenty days of weather; months that were left out show it."""
    for month in sorted({f["flight_date"][:7] for f in learned}):
        others = [f for f in learned if f["flight_date"][:7] != month]
        left_out = [f for f in learned if f["flight_date"][:7] == month]
        show(f"{month} left out, main", left_out, train_main(others, TREES).predict(matrix(left_out, FEATURES)))
        show(f"{month} left out, simple", left_out, answer_simple(train_simple(others), left_out))


def main(folder):
    flights, lookups = load(folder)
    known = [f for f in flights if f["late"] is not None]
    learned, tested = [f for f in known if between(TRAIN, f)], [f for f in known if between(TEST, f)]
    if "--validate" in sys.argv:
        validate(learned)
        return
    write_lookups(lookups)
    model = train_main(learned, TREES)
    model.save_model(prepare.HERE / "main.txt")
    simple = train_simple(learned)
    (prepare.HERE / "simple.json").write_text(json.dumps(simple, indent=2) + "\n")
    main_answers, simple_answers = model.predict(matrix(tested, FEATURES)), answer_simple(simple, tested)
    show("June, main.txt", tested, main_answers)
    show("June, simple.json", tested, simple_answers)
    for day in EXPECTED_DAYS:
        mine = [i for i, f in enumerate(tested) if f["flight_date"] == day]
        show(f"{day}, main.txt", [tested[i] for i in mine], main_answers[mine])
    write_expected(model, flights)
    gain = model.feature_importance("gain")
    for i in numpy.argsort(-gain)[:12]:
        print(f"  {list(FEATURES)[i]:24} {gain[i] / gain.sum():.3f} of the gain")


if __name__ == "__main__":
    main(sys.argv[1])
