#!/usr/bin/env python3
"""Compares this library with LightGBM, number by number; TAP on stdout.

    run_parity.py [--driver PROGRAM] [--data DIR]     the committed models, rows and LightGBM's answers to them
    run_parity.py --live [--seed N]                   trains anew (requirements.txt) and compares on fresh rows

Raw scores and leaves must have LightGBM's own bits. A prediction may differ by a few units in the last place: its exp is
the C library's, ours is base/exact.h's. The greatest distance found is printed. Each file of broken/ is one
change away from a sound model and must be refused with the status, the line and the words that expected.tsv gives.
"""
import argparse
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import tap  # noqa: E402

ULPS_COMMITTED = 1  # what the committed rows show, for ever the same
# Anew: exp may differ by 1, a sigmoid or a quotient of a softmax by as much again for each rounding after it.
ULPS_LIVE = 4


def ordinal(x):
    """An integer that grows with the double, one a step; both zeros are 0."""
    i = struct.unpack("<q", struct.pack("<d", x))[0]
    return i if i >= 0 else -(i & 0x7FFFFFFFFFFFFFFF)


def ulps(a, b):
    if math.isnan(a) or math.isnan(b):
        return 0 if math.isnan(a) and math.isnan(b) else 1 << 62
    return abs(ordinal(a) - ordinal(b))


def same_bits(a, b):
    return (math.isnan(a) and math.isnan(b)) or struct.pack("<d", a) == struct.pack("<d", b)


def read_table(text):
    lines = text.strip().split("\n")
    return lines[0].split(","), [[float.fromhex(v) for v in line.split(",")] for line in lines[1:]]


def run_driver(driver, *arguments):
    done = subprocess.run([driver, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Distances:
    def __init__(self):
        self.greatest, self.of, self.values, self.off = 0, "none", 0, 0

    def add(self, name, distance):
        self.values += 1
        self.off += distance != 0
        if distance > self.greatest:
            self.greatest, self.of = distance, name


def compare(driver, model, distances, ulps_max):
    """The model's expected answers beside ours; raises at the first that differs."""
    code, out, err = run_driver(driver, model, model.with_suffix(".rows.csv"))
    assert code == 0, f"the driver ended with {code}: {out}{err}"
    header, expected = read_table(model.with_suffix(".expect.csv").read_text())
    our_header, ours = read_table(out)
    assert our_header == header, f"columns {our_header} instead of {header}"
    assert len(ours) == len(expected), f"{len(ours)} rows instead of {len(expected)}"
    for i, (want, got) in enumerate(zip(expected, ours)):
        for column, a, b in zip(header, want, got):
            if column.startswith("prediction"):
                distances.add(model.stem, ulps(a, b))
                assert ulps(a, b) <= ulps_max, f"row {i}, {column}: {b!r} instead of {a!r}, {ulps(a, b)} ulps away"
            else:
                assert same_bits(a, b), f"row {i}, {column}: {b.hex()} instead of {a.hex()}"


def models_in(folder):
    return sorted(p for p in folder.glob("*.txt") if p.with_suffix(".expect.csv").exists())


def broken_cases(folder):
    table = folder / "broken" / "expected.tsv"
    if not table.exists():
        return []
    return [line.split("\t") for line in table.read_text().splitlines() if line and not line.startswith("#")]


def check_broken(driver, path, status, fragment):
    code, out, err = run_driver(driver, path)
    assert code == 3, f"it was not refused: exit code {code}, {out}{err}"
    assert out.split("\t")[0] == status, f"status {out.split(chr(9))[0]} instead of {status}: {out}"
    assert fragment in out, f"{fragment!r} is not in {out!r}"


def train_live(folder, seed):
    try:
        import train_lightgbm
    except ImportError as why:
        raise tap.Skip(f"a package of requirements.txt is missing: {why}")
    train_lightgbm.build(str(folder), seed=seed, n_rows=2000)


def check_number(folder):
    """An empty folder must not pass."""
    models, broken = len(models_in(folder)), len(broken_cases(folder))
    assert models >= 60 and broken >= 40, f"only {models} models and {broken} broken ones"


def tests_of(driver, folder, distances, ulps_max):
    tests = [(f"parity {m.stem}", lambda m=m: compare(driver, m, distances, ulps_max)) for m in models_in(folder)]
    tests += [(f"refused {name}", lambda c=(name, status, fragment): check_broken(driver, folder / "broken" / c[0], c[1], c[2]))
              for name, status, fragment in broken_cases(folder)]
    return tests


def run_live(driver, seed):
    with tempfile.TemporaryDirectory() as name:
        folder, distances = pathlib.Path(name), Distances()
        print(f"# seed {seed}")
        try:
            train_live(folder, seed)
        except tap.Skip as why:
            return tap.run([("live", lambda: (_ for _ in ()).throw(why))])
        code = tap.run(tests_of(driver, folder, distances, ULPS_LIVE))
        report(distances)
        return code


def report(d):
    print(f"# predictions: greatest distance {d.greatest} ulps ({d.of}), {d.off} of {d.values} values differ at all")


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--driver", default=str(tap.build_dir() / "tests" / "parity_driver"))
    a.add_argument("--data", type=pathlib.Path, default=HERE / "data")
    a.add_argument("--live", action="store_true")
    a.add_argument("--seed", type=int, default=None)
    o = a.parse_args()
    if o.live:
        sys.exit(run_live(o.driver, o.seed if o.seed is not None else random.SystemRandom().randrange(1 << 31)))
    distances = Distances()
    tests = tests_of(o.driver, o.data, distances, ULPS_COMMITTED)
    tests.append(("the models are there", lambda: check_number(o.data)))
    code = tap.run(tests)
    report(distances)
    sys.exit(code)


if __name__ == "__main__":
    main()
