"""Strangers who mean harm, and beside them one client who behaves and must not notice.

A dozen strangers send right requests, damaged ones, bursts, large ones, drips and gzip bombs, and reset, close or fall
silent wherever they are, while releases are promoted, rolled back, loaded and run. What must hold: whatever is answered
is HTTP and never a 500; an undamaged request gets its right answer; the client who behaves gets each of its answers
within ANSWER_S, of one epoch, to the bit; in the end nothing is left of it all: no connection, no buffered byte, no memory.

What each stranger does comes from one seed (TANDEM_SEED), printed; the timing is the machine's.
"""

import gzip
import json
import os
import random
import re
import struct
import sys
import threading
import time
import traceback
import zlib

import fares
import server
import tap
import wire

SEED = int(os.environ.get("TANDEM_SEED") or "20130614", 0)
STRANGERS = 12
WARM_S, SHAKE_S = 2.0, 6.0
ANSWER_S = 2.0              # for the client who behaves
GROWTH_KB_MAX = 12 << 10    # what the allocator may keep of twelve strangers' bodies
STATUSES = {100, 200, 204, 400, 404, 405, 408, 413, 414, 415, 417, 422, 431, 501, 503, 504, 505}

POINTS = [[0.5, -1.25, 1e300, 0.1], [1.0, 2.0, 3.0, 4.0], [-0.0, 5e-324, 1e-3, 7.7]]
INTERCEPTS = {"a": 1000, "b": 2000}


class Served:
    """What the server has, and what is right."""

    def __init__(self):
        self.home = fares.FareHome(small=True)
        self.ids = {f"fare@{self.home.a}": "a", f"fare@{self.home.b}": "b"}
        self.epochs = {1: "a"}
        plain = self.home.write("plain.json", json.dumps(fares.PLAIN))
        self.one = server.Server(self.home, models={"plain": plain}, sets={"body_s": 5, "head_s": 5, "write_s": 3})

    def is_amount(self, body, question):
        release = self.ids[body["release"]]
        wanted = fares.amount(question, INTERCEPTS[release])
        assert body["prediction"] == {"amount": wanted}, (body, wanted)
        return body["epoch"], release


# ---------------------------------------------------------------- right requests

class Right:
    """A request, and what its answer must be."""

    def __init__(self, sent, check=None, status=200, method="GET", busy=False):
        self.sent, self.check, self.status, self.method, self.busy = sent, check, status, method, busy

    def take(self, connection):
        answer = connection.answer(self.method)
        if self.busy and answer.status == 503:
            assert answer.code() == "overloaded", answer
            return
        assert answer.status == self.status, (self.sent[:300], answer)
        if self.check:
            self.check(answer)


