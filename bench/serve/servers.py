"""Servers under measurement: started on the server's core, ready when they answer, ended by their process group.

One at a time is measured; others that run meanwhile are stopped with SIGSTOP, since some poll when nobody asks.
"""

import http.client
import math
import os
import pathlib
import shutil
import signal
import socket
import string
import subprocess
import time

from generator import cores, pinned
from measure import Failed, ROOT
import request_files

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = ROOT / "build/bench/serve"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, request, seconds=10):
    """(status, head with lower-case names, body) of a request's bytes, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        s.sendall(request)
        answer = http.client.HTTPResponse(s)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


class Server:
    """A process on the server's core. `command` and `env` may use the port, which is free; the folder `scratch` goes
    when it stops."""

    def __init__(self, name, command, env=None, cwd=None, port=None, scratch=None):
        self.name, self.command, self.cwd = name, [str(w) for w in command], cwd
        self.env = dict(os.environ, **(env or {}))
        self.port = port or free_port()
        self.process, self.scratch = None, scratch

    def start(self, request, seconds=60):
        """Returns once `request` is answered with 200."""
        self.log = FOLDER / f"{self.name.replace(' ', '-').replace('/', '-')}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(pinned(cores()[0], self.command), env=self.env, cwd=self.cwd, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        patience, last = time.monotonic() + seconds, "it does not listen"
        while time.monotonic() < patience:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with {self.process.returncode}\n{self.tail()}")
            try:
                status, _, body = ask(self.port, request)
                if status == 200:
                    return self
                last = f"status {status}: {body[:300]!r}"
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        self.stop()
        raise Failed(f"{self.name} did not answer within {seconds} s: {last}\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self):
        """Ends it and all that it started."""
        if self.process:
            self.end()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def end(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def memory(self):
        """{name: bytes} of the process's resident pages: all, and those that are no file's."""
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return {"all": 1024 * int(fields["VmRSS"].split()[0]), "own": 1024 * int(fields["RssAnon"].split()[0])}

    def cpu_ns(self):
        """Of all its threads that live."""
        threads = pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in threads)


def right(server, files, predictions, tolerance=1e-12):
    """Asks each request once and compares; the bodies, as they came. What is wrong fails before anything is timed."""
    bodies = []
    for i, (request, wanted) in enumerate(zip(files.requests, predictions)):
        status, head, body = ask(server.port, request)
        if status != 200:
            raise Failed(f"{server.name}: row {i}: status {status}: {body[:300]!r}")
        got = request_files.prediction(head, body)
        if not math.isclose(got, wanted, rel_tol=tolerance, abs_tol=tolerance):
            raise Failed(f"{server.name}: row {i}: {got!r}, LightGBM says {wanted!r}")
        bodies.append(body)
    return bodies


def nginx_program():
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def nginx(answer_size, connections=25000):
    """The floor; its answer has `answer_size` bytes. It makes room for all connections when it starts."""
    program = nginx_program()
    if not program:
        raise Failed("nginx is missing: install Debian's nginx-light")
    port = free_port()
    folder = FOLDER / f"nginx-{port}"
    folder.mkdir(parents=True, exist_ok=True)
    answer = '{"outputs":[' + "0" * max(0, answer_size - 14) + "]}"
    text = string.Template((HERE / "nginx.conf").read_text()).substitute(FOLDER=folder, PORT=port, ANSWER=answer,
                                                                         CONNECTIONS=connections)
    (folder / "nginx.conf").write_text(text)
    return Server("nginx", [program, "-e", folder / "error.log", "-c", folder / "nginx.conf"], port=port,
                  scratch=folder)


def tandem(program, models=None, home=None, name="tandem"):
    port = free_port()
    words = [program] + (["--home", home] if home else [])
    words += ["serve", "--listen", f"127.0.0.1:{port}", "--threads", "1"]
    for model, path in (models or {}).items():
        words += ["--model", f"{model}={path}"]
    return Server(name, words, port=port)
