#!/usr/bin/env python3
"""Whether our load generator tells the truth.

    check_load.py [--small] [--build DIR]

Against a server of crafted answers it must count each as what it is, and in an open loop must not wait for a slow
server before the clock runs. Then it and wrk against nginx, closed loop, in turn, medians. Against nginx's plain answer
a generator may be the limit itself, and ours the faster one. Against nginx that asks itself first (`/twice`) the server
is the limit, and both must find the same rate: within 5% (a small run: half).
"""

import contextlib
import pathlib
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "job"))

import measure
from measure import Failed, median
import generator
import request_files
import servers

CONNECTIONS = 64
OK = b"HTTP/1.1 200 OK\r\n"
# An answer, and as what it counts: a status, or an error. The body expected is `right`.
KINDS = [
    (OK + b"Content-Length: 5\r\n\r\nright", "200"),
    (OK + b"cOnTeNt-LeNgTh:5 \r\nX: y\r\n\r\nright", "200"),
    (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nright", "200"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nright", "200"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nrig\r\n2;x=y\r\nht\r\n0\r\n\r\n", "200"),
    (b"HTTP/1.1 503 Overloaded\r\nContent-Length: 2\r\n\r\nno", "503"),
    (b"HTTP/1.1 204 None\r\n\r\n", "204"),
    (OK + b"Content-Length: 5\r\n\r\nwrong", "body"),
    (OK + b"Content-Length: 4\r\n\r\nrigh", "body"),
    (OK + b"Content-Length: 5\r\n\r\nright!", "syntax"),
    (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nright", "syntax"),
    (OK + b"Content-Length: +5\r\n\r\nright", "syntax"),
    (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n", "syntax"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n:\r\nright\r\n0\r\n\r\n", "syntax"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nrightxx0\r\n\r\n", "syntax"),
    (OK + b"X: y\nContent-Length: 5\r\n\r\nright", "syntax"),
    (OK + b"\r\nright", "syntax"),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nright", "syntax"),
    (OK + b"Content-Length: 5\r\n\r\nrig", "closed"),
    (b"", "closed"),
]


@contextlib.contextmanager
def crafted(answer, piece, sleep_s=0.0):
    """A server that gives every request this answer in pieces of some bytes, and closes where it is incomplete."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while connection.recv(4096).endswith(b"ask"):
                time.sleep(sleep_s)
                for at in range(0, len(answer), piece):
                    connection.sendall(answer[at:at + piece])
                if b"close" in answer or not answer.endswith((b"right", b"\n\r\n", b"no", b"wrong", b"righ", b"!")):
                    return

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield type("Crafted", (), {"port": listener.getsockname()[1], "pid": 1, "name": "crafted answers"})
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def check_kinds(build):
    load = generator.Generator(build)       # it sleeps here: the crafted answers may come from its own core
    with tempfile.TemporaryDirectory(prefix="tandem-load-") as name:
        files = request_files.Files(pathlib.Path(name), "ask", [request_files.post("/", b"ask")])
        files.expect([b"right"])
        for answer, kind in KINDS:
            # What follows an answer is only surely seen when it comes with it.
            for piece in (1 << 16,) if answer.endswith(b"!") else (1, 1 << 16):
                with crafted(answer, piece) as server:
                    result = load(server, files, connections=1, seconds=5, warm=0, requests=3, sleep=True)
                seen = {k: n for k, n in (result["status"] | result["errors"]).items() if n}
                if list(seen) != [kind]:
                    raise Failed(f"{answer!r} counts as {seen or 'nothing'}, it is {kind}")
        check_open_loop(load, files)


def check_open_loop(load, files):
    """40 ms an answer, one connection, 50 arrivals a second: whoever comes late in half a second has waited for those
    before. Timed from the actual send, all would take 40 ms."""
    with crafted(OK + b"Content-Length: 5\r\n\r\nright", 1 << 16, 0.04) as server:
        result = load(server, files, connections=1, seconds=0.5, warm=0, rate=50, sleep=True)
        if result["latency_us"]["p90"] < 100_000 or not result["late_sends"]:
            raise Failed(f"latency does not count from the intended send: {result['latency_us']}")
        result = load(server, files, connections=1, seconds=0.5, warm=0, rate=50, deadline=60, sleep=True)
        if not result["turned_away"] or result["latency_us"]["max"] > 70_000:
            raise Failed(f"clients do not give up: {result}")


def compare(build, small, say):
    """[(path, ours, wrk's)]: medians of the rates."""
    load, rows, rounds, seconds = generator.Generator(build), [], 1 if small else 5, 1 if small else 2
    with tempfile.TemporaryDirectory(prefix="tandem-load-") as name, servers.nginx(120) as server:
        folder = pathlib.Path(name)
        all_files = {path: request_files.Files(folder, path.strip("/") or "plain", [
            request_files.post(path, b"x" * 400, Content_Type="application/octet-stream")]) for path in ("/", "/twice")}
        server.start(all_files["/"].requests[0])
        for path, files in all_files.items():
            rates = []
            for _ in range(rounds):
                ours = load(server, files, connections=CONNECTIONS, seconds=seconds, warm=0.1)
                if ours["failed"]:
                    raise Failed(f"{ours['failed']} requests failed: {ours['status']} {ours['errors']}")
                theirs = generator.wrk(server, files.requests[0], CONNECTIONS, seconds, folder)
                if theirs is None:
                    say("wrk is missing (Debian's package wrk): the generator is not compared with it.")
                    return rows
                rates.append((ours["rate"], theirs))
            rows.append((path, median(r[0] for r in rates), median(r[1] for r in rates)))
    return rows


def judge(rows, small):
    for path, ours, theirs in rows:
        low, high = (0.5, 2) if small else (0.95, 1.05 if path == "/twice" else 2)
        if not low <= ours / theirs <= high:
            raise Failed(f"{path}: serve_load says {ours:,.0f} requests/s, wrk {theirs:,.0f}")


def shown(rows):
    return [(f"nginx `{path}`", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}")
            for path, ours, theirs in rows]


def main():
    a = measure.arguments(__doc__.splitlines()[0])

    def work():
        page = measure.Page("The load generator")
        check_kinds(a.build)
        page.say(f"{len(KINDS)} crafted answers count as what they are; latency counts from the intended send.")
        rows = compare(a.build, a.small, page.say)
        page.table(["server", "serve_load, requests/s", "wrk, requests/s", "ratio"], shown(rows))
        judge(rows, a.small)
    return measure.bench("the load generator", work)


if __name__ == "__main__":
    sys.exit(main())
