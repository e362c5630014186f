"""kill -9 at random instants of `run` and `promote`, while a reader looks up every key without a pause.

The home has one service with two releases that predict the constants 1 and 2, in turn, so that one answer of another
version shows (kill9_reader.c says what the reader holds to). After each kill the home must be usable: what is current
is what was before, or what was being made; the next run succeeds, and the same run again is the same table. The last
tests take the defence away: a writer that replaces CURRENT in place, and one that names a table before its records
are there, are both caught by the same reader.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap

SEED = int(os.environ.get("TANDEM_SEED", "1"))
KILLS = 55                # of each of the two commands
KEYS = 3000
PROGRAM = tap.build_dir() / "app/tandem"
READER = tap.build_dir() / "tests/crash/kill9_reader"


class Home:
    """A home with two releases of one service, and a population of KEYS keys."""

    def __init__(self, folder):
        self.folder, self.dir, self.hours = folder, folder / "home", 0
        (folder / "rows.csv").write_text("row,x\n" + "".join(f"k{i},0.5\n" for i in range(KEYS)))
        self.releases = [self.pack(value) for value in (1, 2)]

    def pack(self, value):
        release = self.folder / f"constant{value}"
        release.mkdir()
        (release / "main.json").write_text(json.dumps(
            {"kind": "linear", "inputs": ["x"], "weights": [0], "intercept": value}))
        (release / "release.yaml").write_text(
            "name: constant\nentity: row\nfeatures:\n  x: {request: f64}\nmodels:\n  main: {file: main.json}\n"
            "prediction:\n  value: {model: main}\n")
        return self("release", "pack", release)

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "--home", self.dir, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def __call__(self, *words):
        child = self.start(*words)
        out, err = child.communicate()
        assert child.returncode == 0, f"{words}: {child.returncode}\n{err}"
        return out.strip()

    def new_run(self):
        """The words of a run that was never made: releases alternate, and the as-of is another hour each time."""
        self.hours += 1
        as_of = f"2013-{1 + self.hours // 600:02}-{1 + self.hours // 24 % 25:02}T{self.hours % 24:02}:00:00Z"
        return ["run", self.releases[self.hours % 2], "--population", self.folder / "rows.csv", "--as-of", as_of]

    def publish_and_promote(self):
        """A new table, made current; its name."""
        words = self.new_run()
        table = self(*words)
        self("promote", words[1], "--table", table)
        return table

    def current(self):
        status = json.loads(self("status", "--json"))
        assert all(s["error"] is None for s in status["services"]), status
        return status["epoch"], [(s["release"], s["table"]) for s in status["services"]]

    def tables(self):
        tables = [json.loads(line) for line in self("table", "list", "--json").splitlines()]
        assert all("error" not in t and t["rows"] == KEYS for t in tables), tables
        return {t["table"]: t["release"] for t in tables}


class Reader:
    def __init__(self, home, release_values=(1, 2)):
        pairs = [f"{r}={v}" for r, v in zip(home.releases, release_values)]
        self.child = subprocess.Popen([READER, home.dir, str(KEYS), *pairs], stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "looking\n"

    def alive(self):
        return self.child.poll() is None

    def end(self):
        """(its exit code, its last words)"""
        self.child.send_signal(signal.SIGTERM)
        out, _ = self.child.communicate(timeout=60)
        return self.child.returncode, out.strip().replace("\n", "; ")


def with_home(test):
    def run():
        with tempfile.TemporaryDirectory(prefix="tandem-kill9-") as folder:
            test(Home(pathlib.Path(folder)))
    run.__name__ = test.__name__
    return run


class Victim:
    """A kind of command to be killed: how long it takes, how many were at work when they were killed, how many of these
    had done what counts (a name given, CURRENT replaced) already."""

    def __init__(self, name):
        self.name, self.seconds, self.tries, self.killed, self.done = name, 0.1, 0, 0, 0

    def kill_at_random(self, home, words, rng):
        child = home.start(*words)
        time.sleep(rng.uniform(0, self.seconds))
        child.kill()
        child.communicate()
        self.tries += 1
        self.killed += child.returncode == -signal.SIGKILL
        return child.returncode == -signal.SIGKILL

    def finish(self, home, words):
        begin = time.monotonic()
        out = home(*words)
        self.seconds = 0.8 * self.seconds + 0.2 * (time.monotonic() - begin)
        return out

    def __str__(self):
        return f"{self.killed} of {self.tries} {self.name} were killed at work, {self.done} of them when all was done"


def kill_run(home, victim, rng):
    words, before, tables = home.new_run(), home.current(), home.tables()
    killed = victim.kill_at_random(home, words, rng)
    assert home.current() == before
    left = home.tables()
    assert {t: left.get(t) for t in tables} == tables and len(left) <= len(tables) + 1
    victim.done += killed and len(left) > len(tables)
    name = victim.finish(home, words)
    assert home(*words) == name, "the same run again is another table"
    assert home.tables() == {**tables, name: words[1]}


def kill_promote(home, victim, rng):
    epoch, before = home.current()
    table, release = rng.choice([t for t in home.tables().items() if t not in [(b, a) for a, b in before]])
    words = ["promote", release, "--table", table]
    killed = victim.kill_at_random(home, words, rng)
    now = home.current()
    assert now in ((epoch, before), (epoch + 1, [(release, table)])), now
    victim.done += killed and now[0] > epoch
    assert victim.finish(home, words) == str(epoch + 1)
    assert home.current() == (epoch + 1, [(release, table)])


@with_home
def test_kill9(home):
    print(f"# seed {SEED}")
    rng, runs, promotes = random.Random(SEED), Victim("runs"), Victim("promotes")
    home.publish_and_promote()
    home.publish_and_promote()
    reader = Reader(home)
    while min(runs.killed, promotes.killed) < KILLS and runs.tries < 10 * KILLS:
        for kill, victim in (kill_run, runs), (kill_promote, promotes):
            kill(home, victim, rng)
            assert reader.alive(), reader.end()
    code, words = reader.end()
    print(f"# {runs}\n# {promotes}\n# the reader {words}")
    assert code == 0, words
    assert min(runs.killed, promotes.killed) >= KILLS
    left = [str(p) for p in home.dir.rglob("*.tmp")]
    assert not left, f"the last writer left what crashes left: {left}"


def caught(home, naive_writer):
    """Whether the reader finds fault with a writer, which is called again and again for a while."""
    reader, end = Reader(home), time.monotonic() + 20
    while reader.alive() and time.monotonic() < end:
        naive_writer()
    code, words = reader.end()
    print(f"# {words}")
    return code == 1 and words.startswith("wrong:")


@with_home
def test_current_written_in_place_is_caught(home):
    current, contents = home.dir / "CURRENT", []
    for _ in (1, 2):
        home.publish_and_promote()
        contents.append(current.read_bytes())

    def naive():
        with open(current, "wb", buffering=0) as file:
            file.write(contents[1][:30])
            file.write(contents[1][30:])
    assert caught(home, naive)


@with_home
def test_table_named_before_its_records_is_caught(home):
    store = home.dir / "tables" / home.publish_and_promote() / "store"
    records = store.read_bytes()

    def naive():
        store.unlink()
        with open(store, "wb", buffering=0) as file:
            for at in range(0, len(records), 4096):
                file.write(records[at:at + 4096])
    assert caught(home, naive)


@with_home
def test_two_versions_in_one_table_are_caught(home):
    """The reader tells constants apart: given the wrong ones it must complain at once."""
    home.publish_and_promote()
    reader = Reader(home, release_values=(2, 1))
    reader.child.wait(timeout=20)
    assert reader.end()[1].startswith("wrong: rows of two versions")


if __name__ == "__main__":
    tap.main(globals())