def body_of(rng, path, body, check, busy=False):
    """The same body as it is, in chunks, or in a coding."""
    body = json.dumps(body).encode() if not isinstance(body, bytes) else body
    way = rng.randrange(5)
    if way == 0:
        sent = wire.request("POST", path, fields=[("Transfer-Encoding", "chunked")]) + \
            wire.chunked(body, rng.randint(max(1, len(body) // 50), len(body)))
    elif way == 1:
        sent = wire.request("POST", path, gzip.compress(body, 1), [("Content-Encoding", "gzip")])
    elif way == 2:
        sent = wire.request("POST", path, zlib.compress(body, 1),
                            [("Content-Encoding", "deflate"), ("Accept-Encoding", "gzip")])
    else:
        sent = wire.request("POST", path, body)
    return Right(sent, check, busy=busy)


def decide(rng, served):
    question = rng.choice(fares.QUESTIONS[:3])
    return body_of(rng, "/v1/decide/fare", fares.decide_row(question), lambda a: served.is_amount(a.json(), question))


def decide_rows(rng, served, low=1, high=40):
    questions = [rng.choice(fares.QUESTIONS[:3]) for _ in range(rng.randint(low, high))]

    def check(answer):
        rows = answer.json()["answers"]
        assert len(rows) == len(questions) and len({row["epoch"] for row in rows}) == 1
        for row, question in zip(rows, questions):
            served.is_amount(row, question)
    return body_of(rng, "/v1/decide/fare", {"rows": [fares.decide_row(q) for q in questions]}, check, busy=True)


def prediction(rng, served):
    return Right(wire.request("GET", "/v1/predictions/fare/r1"),
                 lambda a: served.is_amount(a.json(), fares.QUESTIONS[0]))


def infer(rng, served):
    points = rng.choices(POINTS, k=rng.randint(1, 4))
    tensor = {"name": "input", "datatype": "FP64", "shape": [len(points), 4]}
    wanted = [fares.plain_value(point) for point in points]
    if rng.random() < 0.5:
        body = {"inputs": [dict(tensor, data=[v for p in points for v in p])]}
        return body_of(rng, "/v2/models/plain/infer", body, lambda a: is_data(a.json()["outputs"][0]["data"], wanted))
    raw = struct.pack(f"<{4 * len(points)}d", *(v for p in points for v in p))
    head = json.dumps({"inputs": [dict(tensor, parameters={"binary_data_size": len(raw)})],
                       "parameters": {"binary_data_output": True}}).encode()

    def check(answer):
        at = int(answer.get("Inference-Header-Content-Length"))
        is_data(list(struct.unpack(f"<{len(wanted)}d", answer.body[at:])), wanted)
    return Right(wire.request("POST", "/v2/models/plain/infer", head + raw,
                              [("Inference-Header-Content-Length", str(len(head)))]), check)


def is_data(found, wanted):
    assert found == wanted, (found, wanted)


def small(rng, served):
    return rng.choice([
        Right(wire.request("GET", "/metrics")), Right(wire.request("GET", "/v1/status")),
        Right(wire.request("GET", "/")), Right(wire.request("GET", "/v2/health/ready")),
        Right(wire.request("GET", "/v2/models/plain")), Right(wire.request("GET", "/v2/models/fare/stats")),
        Right(wire.request("GET", "/v2/models/fare/config", fields=[("Accept-Encoding", "gzip")])),
        Right(wire.request("POST", "/v2/repository/index", b"{}")),
        Right(wire.request("GET", "/nowhere/%41"), status=404), Right(wire.request("PUT", "/metrics"), status=405),
        Right(wire.request("OPTIONS", "/v1/decide/fare"), status=204),
    ])


def right(rng, served):
    return rng.choice((decide, decide, decide_rows, prediction, infer, infer, small))(rng, served)


# ---------------------------------------------------------------- damage

def flip(rng, data, other):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def cut(rng, data, other):
    return data[:rng.randrange(len(data))]


def leave_out(rng, data, other):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 40):]


def twice(rng, data, other):
    at = rng.randrange(len(data))
    end = at + rng.randint(1, 200)
    return data[:end] + data[at:end] * rng.choice((1, 1, 30)) + data[end:]


def splice(rng, data, other):
    return data[:rng.randrange(len(data))] + other[rng.randrange(len(other)):]


def noise(rng, data, other):
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 60)) + data[at:]


DAMAGES = (flip, flip, flip, cut, leave_out, twice, splice, noise)


# ---------------------------------------------------------------- what strangers do

def damaged(rng, served):
    """Whatever it means now, it is answered by HTTP, and the connection ends when ours does."""
    data = right(rng, served).sent
    for _ in range(rng.choice((1, 1, 3))):
        data = rng.choice(DAMAGES)(rng, data, right(rng, served).sent) or b"\0"
    with served.one.connect() as connection:
        connection.send(data)
        try:
            connection.half_close()
        except OSError:
            pass
        try:
            while True:
                answer = connection.answer()
                assert answer.status in STATUSES, (data, answer)
        except wire.Closed as closed:
            assert not connection.unread and "in a line" in str(closed), (data, str(closed), connection.unread)


