"""The two paths give the same bits: the night's table and single answers, for every flight of a day of
examples/flights, each from a process of its own; however many threads, and in whatever form the population comes.
All reads happen while another process holds the home's write lock, and from a home that cannot be written."""

import concurrent.futures
import csv
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap

PROGRAM = tap.build_dir() / "app/tandem"
FLIGHTS = ROOT / "examples/flights"
DAY = FLIGHTS / "data/population/2013-06-14.csv"
AS_OF = "2013-06-14T02:00:00-04:00"
FLIGHTS_OF_DAY = 989
AT_ONCE = 2


class Home:
    def __init__(self, folder):
        self.folder, self.dir = folder, folder / "home"
        self("source", "add", FLIGHTS / "sources.yaml")
        self("load", "schedule", FLIGHTS / "data/schedule.csv.gz")
        self("load", "planes", FLIGHTS / "data/planes.csv")
        self("release", "pack", FLIGHTS)

    def __call__(self, *words):
        done = subprocess.run([PROGRAM, "--home", self.dir, *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stderr}"
        return done.stdout.strip()

    def run(self, population, *more):
        return self("run", "flight-delay", "--population", population, "--as-of", AS_OF, *more)

    def digest(self, table):
        return json.loads(self("table", "show", "--json", table))["digest"]

    def predictions(self, table):
        """{key: bits of the probability, as float.hex() writes them}"""
        rows = csv.DictReader(self("table", "export", table).splitlines())
        return {r["flight_key"]: float(r["late"]).hex() for r in rows}

    def ask(self, key):
        answer = json.loads(self("predict", "flight-delay", "--key", f"flight={key}", "--as-of", AS_OF))
        assert answer["rung"] == "fresh", answer
        return answer["prediction"]["late"].hex()


class Locked:
    """Another process holds the write lock: a load whose input does not end."""

    def __init__(self, home):
        self.home = home

    def __enter__(self):
        pipe = self.home.folder / "pipe"
        os.mkfifo(pipe)
        self.child = subprocess.Popen([PROGRAM, "--home", self.home.dir, "load", "planes", pipe],
                                      stderr=subprocess.DEVNULL)
        self.pipe = open(pipe, "wb")   # returns once the load has opened it, with the lock taken before
        refused = subprocess.run([PROGRAM, "--home", self.home.dir, "rollback"], capture_output=True)
        assert refused.returncode == 4, refused.stderr
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.pipe.close()
        (self.home.folder / "pipe").unlink()


def shared_home(cache=[]):
    """One home for all tests, with the day's table as v000001 made current; removed at the end of the process."""
    if not cache:
        temporary = tempfile.TemporaryDirectory(prefix="tandem-paths-")
        home = Home(pathlib.Path(temporary.name))
        home.run(DAY, "--promote")
        cache.extend((home, temporary))
    return cache[0]


def ask_all(home, keys):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(keys, pool.map(home.ask, keys)))


def test_every_flight_asked_alone_has_the_bits_of_the_night():
    home = shared_home()
    night = home.predictions("v000001")
    assert len(night) == FLIGHTS_OF_DAY
    with Locked(home):
        alone = ask_all(home, list(night))
    different = [key for key in night if alone[key] != night[key]]
    assert not different, f"{len(different)} differ, as {different[:3]}"
    print(f"# {len(alone)} processes, {AT_ONCE} at a time, while a load held the lock")


def test_threads_change_no_byte():
    with tempfile.TemporaryDirectory(prefix="tandem-paths-") as folder:
        home = Home(pathlib.Path(folder))
        digests, stores = set(), set()
        for threads in (1, 2, 4):
            table = home.run(DAY, "--threads", str(threads))
            digests.add(home.digest(table))
            stores.add((home.dir / "tables" / table / "store").read_bytes())
            shutil.rmtree(home.dir / "tables" / table)   # else the same run would not be made again
        assert len(digests) == len(stores) == 1, digests


def in_other_forms(folder):
    """The day's keys as gzip, zstd, JSON lines, with quotes and other line ends, and in another order of columns."""
    keys = DAY.read_text().split()[1:]
    forms = {"keys.csv.gz": gzip.compress(DAY.read_bytes()),
             "keys.jsonl": "".join(json.dumps({"flight_key": k}) + "\n" for k in keys).encode(),
             "quoted.csv": "".join(f'"{k}",x\r\n' for k in ["flight_key", *keys]).encode(),
             "behind.csv": "".join(f"{i},{k}\n" for i, k in enumerate(["flight_key", *keys])).encode()}
    for name, data in forms.items():
        (folder / name).write_bytes(data)
    subprocess.run(["zstd", "-q", DAY, "-o", folder / "keys.csv.zst"], check=True)
    return [*forms, "keys.csv.zst"]


def test_forms_of_the_population():
    home = shared_home()
    digest = home.digest("v000001")
    forms = in_other_forms(home.folder)
    for form in forms:
        assert home.digest(home.run(home.folder / form)) == digest, form
    print(f"# {len(forms)} forms, one digest")


def test_population_from_the_source():
    """The source has the flights of two weeks; those of the day have the same bits, whoever is scored beside them."""
    home = shared_home()
    night = home.predictions("v000001")
    everything = home.predictions(home("run", "flight-delay", "--as-of", AS_OF))
    assert len(everything) > 13 * len(night) and {k: everything[k] for k in night} == night


def test_readers_need_no_lock_and_no_right_to_write():
    home = shared_home()
    reads = [("status", "--json"), ("table", "list"), ("table", "get", "v000001", "20130614-UA1686-EWR"),
             ("table", "export", "v000001"), ("release", "show", "flight-delay"), ("source", "list"),
             ("quarantine", "show", "v000001")]
    steady = lambda text: re.sub(r'"age_ms":\d+', "", text)
    before = [steady(home(*words)) for words in reads]
    bits = home.ask("20130614-UA1686-EWR")
    with Locked(home):
        assert [steady(home(*words)) for words in reads] == before
        assert home.ask("20130614-UA1686-EWR") == bits
    frozen = home.folder / "frozen"
    shutil.copytree(home.dir, frozen)
    for path in [frozen, *frozen.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = [] if os.getuid() else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    home.folder.chmod(0o755)
    if user and subprocess.run(["sh", "-c", '"$@"', "sh", *user, PROGRAM, "version"], capture_output=True).returncode:
        raise tap.Skip("nobody but root may run the program here")
    for words, expected in zip(reads, before):
        done = subprocess.run([*user, PROGRAM, "--home", frozen, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert steady(done.stdout.strip().replace(str(frozen), str(home.dir))) == expected, words
    refused = subprocess.run([*user, PROGRAM, "--home", frozen, "rollback"], capture_output=True, text=True)
    assert refused.returncode == 5, refused.stderr


if __name__ == "__main__":
    tap.main(globals())
