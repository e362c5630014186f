"""A small home that has all a release can have, and its answers computed a second time, here, in Python.

Services: `fare` (request fields of every type, columns of two tables, expressions, five rungs, a prediction table; two
releases, A and B, that differ by 1000), `plain` (four numbers, made by `tandem new`), `strict` (no rung but `fresh`, a
key of two columns that nothing reads), `aged` (a table older than its last_good). A linear model is its inputs in
order, each step rounded to double: Python's floats do the same.
"""

import datetime
import json
import struct

import server

AS_OF = "2013-06-06T00:00:00.000000Z"
TABLE_AS_OF = "2013-06-05T00:00:00.000000Z"

SOURCES = """\
rides:
  kind: table
  key: ride
  columns: {ride: string, zone: string?, distance: f64? km, day: timestamp}
zones:
  kind: table
  key: zone
  nulls: [NA]
  columns: {zone: string, rate: f64?}
"""
RIDES = {"r1": ("north", 4.5), "r2": ("south", 0.1), "r3": (None, 12.75), "r4": ("west", None),
         "a|b": ("north", 7.0), "ü/é %": ("south", 9.0)}
RATES = {"north": 3.5, "south": None}

FARE = """\
name: fare
entity: {name: ride_id, key: ride}
features:
  cabin: {request: string?}
  seats: {request: i64}
  load: {request: f64?, default: 0}
  loyal: {request: bool}
  booked: {request: timestamp? us}
  price: {request: 'decimal(9,2)?'}
  half: {request: f32?}
  distance: {column: rides.distance}
  rate: {column: zones.rate, by: {zone: rides.zone}, default: 2}
  first: {expr: 'if(cabin = "first", 1.0, 0.0)'}
  booked_hour: {expr: 'coalesce(hour(booked, "UTC"), 0)'}
models:
  main: {file: main.json}
  simple: {file: simple.json}
prediction:
  amount: {model: main, range: [-1000000000, 1000000000]}
promise: {p99: 5ms}
online:
  rungs: [fresh, {defaulted: 2}, simple, table, prior]
  prior: {amount: 42.5}
batch:
  ttl: 24h
  last_good: 10000d
  gates: {coverage: 1%, quarantined: 99%}
"""
WEIGHTS = {"seats": 1.1, "load": 0.3, "loyal": 7, "first": 100, "booked_hour": 0.01, "price": 0.7, "half": 13,
           "distance": 2.3, "rate": 0.9}
SIMPLE = {"kind": "linear", "inputs": ["seats"], "weights": [3], "intercept": 5}
PRIOR = 42.5

PLAIN_INPUTS = ["x0", "x1", "x2", "x3"]
PLAIN = {"kind": "linear", "inputs": PLAIN_INPUTS, "missing": "zero", "weights": [0.1, -3, 1e-3, 7], "intercept": 0.25}

STRICT = """\
name: strict
entity: {name: spot, key: [room, place]}
features:
  x0: {request: f64}
  x1: {request: i64}
  x2: {request: bool?}
models:
  main: {file: main.json}
prediction:
  y: {model: main, range: [-1000, 1000]}
online: {rungs: [fresh]}
"""
STRICT_MODEL = {"kind": "linear", "inputs": ["x0", "x1", "x2"], "weights": [0.1, 0.7, 3], "intercept": 0.25}

AGED = """\
name: aged
entity: row
features:
  x0: {request: f64}
models:
  main: {file: main.json}
prediction:
  value: {model: main}
batch: {ttl: 24h, last_good: 48h}
"""

# Questions to `fare`: the population's rows, and what the online tests ask again.
QUESTIONS = [
    {"ride": "r1", "cabin": "first", "seats": 3, "load": 2.25, "loyal": True, "booked": "2013-06-01T05:00:00Z",
     "price": "12.50", "half": 0.1},
    {"ride": "r2", "cabin": None, "seats": 3, "load": 0.1, "loyal": True, "booked": None, "price": None, "half": None},
    {"ride": "r3", "cabin": "economy", "seats": 1, "load": 1e-300, "loyal": False, "booked": "2013-06-01T23:30:00Z",
     "price": "0.07", "half": 1e-3},
    {"ride": "r4", "cabin": "", "seats": -7, "load": -1234.5678901234567, "loyal": False,
     "booked": "1969-12-31T22:59:59.999999Z", "price": "-9999999.99", "half": -2.5},
    {"ride": "a|b", "cabin": "first", "seats": 2, "load": 3.141592653589793, "loyal": True, "booked": None,
     "price": "1.10", "half": None},
    {"ride": "ü/é %", "cabin": "naïve ✓ 🚀", "seats": 12345, "load": 5e-324, "loyal": True,
     "booked": "2013-06-01T00:00:00Z", "price": "99.99", "half": 16777216.0},
    {"ride": "unknown", "cabin": "x", "seats": 2, "load": 1.0, "loyal": False, "booked": None, "price": None,
     "half": None},
]
FEATURES = ["cabin", "seats", "load", "loyal", "booked", "price", "half"]


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def instant_us(text):
    delta = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - \
            datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (delta.days * 86400 + delta.seconds) * 10**6 + delta.microseconds