def send_beside(connection, requests):
    """Sends on a thread of its own, so that answers can be read meanwhile; the connection may be given up under it."""
    def send():
        try:
            connection.send(b"".join(request.sent for request in requests))
        except OSError:
            pass
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def burst(rng, served):
    requests = [right(rng, served) for _ in range(rng.randint(2, 30))]
    with served.one.connect() as connection:
        sending = send_beside(connection, requests)
        for request in requests:
            request.take(connection)
        sending.join(10)


def vanish(rng, served):
    """Somewhere in a request, or in its answer: a reset, a close, or silence until the server has had enough."""
    data = b"".join(right(rng, served).sent for _ in range(rng.choice((1, 1, 5))))
    connection = served.one.connect(receive_buffer=rng.choice((None, 2048)))
    connection.send(data if rng.random() < 0.4 else cut(rng, data, b""))
    if rng.random() < 0.3:
        time.sleep(rng.random() * 0.02)
    if rng.random() < 0.3 and connection.readable(0.02):
        connection.receive()
    rng.choice((connection.reset, connection.reset, connection.close))()


def drip(rng, served):
    request = decide(rng, served) if rng.random() < 0.5 else infer(rng, served)
    with served.one.connect() as connection:
        connection.drip(request.sent, rng.randint(5, 40), 0.001)
        request.take(connection)


def large(rng, served):
    request = decide_rows(rng, served, 300, 1200)
    with served.one.connect() as connection:
        connection.send(request.sent)
        way = rng.randrange(4)
        if way == 0:
            time.sleep(rng.random() * 0.02)
            connection.reset()
        elif way == 1:
            connection.half_close()
            request.take(connection)
            connection.must_end()
        else:
            follower = right(rng, served)
            connection.send(follower.sent)
            request.take(connection)
            follower.take(connection)


def too_large(rng, served):
    """A body over the bound, which is refused while it comes, and one that never comes whole."""
    with served.one.connect() as connection:
        length = rng.choice((9 << 20, 5 << 20))
        connection.send(wire.request("POST", "/v1/decide/fare", fields=[("Content-Length", str(length))]) +
                        b" " * rng.randint(0, 1 << 20))
        if length > 8 << 20:
            answer = connection.answer()
            assert answer.status == 413 and answer.closes, answer
        if rng.random() < 0.5:
            connection.reset()


