"""The program under test as processes: commands that end, and `tandem serve`, which must end well.

A Server is started on a free port, waited for until it says that it listens, and stopped by SIGTERM: then its exit
code must be 0 and its standard error what was expected, so that a sanitizer's report or a stray message fails the test.
What a test leaves running is killed when the test program ends.
"""

import atexit
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(pathlib.Path(__file__).resolve().parent)]
import tap
import wire

PROGRAM = tap.build_dir() / "app/tandem"
LISTENING = re.compile(r"^listening on http://(127\.0\.0\.1|\[::1\]):(\d+)$", re.M)
START_S, STOP_S = 20, 20
SANITIZED = tap.build_dir().name.endswith(("asan", "tsan"))     # memory is then not the program's own
running = set()


def kill_what_is_left():
    for server in list(running):
        server.child.kill()
        server.child.wait()


atexit.register(kill_what_is_left)


def temp_dir():
    folder = tempfile.mkdtemp(prefix="tandem-http-")
    atexit.register(shutil.rmtree, folder, True)
    return pathlib.Path(folder)


def environment():
    env = dict(os.environ, TZ="UTC", LC_ALL="C")
    env.pop("TANDEM_HOME", None)
    return env


class Home:
    """A home, and the commands that work on it."""

    def __init__(self, folder=None):
        self.folder = folder or temp_dir()
        self.dir = self.folder / "home"

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "--home", self.dir, *map(str, words)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def run(self, *words, timeout_s=60):
        """(exit code, standard output, standard error)"""
        child = self.start(*words)
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise
        return child.returncode, out, err

    def __call__(self, *words):
        code, out, err = self.run(*words)
        assert code == 0, f"{words}: exit {code}\n{out}{err}"
        return out.strip()


class Server:
    def __init__(self, home=None, models=(), sets=(), more=(), listen="127.0.0.1:0"):
        self.home = home
        argv = [PROGRAM] + (["--home", home.dir] if home else []) + ["serve", "--listen", listen]
        for name, file in dict(models).items():
            argv += ["--model", f"{name}={file}"]
        for name, value in dict(sets).items():
            argv += ["--set", f"{name}={value}"]
        self.cwd = temp_dir()
        self.err_path = self.cwd / "stderr"
        with open(self.err_path, "wb") as err, open(self.cwd / "stdout", "wb") as out:
            self.child = subprocess.Popen([str(a) for a in argv + list(more)], cwd=self.cwd, env=environment(),
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        running.add(self)
        self.address = self.wait_until_it_listens()
        self.port = self.address[1]

    @property
    def pid(self):
        return self.child.pid

    def stderr(self):
        return self.err_path.read_text(errors="backslashreplace")

    def wait_until_it_listens(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if match := LISTENING.search(self.stderr()):
                return match[1].strip("[]"), int(match[2])
            assert self.child.poll() is None, f"the server ended with {self.child.returncode}:\n{self.stderr()}"
            time.sleep(0.002)
        self.child.kill()
        raise AssertionError(f"no 'listening on' within {START_S} s:\n{self.stderr()}")

    def connect(self, **more):
        return wire.Wire(self.address, **more)

    def ask(self, method, target, body=None, fields=()):
        """One question on a connection of its own."""
        with self.connect() as connection:
            return connection.ask(method, target, body, fields)

    def status_kb(self, name):
        """A figure of /proc/PID/status, such as VmRSS."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1])

    def signal(self, number=signal.SIGTERM):
        self.child.send_signal(number)

    def wait(self, timeout_s=STOP_S):
        self.child.wait(timeout_s)
        running.discard(self)
        return self.child.returncode

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, expected=""):
        """SIGTERM; `expected` is a regular expression for what may stand on standard error beside the first line."""
        assert self.child.poll() is None, f"the server had ended with {self.child.returncode}:\n{self.stderr()}"
        self.signal()
        try:
            self.must_have_ended_well(expected)
        finally:
            if self.child.poll() is None:
                self.kill()

    def must_have_ended_well(self, expected=""):
        code = self.wait()
        assert code == 0, f"exit code {code}:\n{self.stderr()}"
        rest = [line for line in self.stderr().splitlines()
                if not LISTENING.fullmatch(line) and not (expected and re.fullmatch(expected, line))]
        assert not rest, "on standard error:\n" + "\n".join(rest)
        assert not (self.cwd / "stdout").read_bytes(), "something on standard output"


def start_refused(*words, home=None):
    """(exit code, standard error) of a `serve` that must not come up."""
    argv = [PROGRAM] + (["--home", home.dir] if home else []) + ["serve", *words]
    child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, env=environment(), cwd=temp_dir())
    try:
        text = child.communicate(timeout=5)[1]
        return child.returncode, text
    except subprocess.TimeoutExpired:
        child.kill()
        raise AssertionError(f"it came up: {words}\n{child.communicate()[1]}") from None


def once(make):
    """A value made at the first use and kept: tests that are picked by name do not pay for the others."""
    kept = []

    def get():
        if not kept:
            kept.append(make())
        return kept[0]
    return get


def need_program():
    done = subprocess.run([PROGRAM, "serve", "--help"], capture_output=True, text=True, env=environment())
    assert done.returncode == 0 and "--listen" in done.stdout, f"this build has no 'tandem serve': {done.stderr}"