def amount(question, intercept=1000.0):
    """What `fare` must answer from all its inputs; a value that is not there counts as 0."""
    q = question
    zone, distance = RIDES.get(q["ride"], (None, None))
    rate = RATES.get(zone)
    booked = q.get("booked")
    values = {"seats": q["seats"], "load": q["load"] if q.get("load") is not None else 0.0, "loyal": q["loyal"],
              "first": q.get("cabin") == "first", "booked_hour": instant_us(booked) // 3600000000 % 24 if booked else 0,
              "price": float(q["price"]) if q.get("price") is not None else 0.0,
              "half": f32(q["half"]) if q.get("half") is not None else 0.0, "distance": distance or 0.0,
              "rate": 2.0 if rate is None else rate}
    total = float(intercept)
    for name, weight in WEIGHTS.items():
        total += float(weight) * float(values[name])
    return total


def rung(question):
    """`fresh` when nothing came from a default: the rate is the only one that may have to here."""
    known = RATES.get(RIDES.get(question["ride"], (None, None))[0]) is not None
    return "fresh" if known and question.get("load") is not None else "defaulted"


def plain_value(x):
    total = PLAIN["intercept"]
    for weight, value in zip(PLAIN["weights"], x):
        total += weight * (0.0 if value is None or value != value else float(value))
    return total


def strict_value(x0, x1, x2):
    return 0.25 + 0.1 * x0 + 0.7 * x1 + 3.0 * x2


def decide_row(question, **more):
    """A question as `decide` wants it."""
    features = {name: question[name] for name in FEATURES if name in question}
    return {"keys": {"ride": question["ride"]}, "features": features, "as_of": AS_OF, **more}


def csv_field(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return repr(value)


def population(questions=QUESTIONS):
    lines = [",".join(["ride"] + FEATURES)]
    lines += [",".join(csv_field(q[name]) for name in ["ride"] + FEATURES) for q in questions]
    # A timestamp or a decimal in quotes is the same; a null text is an empty field without them.
    return "\n".join(lines) + "\n"


class FareHome(server.Home):
    """The home above: epoch 4, `fare` at release A with table v000001. `b` is packed and has v000002."""

    def __init__(self, small=False):
        super().__init__()
        self.write("sources.yaml", SOURCES)
        self("source", "add", self.folder / "sources.yaml")
        self.load_rides(RIDES)
        rates = "zone,rate\n" + "".join(f"{k},{'NA' if v is None else v}\n" for k, v in RATES.items())
        self("load", "zones", self.write("zones.csv", rates))
        self.population = self.write("population.csv", population())
        self.a, self.b = self.pack_fare("a", 1000), self.pack_fare("b", 2000)
        self.table_a, self.table_b = (self("run", r, "--population", self.population, "--as-of", TABLE_AS_OF)
                                      for r in (self.a, self.b))
        self("promote", self.a, "--table", self.table_a)
        if not small:
            self.add_others()

    def add_others(self):
        self("new", self.folder / "plain", "--model", self.write("plain.json", json.dumps(PLAIN)))
        self.plain = self("release", "pack", self.folder / "plain")
        self.strict = self.pack("strict", STRICT, {"main.json": STRICT_MODEL})
        self.aged = self.pack("aged", AGED, {"main.json": dict(SIMPLE, inputs=["x0"])})
        rows = self.write("aged.csv", "row,x0\na,1\nb,2\n")
        for release in (self.plain, self.strict):
            self("promote", release)
        self("run", self.aged, "--population", rows, "--as-of", TABLE_AS_OF, "--promote")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def load_rides(self, rides):
        lines = "".join(f"{csv_field(ride)},{zone or ''},{'' if distance is None else distance},2013-06-01T08:00:00Z\n"
                        for ride, (zone, distance) in rides.items())
        self("load", "rides", self.write("rides.csv", "ride,zone,distance,day\n" + lines))

    def pack(self, folder, manifest, files):
        place = self.folder / folder
        place.mkdir()
        (place / "release.yaml").write_text(manifest)
        for name, content in files.items():
            (place / name).write_text(json.dumps(content))
        return self("release", "pack", place)

    def pack_fare(self, folder, intercept):
        main = {"kind": "linear", "inputs": list(WEIGHTS), "missing": "zero", "weights": list(WEIGHTS.values()),
                "intercept": intercept}
        return self.pack(folder, FARE, {"main.json": main, "simple.json": SIMPLE})

    def predict(self, question, release=None, more=()):
        """What `tandem predict` prints for a question to `fare`, in a process of its own."""
        words = ["predict", release or self.a, "--key", f"ride={question['ride']}", "--as-of", AS_OF]
        for name in FEATURES:
            if name in question:
                value = question[name]
                text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
                words += ["--set", f"{name}={text}"]
        return json.loads(self(*words, *more))