def bomb(rng, served):
    size = rng.choice((200_000, 1 << 20, 7 << 20, 20 << 20))
    packed = gzip.compress(b'{"x":"' + b" " * size, 9)
    if rng.random() < 0.3:
        packed = packed[:len(packed) // 2]
    with served.one.connect() as connection:
        connection.send(wire.request("POST", "/v1/decide/fare", packed, [("Content-Encoding", "gzip")]))
        answer = connection.answer()
        assert answer.status in (400, 413, 503), answer


def slow_reader(rng, served):
    """Asks for more than it reads for a while; every answer must still be there, in order."""
    many = [Right(wire.request("GET", rng.choice(("/v1/status", "/metrics")))) for _ in range(rng.randint(5, 40))]
    many.insert(rng.randrange(len(many)), decide_rows(rng, served, 300, 600))
    with served.one.connect(receive_buffer=2048) as connection:
        sending = send_beside(connection, many)
        time.sleep(rng.random() * 0.2)
        if rng.random() < 0.3:
            connection.reset()
            sending.join(10)
            return
        for request in many:
            request.take(connection)
        sending.join(10)


DEEDS = [(damaged, 40), (burst, 12), (vanish, 25), (drip, 4), (large, 6), (too_large, 3), (bomb, 4), (slow_reader, 4)]


class Stranger(threading.Thread):
    def __init__(self, served, number, until):
        super().__init__(daemon=True)
        self.served, self.number, self.until = served, number, until
        self.rng = random.Random(f"{SEED}/{number}")
        self.deeds, self.wrong = 0, []

    def run(self):
        names = [deed for deed, _ in DEEDS]
        weights = [weight for _, weight in DEEDS]
        while time.monotonic() < self.until and not self.wrong:
            deed = self.rng.choices(names, weights)[0]
            try:
                deed(self.rng, self.served)
            except (AssertionError, wire.Closed, OSError, ValueError, KeyError):
                self.wrong.append(f"stranger {self.number}, deed {self.deeds}, {deed.__name__}:\n{traceback.format_exc()}")
            self.deeds += 1


# ---------------------------------------------------------------- those who behave

class Behaved(threading.Thread):
    """Asks a little of everything, on a connection that it keeps; writes down (epoch, release) and the longest wait."""

    def __init__(self, served):
        super().__init__(daemon=True)
        self.served = served
        self.rng = random.Random(f"{SEED}/behaved")
        self.stopping = threading.Event()
        self.seen, self.wrong, self.longest_s, self.asked = [], [], 0.0, 0

    def run(self):
        with self.served.one.connect() as connection:
            while not self.stopping.is_set() and not self.wrong:
                try:
                    self.ask(connection)
                except (AssertionError, wire.Closed, OSError, ValueError, KeyError):
                    self.wrong.append(traceback.format_exc())
                time.sleep(0.002)

    def ask(self, connection):
        question = self.rng.choice(fares.QUESTIONS[:3])
        decide_one = Right(wire.request("POST", "/v1/decide/fare", fares.decide_row(question)),
                           lambda a: self.seen.append(self.served.is_amount(a.json(), question)))
        other = self.rng.choice((infer, prediction, small))(self.rng, self.served)
        for request in (decide_one, other):
            if b"Content-Encoding" in request.sent:
                continue
            begin = time.monotonic()
            connection.send(request.sent)
            request.take(connection)
            took = time.monotonic() - begin
            self.longest_s, self.asked = max(self.longest_s, took), self.asked + 1
            assert took < ANSWER_S, f"{took:.2f} s for {request.sent[:200]}"

    def stop(self):
        self.stopping.set()
        self.join(20)
        assert not self.is_alive(), "the client who behaves hangs"
        assert not self.wrong, "the client who behaves:\n" + self.wrong[0]


class Keeper(threading.Thread):
    """Changes what is served, by commands."""

    def __init__(self, served):
        super().__init__(daemon=True)
        self.served = served
        self.stopping = threading.Event()
        self.wrong, self.rounds = [], 0

    def run(self):
        try:
            while not self.stopping.is_set():
                self.round()
                self.rounds += 1
        except BaseException:
            self.wrong.append(traceback.format_exc())

    def round(self):
        home, epochs = self.served.home, self.served.epochs
        steps = [lambda: self.note("b", home("promote", home.b, "--table", home.table_b)),
                 lambda: self.note("a", home("rollback")),
                 lambda: home("load", "rides", home.folder / "rides.csv"),
                 lambda: self.note("b", home("promote", home.b, "--table", home.table_b)),
                 lambda: setattr(self, "table", home("run", home.a, "--population", home.population,
                                                     "--as-of", fares.TABLE_AS_OF)),
                 lambda: self.note("a", home("promote", home.a, "--table", self.table)),
                 lambda: home("load", "zones", home.folder / "zones.csv")]
        for step in steps:
            if self.stopping.is_set():
                return
            step()

    def note(self, release, printed):
        self.served.epochs[int(printed)] = release

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive() and not self.wrong, self.wrong or "a command hangs"


# ---------------------------------------------------------------- the books

def metrics(connection):
    connection.send(wire.request("GET", "/metrics"))
    text = connection.answer().body.decode()
    return {name: float(value) for name, value in re.findall(r"^(tandem_\S+) (\S+)$", text, re.M)}


def total(found, name):
    return sum(value for key, value in found.items() if key.split("{")[0] == name)


def quiet(one, seconds=8):
    """Waits until only the asker is connected and nothing is held; the last figures."""
    end = time.monotonic() + seconds
    with one.connect() as connection:
        while True:
            found = metrics(connection)
            if found["tandem_connections"] == 1 and found["tandem_buffered_bytes"] == 0 == found["tandem_large_depth"]:
                break
            assert time.monotonic() < end, {n: found[n] for n in ("tandem_connections", "tandem_buffered_bytes",
                                                                  "tandem_large_depth")}
            time.sleep(0.05)
        requests = connection.ask("GET", "/v1/status").json()["server"]["requests"]
        found = metrics(connection)
    assert found["tandem_connections_opened_total"] == found["tandem_connections_closed_total"] + 1
    assert total(found, "tandem_requests_total") == requests + 1, (total(found, "tandem_requests_total"), requests)
    assert total(found, "tandem_responses_total") >= requests, "a request was not answered"
    assert found['tandem_responses_total{status="3xx"}'] == 0
    return found


def shake(served, first, seconds):
    strangers = [Stranger(served, first + i, time.monotonic() + seconds) for i in range(STRANGERS)]
    for stranger in strangers:
        stranger.start()
    for stranger in strangers:
        stranger.join(seconds + 30)
        assert not stranger.is_alive(), f"stranger {stranger.number} hangs at deed {stranger.deeds}"
    wrong = [text for stranger in strangers for text in stranger.wrong]
    assert not wrong, f"seed {SEED}; {len(wrong)} strangers found something; the first:\n{wrong[0]}"
    return sum(stranger.deeds for stranger in strangers)


def is_of_one_piece(served, seen):
    epochs = [epoch for epoch, _ in seen]
    assert epochs == sorted(epochs), "a connection saw an epoch again"
    for epoch, release in seen:
        assert served.epochs[epoch] == release, (epoch, release, served.epochs)


def test_strangers():
    print(f"# seed {SEED}")
    served = Served()
    one = served.one
    try:
        behaved, keeper = Behaved(served), Keeper(served)
        behaved.start()
        keeper.start()
        deeds = shake(served, 0, WARM_S)
        warm_kb = one.status_kb("VmRSS")
        deeds += shake(served, STRANGERS, SHAKE_S)
        keeper.stop()
        behaved.stop()
        found = quiet(one)
        after_kb = one.status_kb("VmRSS")
    except BaseException:
        print("# the server's end: %s" % one.child.poll())
        tap.comment(one.stderr())
        raise
    is_of_one_piece(served, behaved.seen)
    print(f"# {deeds} deeds, {len(set(behaved.seen))} epochs seen of {len(served.epochs)}, "
          f"{int(total(found, 'tandem_requests_total'))} requests, "
          f"{int(found['tandem_connections_opened_total'])} connections")
    print(f"# the client who behaves: {behaved.asked} answers, the slowest after {behaved.longest_s * 1000:.0f} ms")
    print(f"# memory {warm_kb} kB, then {after_kb} kB")
    assert behaved.asked > 50 and len(set(behaved.seen)) > 1
    assert server.SANITIZED or after_kb - warm_kb < GROWTH_KB_MAX, (warm_kb, after_kb)
    one.stop()


# ---------------------------------------------------------------- found once

def test_a_large_answer_waits_for_those_before_it():
    """Answers that the client has not read and the system has no room for, then a large request's, all in one piece."""
    served = Served()
    long = Right(wire.request("GET", "/metrics"))
    held = lambda: metrics(asker)["tandem_buffered_bytes"] > 0
    with served.one.connect() as asker:
        with served.one.connect(receive_buffer=2048) as connection:     # how many answers the system has room for
            room = 0
            while not held():
                connection.send(long.sent)
                room += 1
        for more in range(-1, 2):
            rng = random.Random(SEED)
            before = [long] * (room + more - 2)
            together = [long] * 3 + [decide_rows(rng, served, 1000, 1000), decide(rng, served)]
            with served.one.connect(receive_buffer=2048) as connection:
                for request in before:
                    connection.send(request.sent)
                    held()
                connection.send(b"".join(request.sent for request in together))
                time.sleep(0.3)
                for request in before + together:
                    request.take(connection)
    print(f"# the system has room for {room} answers")
    served.one.stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
