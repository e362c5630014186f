"""A disk that fills up under load, run and promote: exit code 5, the code disk_full, nothing lost, and on with it once
there is room. The disk is a small tmpfs with the home on it, so this needs the right to mount one."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap

PROGRAM = tap.build_dir() / "app/tandem"
DISK_BYTES = 2 << 20
ROWS = 4000
AS_OF = ("2013-06-14T06:00:00Z", "2013-06-15T06:00:00Z")


class SmallDisk:
    """A tmpfs of DISK_BYTES with a home whose first night is served. Whatever is not the home lies elsewhere."""

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="tandem-full-")
        self.folder = pathlib.Path(self.temporary.name)
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.disk],
                                 capture_output=True, text=True)
        if mounted.returncode:
            self.temporary.cleanup()
            raise tap.Skip("no tmpfs can be mounted here")
        self.write_release()
        self("source", "add", self.folder / "sources.yaml")
        self("load", "points", self.points(1))
        self.id = self("release", "pack", self.folder)
        self("run", "night", "--as-of", AS_OF[0], "--promote")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.disk], check=True)
        self.temporary.cleanup()

    def write_release(self):
        (self.folder / "sources.yaml").write_text(
            "points:\n  kind: table\n  key: point\n  columns: {point: string, x: f64}\n")
        (self.folder / "main.json").write_text('{"kind":"linear","inputs":["x"],"weights":[2],"intercept":0}')
        (self.folder / "release.yaml").write_text(
            "name: night\nentity: point\nfeatures:\n  x: {column: points.x}\nmodels:\n  main: {file: main.json}\n"
            "prediction:\n  twice: {model: main}\nbatch:\n  population: points\n")

    def points(self, times):
        """Rows of x = key * times."""
        path = self.folder / f"points{times}.csv"
        path.write_text("point,x\n" + "".join(f"p{i},{i * times}\n" for i in range(ROWS)))
        return path

    def run(self, *words):
        return subprocess.run([PROGRAM, "--home", self.disk / "home", "--json", *words], capture_output=True, text=True)

    def __call__(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def fill(self, leave_bytes):
        """A file that takes all but so many bytes."""
        ballast = self.disk / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            os.truncate(ballast, max(0, ballast.stat().st_size - leave_bytes))

    def empty(self):
        (self.disk / "ballast").unlink()

    def served(self):
        """What a reader sees of the home: all that may not change."""
        status = json.loads(self("status"))
        table = status["services"][0]["table"]
        answer = json.loads(self("predict", "night", "--key", "point=p7", "--as-of", AS_OF[0]))
        return {"epoch": status["epoch"], "table": table, "error": status["services"][0]["error"],
                "export": self("table", "export", table), "answer": answer["prediction"],
                "tables": [json.loads(line)["table"] for line in self("table", "list").splitlines()],
                "sources": self("source", "list")}


def fails_when_full(disk, words, least_failures):
    """The command on a disk with more and more room must fail as disk_full and change nothing, or succeed."""
    failed = 0
    for leave in (0, 4096, 16384, 65536, 131072, 196608, 262144):
        before = disk.served()
        disk.fill(leave)
        done = disk.run(*words)
        if done.returncode:
            failed += 1
            error = json.loads(done.stdout)["error"]
            assert done.returncode == 5 and error["code"] == "disk_full", done.stdout + done.stderr
            assert disk.served() == before, "a failed command changed what is seen"
        disk.empty()
        if done.returncode == 0:
            break
    print(f"# {words[0]}: disk_full {failed} times")
    assert failed >= least_failures
    disk(*words)


def test_load():
    with SmallDisk() as disk:
        fails_when_full(disk, ("load", "points", str(disk.points(3))), 2)
        assert json.loads(disk("predict", "night", "--key", "point=p7"))["prediction"] == {"twice": 42}


def test_run():
    with SmallDisk() as disk:
        fails_when_full(disk, ("run", "night", "--as-of", AS_OF[1]), 2)
        assert '"p7"' in disk("table", "get", "v000002", "p7")


def test_promote():
    with SmallDisk() as disk:
        disk("run", "night", "--as-of", AS_OF[1])
        fails_when_full(disk, ("promote", "night", "--table", "v000002"), 1)
        assert disk.served()["table"] == "v000002" and disk.served()["epoch"] == 2


def test_pack():
    with SmallDisk() as disk:
        (disk.folder / "release.yaml").open("a").write("  ttl: 5h\n")
        fails_when_full(disk, ("release", "pack", str(disk.folder)), 1)
        assert json.loads(disk("release", "list").splitlines()[0])["id"] != json.loads(disk.id)["id"]


def test_what_failed_leaves_no_litter():
    """However often a run fails for lack of room, it takes none of it."""
    with SmallDisk() as disk:
        used = lambda: sum(p.stat().st_size for p in (disk.disk / "home").rglob("*") if p.is_file())
        disk.fill(65536)
        disk.run("run", "night", "--as-of", AS_OF[1])
        before = used()
        for _ in range(5):
            assert disk.run("run", "night", "--as-of", AS_OF[1]).returncode == 5
        disk.empty()
        assert used() == before, f"{used()} bytes, not {before}"


if __name__ == "__main__":
    tap.main(globals())
