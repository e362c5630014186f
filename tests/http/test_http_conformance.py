"""HTTP/1.1 over real sockets: what is answered, what is refused, and that a refusal ends there.

Each case is sent in one write and byte by byte. Where the connection stays open a good request follows and must be
answered. Where it closes, good requests were sent right behind the bad one, and no answer to them may come: two readings
of one byte stream are how requests are smuggled past a proxy.
"""

import dataclasses
import gzip
import json
import os
import random
import re
import resource
import select
import threading
import time
import zlib

import server
import tap
import wire
import fares

GOOD = wire.request("GET", "/v2/health/live")
HOST = b"Host: test\r\n"
ROW = {"keys": {"row": "k"}, "features": {"x0": 1, "x1": 2, "x2": 3, "x3": 4}}
VALUE = fares.plain_value([1, 2, 3, 4])
BODY = json.dumps(ROW).encode()
DECIDE = "/v1/decide/plain"
BIG = 8 << 20      # body_bytes_max
HEAD_MAX = 16384   # head_bytes_max
TARGET_MAX = 8192

home = server.once(lambda: fares.FareHome())
main_server = server.once(lambda: server.Server(home()))


def another(**more):
    """A server with settings of its own; a home has one server at a time."""
    return server.Server(fares.FareHome(), **more)


hasty = server.once(lambda: another(sets={"head_s": 1, "body_s": 1, "idle_s": 1}))


# ---------------------------------------------------------------- cases

@dataclasses.dataclass
class Case:
    name: str
    sent: bytes
    status: object               # a status, or several that all do
    code: str = None
    closes: object = True        # None: the server may choose
    method: str = "GET"
    check: object = None


def get(more=b"", target=b"/v2/health/live", version=b"HTTP/1.1", host=HOST):
    return b"GET %s %s\r\n%s%s\r\n" % (target, version, host, more)


def post(fields, body, target=DECIDE.encode()):
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (target, HOST, fields, body)


def sized(body=BODY, more=b""):
    return post(b"Content-Length: %d\r\n%s" % (len(body), more), body)


def in_chunks(body, more=b""):
    return post(b"Transfer-Encoding: chunked\r\n" + more, body)


def syntax(name, sent):
    return Case(name, sent, 400, "http_syntax")


def length(value, body=BODY):
    return post(b"Content-Length: " + value + b"\r\n", body)


def is_live(answer):
    assert answer.json() == {"live": True}, answer


def is_value(answer):
    assert answer.json()["prediction"] == {"prediction": VALUE}, answer


def good(name, sent, check=is_live, closes=False, status=200):
    return Case(name, sent, status, None, closes, check=check)


def fields(n, size=0):
    return b"".join(b"X-%04d: %s\r\n" % (i, b"a" * size) for i in range(n))


def head_of(size):
    """A good request whose head has exactly `size` bytes."""
    start = get()[:-2]
    lines, left = b"", size - len(start) - 2
    while left > 1000:
        lines += b"X: " + b"a" * 495 + b"\r\n"
        left -= 500
    return start + lines + b"X: " + b"a" * (left - 5) + b"\r\n\r\n"


ACCEPTED = [
    good("a plain request", GOOD),
    good("one CRLF before the request line", b"\r\n" + GOOD),
    good("names in any case", b"GET /v2/health/live HTTP/1.1\r\nhOsT: x\r\ncOnNeCtIoN: KEEP-alive\r\n\r\n"),
    good("blanks around a value", get(b"X: \t a \t \r\n")),
    good("no blank before a value", get(b"X:a\r\n")),
    good("an empty value", get(b"X:\r\n")),
    good("a tab and high bytes in a value", get(b"X: a\tb \xc3\xa9\xff\r\n")),
    good("every character that a name may have", get(b"!#$%&'*+-.^_`|~09azAZ: x\r\n")),
    good("a query", get(target=b"/v2/health/live?test_1=1&test_2=2")),
    good("absolute form", get(target=b"http://test/v2/health/live")),
    good("a host with a port", get(host=b"Host: [::1]:8000\r\n")),
    good("99 more fields", get(fields(99))),
    good("a head at the limit", head_of(HEAD_MAX)),
    good("a target at the limit", get(target=b"/v2/health/live?" + b"a" * (TARGET_MAX - 16))),
    good("a body that a GET need not have", get(b"Content-Length: 5\r\n") + b"GET /"),
    good("close is asked for", get(b"Connection: close\r\n"), closes=True),
    good("close among others", get(b"Connection: foo, Close\r\n"), closes=True),
    good("HTTP/1.0 closes", get(version=b"HTTP/1.0"), closes=True),
    good("HTTP/1.0 needs no Host", get(version=b"HTTP/1.0", host=b""), closes=True),
    good("HTTP/1.0 with keep-alive", get(b"Connection: keep-alive\r\n", version=b"HTTP/1.0")),
    good("a body with Content-Length", sized(), is_value),
    good("a body in chunks", in_chunks(wire.chunked(BODY)), is_value),
    good("chunks of one byte", in_chunks(wire.chunked(BODY, 1)), is_value),
    good("chunk extensions", in_chunks(wire.chunked(BODY, 9, b';a=b;c="d;e"')), is_value),
    good("a chunk extension of nearly 4 KiB", in_chunks(wire.chunked(BODY, 999, b";a=" + b"b" * 4000)), is_value),
    good("trailers", in_chunks(wire.chunked(BODY, 50, trailers=b"X-A: 1\r\nX-B: 2\r\n")), is_value),
    good("chunk sizes in upper case and with zeros", in_chunks(b"00%X\r\n%s\r\n000\r\n\r\n" % (len(BODY), BODY)),
         is_value),
    good("identity as coding", sized(more=b"Content-Encoding: identity\r\n"), is_value),
]

CRLF_TROUBLE = [
    syntax("bare LF everywhere", b"GET /v2/health/live HTTP/1.1\nHost: x\n\n"),
    syntax("bare LF behind the request line", b"GET /v2/health/live HTTP/1.1\nHost: x\r\n\r\n"),
    syntax("bare LF behind a field", get(b"X: a\nY: b\r\n")),
    syntax("bare LF at the end of the head", b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\n"),
    syntax("bare LF before the request line", b"\n" + GOOD),
    syntax("bare CR before the request line", b"\r" + GOOD),
    syntax("bare CR in a value", get(b"X: a\rb\r\n")),
    syntax("bare CR as a separator", post(b"X-A:\rContent-Length: 7\r\n", b"1234567")),
    syntax("CR LF CR X is no end of a head", b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\rX: y\r\n\r\n"),
    syntax("CR CR LF", get(b"X: a\r\r\n")),
    syntax("bare CR in the request line", b"GET /v2/health/live\rHTTP/1.1\r\nHost: x\r\n\r\n"),
    syntax("NUL in a value", get(b"X: a\0b\r\n")),
    syntax("NUL in a name", get(b"X\0: a\r\n")),
    syntax("NUL in the target", get(target=b"/v2/health/live\0")),
    syntax("a control byte in a value", get(b"X: a\x01b\r\n")),
    syntax("DEL in a value", get(b"X: a\x7fb\r\n")),
    syntax("a folded field", get(b"X: a\r\n b\r\n")),
    syntax("a field folded with a tab", get(b"X: a\r\n\tb\r\n")),
    syntax("a blank before the first field", b"GET /v2/health/live HTTP/1.1\r\n Host: x\r\n\r\n"),
    syntax("a blank before the colon", get(b"X : a\r\n")),
    syntax("a tab before the colon", get(b"X\t: a\r\n")),
    syntax("a blank before the colon of Content-Length", post(b"Content-Length : %d\r\n" % len(BODY), BODY)),
    syntax("no name", get(b": a\r\n")),
    syntax("no colon", get(b"X\r\n")),
    syntax("a bracket in a name", get(b"X(y): a\r\n")),
    syntax("a blank in a name", get(b"X Y: a\r\n")),
    syntax("a high byte in a name", get(b"X\xe9: a\r\n")),
    syntax("noise", random.Random(1).randbytes(200) + b"\r\n\r\n"),
    syntax("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n\r\n"),
]

REQUEST_LINES = [
    syntax("two blanks before the target", b"GET  /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("two blanks before the version", b"GET /v2/health/live  HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("a tab between", b"GET\t/v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("a blank behind the version", b"GET /v2/health/live HTTP/1.1 \r\n" + HOST + b"\r\n"),
    syntax("a blank before the method", b" GET /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("a blank in the target", b"GET /v2/health/live x HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("no version", b"GET /v2/health/live\r\n" + HOST + b"\r\n"),
    syntax("no target", b"GET HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("no method", b"/v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("a target without a slash", get(target=b"v2/health/live")),
    syntax("* is for OPTIONS", get(target=b"*")),
    syntax("a method that is no token", b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n"),
    syntax("version 0.9", get(version=b"HTTP/0.9")),
    syntax("a version in small letters", get(version=b"http/1.1")),
    syntax("a version without a point", get(version=b"HTTP/11")),
    syntax("a version with an end", get(version=b"HTTP/1.1x")),
    syntax("another protocol", get(version=b"ICAP/1.1")),
    Case("version 2.0", get(version=b"HTTP/2.0"), 505, "http_version"),
    Case("version 3.0", get(version=b"HTTP/3.0"), 505, "http_version"),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), 505, "http_version"),
    Case("an unknown method", b"FOO /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n", 501, "http_unknown"),
    Case("a method in small letters", b"get /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n", 501, "http_unknown"),
    Case("a target over the limit", get(target=b"/" + b"a" * TARGET_MAX), 414, "http_target_long"),
    Case("a target without end", b"GET /" + b"a" * 60000, 414, "http_target_long"),
    Case("a head over the limit", head_of(HEAD_MAX + 1), 431, "http_head_large"),
    Case("one field of 64 KiB", get(b"X: " + b"a" * 65536 + b"\r\n"), 431, "http_head_large"),
    Case("a name without end", get(b"X" * 60000), 431, "http_head_large"),
    Case("101 fields", get(fields(100)), 431, "http_head_large"),
    Case("thousands of small fields", get(b"a:b\r\n" * 5000), 431, "http_head_large"),
]

HOSTS = [
    syntax("no Host", get(host=b"")),
    syntax("Host twice", get(host=HOST + HOST)),
    syntax("two Hosts that differ", get(host=b"Host: a\r\nX: y\r\nHost: b\r\n")),
    syntax("an empty Host", get(host=b"Host:\r\n")),
    syntax("a Host of blanks", get(host=b"Host:  \t \r\n")),
    syntax("no Host beside an absolute target", get(target=b"http://test/v2/health/live", host=b"")),
]

LENGTHS = [
    syntax("Content-Length with Transfer-Encoding", post(
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(BODY), wire.chunked(BODY))),
    syntax("Transfer-Encoding with Content-Length", post(
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", wire.chunked(BODY))),
    syntax("two lengths that differ", post(b"Content-Length: %d\r\nContent-Length: 3\r\n" % len(BODY), BODY)),
    syntax("two lengths that agree", post(b"Content-Length: %d\r\n" % len(BODY) * 2, BODY)),
    syntax("a list of lengths", length(b"%d, %d" % (len(BODY), len(BODY)))),
    syntax("+7", length(b"+7")),
    syntax("-1", length(b"-1")),
    syntax("-0", length(b"-0")),
    syntax("0x7", length(b"0x7")),
    syntax("7 7", length(b"7 7")),
    syntax("1e1", length(b"1e1")),
    syntax("7.0", length(b"7.0")),
    syntax("7;", length(b"7;")),
    syntax("an empty length", length(b"")),
    syntax("digits that are not ASCII", length("７".encode())),
    syntax("a length over 2^64", length(b"18446744073709551623")),
    syntax("a length of 40 digits", length(b"9" * 40)),
    Case("a length of 2^63", length(b"9223372036854775808"), (400, 413)),
    Case("a length just over the limit", length(b"%d" % (BIG + 1)), 413, "too_large"),
]

CODINGS = [
    Case("xchunked", post(b"Transfer-Encoding: xchunked\r\n", wire.chunked(BODY)), 501, "http_unknown"),
    Case("identity", post(b"Transfer-Encoding: identity\r\n", BODY), 501, "http_unknown"),
    Case("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", wire.chunked(BODY)), 501, "http_unknown"),
    Case("chunked, gzip", post(b"Transfer-Encoding: chunked, gzip\r\n", wire.chunked(BODY)), 501, "http_unknown"),
    Case("chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", wire.chunked(BODY)), 501,
         "http_unknown"),
    Case("quoted", post(b'Transfer-Encoding: "chunked"\r\n', wire.chunked(BODY)), 501, "http_unknown"),
    Case("an empty coding", post(b"Transfer-Encoding:\r\n", wire.chunked(BODY)), (400, 501)),
    syntax("a vertical tab before chunked", post(b"Transfer-Encoding: \x0bchunked\r\n", wire.chunked(BODY))),
    syntax("chunked, chunked", post(b"Transfer-Encoding: chunked, chunked\r\n", wire.chunked(BODY))),
    syntax("chunked twice", post(b"Transfer-Encoding: chunked\r\n" * 2, wire.chunked(BODY))),
    Case("chunked, then identity", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                                        wire.chunked(BODY)), (400, 501)),
    syntax("chunked in HTTP/1.0", b"POST /v1/decide/plain HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" +
           wire.chunked(BODY)),
    syntax("any coding in HTTP/1.0", b"POST /v1/decide/plain HTTP/1.0\r\nConnection: keep-alive\r\n"
           b"Transfer-Encoding: gzip\r\n\r\n" + BODY),
]

CHUNKS = [
    syntax("a size that overflows", in_chunks(b"10000000000000005\r\n" + BODY)),
    syntax("a size of 40 digits", in_chunks(b"f" * 40 + b"\r\n" + BODY)),
    syntax("a size that is no number", in_chunks(b"g\r\n" + BODY)),
    syntax("0x5", in_chunks(b"0x5\r\nhello\r\n0\r\n\r\n")),
    syntax("-5", in_chunks(b"-5\r\nhello\r\n0\r\n\r\n")),
    syntax("+5", in_chunks(b"+5\r\nhello\r\n0\r\n\r\n")),
    syntax("a blank before a size", in_chunks(b" 5\r\nhello\r\n0\r\n\r\n")),
    syntax("no size", in_chunks(b"\r\nhello\r\n0\r\n\r\n")),
    syntax("an extension without a size", in_chunks(b";a=b\r\nhello\r\n0\r\n\r\n")),
    syntax("bare LF behind a size", in_chunks(b"5\nhello\r\n0\r\n\r\n")),
    syntax("bare LF behind the bytes", in_chunks(b"5\r\nhello\n0\r\n\r\n")),
    syntax("bare CR behind a size", in_chunks(b"5\rhello\r\n0\r\n\r\n")),
    syntax("bare LF in an extension", in_chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n")),
    syntax("bare CR in an extension", in_chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    syntax("NUL in an extension", in_chunks(b"5;a\0b\r\nhello\r\n0\r\n\r\n")),
    syntax("bytes longer than their size", in_chunks(b"3\r\nhello\r\n0\r\n\r\n")),
    syntax("bytes shorter than their size", in_chunks(b"6\r\nhello\r\n0\r\n\r\n" + b"0\r\n\r\n")),
    syntax("bare LF behind the last chunk", in_chunks(b"0\n\r\n")),
    syntax("bare LF at the end", in_chunks(b"5\r\nhello\r\n0\r\n\n")),
    syntax("bare LF in the trailers", in_chunks(wire.chunked(BODY, trailers=b"X: a\nY: b\r\n"))),
    syntax("a folded trailer", in_chunks(wire.chunked(BODY, trailers=b"X: a\r\n b\r\n"))),
    syntax("a trailer without a colon", in_chunks(wire.chunked(BODY, trailers=b"X\r\n"))),
    syntax("an extension over 4 KiB", in_chunks(wire.chunked(BODY, 999, b";a=" + b"b" * 5000))),
    # Refused or dropped, but never taken for what they name: the request behind would be read wrongly.
    Case("trailers that would be fields", in_chunks(wire.chunked(
        BODY, 50, trailers=b"Content-Length: 7\r\nHost: other\r\nTransfer-Encoding: x\r\n")), (200, 400), None, None),
    Case("trailers over the limit", in_chunks(wire.chunked(BODY, trailers=b"X: " + b"a" * 17000 + b"\r\n")), (400, 431)),
]

REFUSED = [
    Case("an unknown path", get(target=b"/nothing"), 404, "not_found", False),
    Case("an unknown path with a body", post(b"Content-Length: 5\r\n", b"hello", b"/nothing"), 404, "not_found", None),
    Case("GET where POST is", get(target=DECIDE.encode()), 405, "http_method", False,
         check=lambda a: allows(a, {"POST"})),
    Case("POST where GET is", post(b"Content-Length: 2\r\n", b"{}", b"/v1/status"), 405, "http_method", False,
         check=lambda a: allows(a, {"GET", "HEAD"})),
    Case("DELETE", b"DELETE /v1/status HTTP/1.1\r\n" + HOST + b"\r\n", 405, "http_method", False,
         check=lambda a: allows(a, {"GET", "HEAD"})),
    Case("TRACE", b"TRACE /v1/status HTTP/1.1\r\n" + HOST + b"\r\n", 405, "http_method", None,
         check=lambda a: allows(a, {"GET", "HEAD"})),
    Case("another expectation", sized(more=b"Expect: 200-ok\r\n"), 417, "http_expectation", None),
    Case("a body coding that is not taken", sized(more=b"Content-Encoding: br\r\n"), 415, "http_media_type", None),
    Case("two body codings", sized(more=b"Content-Encoding: gzip, gzip\r\n"), 415, "http_media_type", None),
    Case("a body that is not JSON", sized(b"not json"), 400, "json_syntax", False),
    Case("a body of no bytes", sized(b""), 400, "json_syntax", False),
    Case("OPTIONS", b"OPTIONS /v1/decide/plain HTTP/1.1\r\n" + HOST + b"\r\n", 204, None, False,
         check=lambda a: allows(a, {"POST", "OPTIONS"})),
    Case("OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 204, None, False, check=lambda a: allows(a, {"GET"})),
]


def allows(answer, methods):
    allowed = {word.strip() for word in (answer.get("Allow") or "").split(",")}
    assert methods <= allowed, answer


def judge(case, answer, connection):
    wanted = case.status if isinstance(case.status, tuple) else (case.status,)
    assert answer.status in wanted, f"{case.status} is wanted: {answer}"
    if case.code:
        assert answer.code() == case.code, f"{case.code} is wanted: {answer}"
    if case.check:
        case.check(answer)
    if case.closes is not None and not (case.closes and answer.status == 200):
        assert answer.closes == case.closes, f"Connection: close is {'wanted' if case.closes else 'wrong'}: {answer}"
    if case.closes or answer.closes:
        connection.must_end()
        return
    connection.send(GOOD)
    is_live(connection.answer())


def in_one_write(case):
    with main_server().connect() as connection:
        connection.send(case.sent + (GOOD + sized()) * 2 if case.closes else case.sent)
        judge(case, connection.answer(case.method), connection)


def byte_by_byte(case):
    with main_server().connect() as connection:
        # A byte at a time where that is affordable; else the first and the last bytes so, and the middle in odd pieces.
        sent = case.sent
        if len(sent) <= 3000:
            connection.drip(sent)
        else:
            connection.drip(sent[:300])
            connection.drip(sent[300:-300], 613)
            connection.drip(sent[-300:])
        judge(case, connection.answer(case.method), connection)


def all_hold(cases):
    """Every case of a table, both ways; tells all that fail, not only the first."""
    wrong = []
    for case in cases:
        for way in in_one_write, byte_by_byte:
            try:
                way(case)
            except (AssertionError, wire.Closed, OSError) as error:
                wrong.append(f"{case.name}, {way.__name__}: {type(error).__name__} {str(error)[:500]}")
    assert not wrong, f"{len(wrong)} of {2 * len(cases)} fail:\n" + "\n".join(wrong)


def test_what_is_accepted():
    all_hold(ACCEPTED)


def test_line_ends_and_fields():
    all_hold(CRLF_TROUBLE)


def test_request_lines_and_heads():
    all_hold(REQUEST_LINES)


def test_hosts():
    all_hold(HOSTS)


def test_content_lengths():
    all_hold(LENGTHS)


def test_transfer_codings():
    all_hold(CODINGS)


def test_chunks():
    all_hold(CHUNKS)


def test_refusals_that_leave_the_connection_open():
    all_hold(REFUSED)


def test_messages_name_the_fault():
    for sent, word in ((length(b"+7"), "Content-Length"), (get(host=b""), "Host"), (get(b"X : a\r\n"), "colon")):
        with main_server().connect() as connection:
            connection.send(sent)
            error = connection.answer().error()
            assert any(word.lower() in text.lower() for text in error.values()), (word, error)


# ---------------------------------------------------------------- order, HEAD, Expect

def decide_x0(x0):
    return wire.request("POST", DECIDE, {"keys": {"row": "k"}, "features": {"x0": x0}})


def a_hundred_answers(connection):
    for i in range(100):
        answer = connection.answer()
        if i % 3:
            assert answer.json()["prediction"]["prediction"] == fares.plain_value([i, None, None, None]), i
        else:
            assert answer.status == 404, (i, answer)


def test_a_hundred_requests_pipelined():
    sent = b"".join(decide_x0(i) if i % 3 else wire.request("GET", f"/nothing/{i}") for i in range(100))
    with main_server().connect() as connection:
        connection.send(sent)
        a_hundred_answers(connection)
    with main_server().connect() as connection:
        pieces = [sent[at:at + 7] for at in range(0, len(sent), 7)]
        sender = threading.Thread(target=lambda: [connection.send(piece) for piece in pieces])
        sender.start()
        a_hundred_answers(connection)
        sender.join()


def large_request(rng, i):
    """A request of some size and form, and what reads its answer: (bytes, function, value)."""
    kind = rng.randrange(5)
    more = b"X: " + b"a" * rng.randrange(3000) + b"\r\n"
    if kind == 0:
        return get(more * 3), lambda body: body, {"live": True}
    one = {"keys": {"row": "k"}, "features": {"x0": i}}
    value = fares.plain_value([i, None, None, None])
    if kind == 1:
        n = rng.choice([2, 20, 80, 100, 400])
        return (sized(json.dumps({"rows": [one] * n}).encode(), more),
                lambda body: [a["prediction"]["prediction"] for a in body["answers"]], [value] * n)
    padding = b" " * rng.choice([0, 7, 4000, 8100, 16300, 20478, 32700, 65400, rng.randrange(70_000)])
    body = json.dumps(one).encode() + padding
    sent = sized(body, more) if kind < 4 else in_chunks(wire.chunked(body, rng.randrange(1, 5000)), more)
    return sent, lambda body: body["prediction"]["prediction"], value


def test_large_requests_pipelined():
    """Bodies of all sizes, so that heads begin and end wherever a buffer does; in one write and in random pieces."""
    for seed in range(6):
        rng = random.Random(seed)
        requests = [large_request(rng, i) for i in range(40)]
        sent = b"".join(one for one, _, _ in requests)
        cuts = sorted(rng.randrange(len(sent)) for _ in range(200)) if seed % 2 else []
        pieces = [sent[a:b] for a, b in zip([0] + cuts, cuts + [len(sent)])]
        with main_server().connect() as connection:
            sender = threading.Thread(target=lambda: [connection.send(piece) for piece in pieces], daemon=True)
            sender.start()
            for i, (_, read, value) in enumerate(requests):
                answer = connection.answer()
                assert answer.status == 200 and read(answer.json()) == value, (seed, i, answer)
            sender.join()


def test_pipelined_behind_a_request_that_closes():
    with main_server().connect() as connection:
        connection.send(decide_x0(1) + get(b"Connection: close\r\n") + decide_x0(2))
        assert connection.answer().status == 200
        is_live(connection.answer())
        connection.must_end()


def test_head_is_get_without_the_body():
    with main_server().connect() as connection:
        for target in ("/v2/health/live", "/v2", "/nothing", "/v2/models/plain"):
            by_get, by_head = connection.ask("GET", target), connection.ask("HEAD", target)
            assert (by_head.status, by_head.get("Content-Length"), by_head.get("Content-Type")) == \
                   (by_get.status, by_get.get("Content-Length"), by_get.get("Content-Type")), (by_get, by_head)
        is_live(connection.ask("GET", "/v2/health/live"))


def test_expect_100_continue():
    head = b"POST /v1/decide/plain HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with main_server().connect() as connection:
        for dripped in (False, True):
            (connection.drip if dripped else connection.send)(head % len(BODY))
            assert connection.answer().status == 100
            (connection.drip if dripped else connection.send)(BODY)
            is_value(connection.answer())
        connection.send(sized(more=b"Expect: 100-continue\r\n"))    # the body is already there
        answer = connection.answer()
        is_value(connection.answer() if answer.status == 100 else answer)
        connection.send(in_chunks(b"", b"Expect: 100-Continue\r\n"))
        assert connection.answer().status == 100
        connection.send(wire.chunked(BODY))
        is_value(connection.answer())


def test_refusals_do_not_wait_for_the_body():
    head = b"POST %s HTTP/1.1\r\n" + HOST + b"%sContent-Length: %d\r\n\r\n"
    expect = b"Expect: 100-continue\r\n"
    for target, more, size, status in ((b"/v1/decide/plain", expect, BIG + 1, 413),
                                       (b"/v1/decide/plain", expect + b"Content-Encoding: br\r\n", 9, 415),
                                       (b"/v1/decide/plain", b"", BIG + 1, 413)):
        with main_server().connect() as connection:
            connection.send(head % (target, more, size))
            answer = connection.answer()
            assert answer.status == status and answer.closes, answer
            connection.must_end()


def test_http_1_0_ignores_expect():
    with main_server().connect() as connection:
        connection.send(b"POST /v1/decide/plain HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" %
                        len(BODY))
        connection.must_be_quiet(0.1)
        connection.send(BODY)
        is_value(connection.answer())
        connection.must_end()


# ---------------------------------------------------------------- clients that stop, vanish or dawdle

def test_half_closed_clients_are_answered():
    for sent, n in ((GOOD, 1), (sized(), 1), (in_chunks(wire.chunked(BODY)), 1), (GOOD * 5, 5)):
        with main_server().connect() as connection:
            connection.send(sent)
            connection.half_close()
            for _ in range(n):
                assert connection.answer().status == 200
            connection.must_end()


def test_half_closed_in_the_middle():
    """Nothing can be answered but an error; what counts is that the server lets go."""
    for sent in (b"", b"GET /v2/hea", GOOD[:-2], sized()[:-5], in_chunks(wire.chunked(BODY))[:-3]):
        with main_server().connect() as connection:
            connection.send(sent)
            connection.half_close()
            if connection.readable(5) and connection.receive():
                assert connection.answer().status in (400, 408)
            connection.must_end()


def test_resets_harm_nobody_else():
    rng = random.Random(7)
    many = wire.request("POST", DECIDE, {"rows": [ROW] * 2000})
    for _ in range(100):
        connection = main_server().connect()
        sent = rng.choice([GOOD, sized(), many, in_chunks(wire.chunked(BODY))])
        connection.send(sent[:rng.randrange(len(sent) + 1)] if rng.random() < 0.7 else sent)
        connection.reset()
    is_live(main_server().ask("GET", "/v2/health/live"))


def test_slow_heads_and_bodies_and_idle_connections():
    """All at once: each is told 408 in its time, or closed without a word when nothing was begun."""
    idle, used = hasty().connect(), hasty().connect()
    is_live(used.ask("GET", "/v2/health/live"))
    heads = [hasty().connect() for _ in range(3)]
    bodies = [hasty().connect() for _ in range(2)]
    begin = time.monotonic()
    heads[0].send(b"G")
    heads[1].send(GOOD[:-2])
    bodies[0].send(sized()[:-1])
    bodies[1].send(in_chunks(wire.chunked(BODY)[:-2]))
    dripping = [heads[2]]
    ends = {}
    everybody = {id(c.socket): c for c in [idle, used] + heads + bodies}
    at = 0
    while len(ends) < len(everybody) and time.monotonic() - begin < 5:
        ready = select.select([c.socket for k, c in everybody.items() if k not in ends], [], [], 0.15)[0]
        for sock in ready:
            ends[id(sock)] = time.monotonic() - begin
        for connection in dripping:
            if id(connection.socket) not in ends:
                connection.send(b"GET /v2/health/live HTTP/1.1\r\n"[at:at + 1])
                at += 1
    late = [k for k in everybody if k not in ends]
    assert not late, f"{len(late)} of {len(everybody)} were left open after 5 s"
    assert all(0.8 < s < 3.5 for s in ends.values()), sorted(ends.values())
    for connection in (idle, used):
        connection.must_end()
    for connection in heads + bodies:
        answer = connection.answer()
        assert answer.status == 408 and answer.code() == "http_timeout" and answer.closes, answer
        connection.must_end()
        connection.close()


def test_a_slow_body_does_not_stall_others():
    with hasty().connect() as slow, hasty().connect() as other:
        slow.send(sized()[:-1])
        begin = time.monotonic()
        is_live(other.ask("GET", "/v2/health/live"))
        assert time.monotonic() - begin < 0.5


def test_an_answer_that_comes_slowly_is_whole():
    """A client that reads a large answer in drops gets all of it; write_s counts from the last progress."""
    with main_server().connect(receive_buffer=4096) as connection:
        connection.send(wire.request("POST", DECIDE, {"rows": [ROW] * 3000}))
        connection.half_close()
        time.sleep(0.2)
        while connection.receive() and len(connection.unread) < 200_000:
            time.sleep(0.001)
        answers = connection.answer().json()["answers"]
        assert len(answers) == 3000 and all(a["prediction"]["prediction"] == VALUE for a in answers)


# ---------------------------------------------------------------- limits

def test_bodies_at_the_limit():
    filler = BODY[:-1] + b" " * (BIG - len(BODY)) + b"}"
    with main_server().connect() as connection:
        connection.send(sized(filler))
        is_value(connection.answer())
        connection.send(in_chunks(wire.chunked(filler, 100_000)))
        is_value(connection.answer())
        connection.send(in_chunks(wire.chunked(filler + b" ", 100_000)))
        answer = connection.answer()
        assert answer.status == 413 and answer.code() == "too_large", answer


def test_settings_are_settings():
    small = another(sets={"body_bytes_max": 65536, "head_bytes_max": 1024, "headers_max": 10,
                                        "rows_max": 3}, more=["--threads", "1"])
    def told(sent):
        with small.connect() as connection:
            connection.send(sent)
            answer = connection.answer()
            return answer.status, answer.code() if answer.status >= 400 else None
    assert told(GOOD) == (200, None)
    assert told(length(b"65537")) == (413, "too_large")
    assert told(get(b"X: " + b"a" * 1024 + b"\r\n")) == (431, "http_head_large")
    assert told(get(fields(10))) == (431, "http_head_large")
    assert told(get(fields(9))) == (200, None)
    assert told(wire.request("POST", DECIDE, {"rows": [ROW] * 3})) == (200, None)
    assert told(wire.request("POST", DECIDE, {"rows": [ROW] * 4})) == (413, "too_large")
    small.stop()


def test_settings_that_are_none():
    fresh = fares.FareHome(small=True)
    for words in (["--set", "nothing=1"], ["--set", "head_s=x"], ["--set", "head_s"], ["--set", "head_s=-1"],
                  ["--set", "head_bytes_max=99999999999999999999"], ["--threads", "x"], ["--listen", "nowhere"],
                  ["--listen", "127.0.0.1:70000"], ["--model", "x"], ["--nothing"]):
        listen = [] if "--listen" in words else ["--listen", "127.0.0.1:0"]
        code, text = server.start_refused(*listen, *words, home=fresh)
        assert code in (2, 3), (words, code, text)
        assert text.startswith("error: "), (words, text)


def test_a_port_in_use_is_told():
    code, text = server.start_refused("--listen", f"127.0.0.1:{main_server().port}", "--model",
                                      f"plain={home().folder / 'plain.json'}")
    assert code == 4 and str(main_server().port) in text, (code, text)


def test_addresses():
    models = {"plain": home().folder / "plain.json"}
    for listen in ("[::1]:0", "localhost:0"):
        one = server.Server(models=models, listen=listen, more=["--threads", "1"])
        is_live(one.ask("GET", "/v2/health/live"))
        one.stop()


def test_connections_max():
    few = another(sets={"connections_max": 20})
    held = [few.connect() for _ in range(20)]
    for connection in held:
        is_live(connection.ask("GET", "/v2/health/live"))
    with few.connect() as one_more:
        answer = one_more.answer()
        assert answer.status == 503 and answer.code() == "overloaded", answer
        assert answer.get("Retry-After") == "1" and answer.closes, answer
        one_more.must_end()
    is_live(held[7].ask("GET", "/v2/health/live"))
    held.pop().close()
    until(lambda: few.ask("GET", "/v2/health/live").status == 200, 2)
    for connection in held:
        connection.close()
    few.stop()


def until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def test_two_thousand_idle_connections():
    wanted = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted + 500:
        raise tap.Skip(f"a process may open only {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 500), hard))
    busy = another()
    before = busy.status_kb("VmRSS")
    idle = [busy.connect() for _ in range(wanted)]
    for i, connection in enumerate(idle):
        if i % 2:
            connection.send(GOOD[:20])
    slowest = 0
    for _ in range(50):
        begin = time.monotonic()
        is_live(busy.ask("GET", "/v2/health/live"))
        slowest = max(slowest, time.monotonic() - begin)
    grown = busy.status_kb("VmRSS") - before
    print(f"# with {wanted} idle connections: slowest of 50 {slowest * 1e3:.1f} ms, {grown / wanted:.1f} KiB each")
    assert slowest < 0.5
    assert server.SANITIZED or grown < 32 * wanted, f"{grown} KiB"
    for i in (0, wanted - 1):
        idle[i].send(GOOD[20:] if i % 2 else GOOD)
        is_live(idle[i].answer())
    for connection in idle:
        connection.close()
    until(lambda: busy.ask("GET", "/v1/status").json()["server"]["connections"] < 10, 5)
    busy.stop()


def test_clients_that_never_read():
    """Answers that nobody takes are bounded by buffered_bytes_max, and given up after write_s."""
    limit = 16 << 20
    bound = another(sets={"buffered_bytes_max": limit, "write_s": 2, "body_s": 3})
    many = wire.request("POST", DECIDE, {"rows": [ROW] * 20_000})      # its answer fits in no buffer of the kernel
    is_value(bound.ask("POST", DECIDE, ROW))
    before = bound.status_kb("VmRSS")
    deaf = []
    for _ in range(30):
        connection = bound.connect(receive_buffer=4096)
        connection.socket.settimeout(0.5)
        try:
            connection.socket.sendall(many)
        except (TimeoutError, ConnectionError):
            pass
        deaf.append(connection)
    grown = bound.status_kb("VmRSS") - before
    begin = time.monotonic()
    answer = bound.ask("POST", DECIDE, ROW)
    took = time.monotonic() - begin
    print(f"# 30 clients that never read: {grown / 1024:.1f} MiB, then an answer in {took * 1e3:.1f} ms")
    assert server.SANITIZED or grown << 10 < 4 * limit, f"{grown} KiB"
    assert answer.status == 200 or answer.code() == "overloaded" and answer.get("Retry-After") == "1", answer
    assert took < 1
    until(lambda: bound.ask("GET", "/v1/status").json()["server"]["connections"] < 5, 8)
    is_value(bound.ask("POST", DECIDE, ROW))
    for connection in deaf:
        connection.close()
    bound.stop()


# ---------------------------------------------------------------- compressed bodies

CODERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}


def coded(name, data):
    return sized(data, b"Content-Encoding: " + name.encode() + b"\r\n")


def test_compressed_questions():
    wide = json.dumps({"rows": [ROW] * 300}).encode()
    with main_server().connect() as connection:
        for name, coder in CODERS.items():
            for send in connection.send, connection.drip:
                send(coded(name, coder(BODY)))
                is_value(connection.answer())
            connection.send(coded(name.upper(), coder(BODY)))
            is_value(connection.answer())
            packed = coder(wide)
            connection.send(in_chunks(wire.chunked(packed, 11), b"Content-Encoding: %s\r\n" % name.encode()))
            assert len(connection.answer().json()["answers"]) == 300


def test_damaged_compressed_questions():
    rng = random.Random(3)
    for name in ("gzip", "deflate"):
        whole = CODERS[name](json.dumps({"rows": [dict(ROW, keys={"row": str(rng.random())}) for _ in range(50)]}
                                        ).encode())
        broken = {"cut": whole[:-1], "cut early": whole[:12], "no bytes": b"", "plain": BODY,
                  "check": whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:] if name == "gzip" else
                  whole[:-1] + bytes([whole[-1] ^ 1]), "header": b"\x1f\x8c" + whole[2:]}
        for what, data in broken.items():
            with main_server().connect() as connection:
                connection.send(coded(name, data))
                answer = connection.answer()
                assert (answer.status, answer.code()) == (400, "http_coding"), (name, what, answer)
                if not answer.closes:
                    connection.send(GOOD)
                    is_live(connection.answer())
        for _ in range(40):      # any one bit: an error or an answer, never a hang
            at = rng.randrange(len(whole))
            with main_server().connect() as connection:
                connection.send(coded(name, whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1:]))
                assert connection.answer().status in (200, 400)


def test_compressed_bombs():
    before = main_server().status_kb("VmHWM")
    for name in ("gzip", "deflate"):
        small = BODY[:-1] + b" " * 60_000 + b"}"      # far over the ratio, but small
        with main_server().connect() as connection:
            connection.send(coded(name, CODERS[name](small)))
            is_value(connection.answer())
        for size in (1 << 20, 7 << 20, 50 << 20):
            with main_server().connect() as connection:
                connection.send(coded(name, CODERS[name](BODY[:-1] + b" " * size + b"}")))
                answer = connection.answer()
                assert (answer.status, answer.code()) == (413, "too_large"), (name, size, answer)
    rng = random.Random(5)
    noise = BODY[:-1] + rng.randbytes(BIG).translate(b" \t\r\n" * 64) + b"}"    # no bomb, but over the limit
    with main_server().connect() as connection:
        connection.send(coded("gzip", gzip.compress(noise, 1)))
        assert connection.answer().status == 413
    assert server.SANITIZED or main_server().status_kb("VmHWM") - before < 64 << 10


def test_compressed_answers():
    rows, few = {"rows": [ROW] * 50}, {"rows": [ROW]}
    with main_server().connect() as connection:
        def ask(accept, body=rows):
            return connection.ask("POST", DECIDE, body, [("Accept-Encoding", accept)] if accept is not None else [])
        def values(answer):
            return [a["prediction"]["prediction"] for a in answer.json()["answers"]]
        for accept, coding in (("gzip", {"gzip"}), ("deflate", {"deflate"}), ("gzip, deflate, br", {"gzip", "deflate"}),
                               ("GZIP", {"gzip"}), ("br;q=1, gzip;q=0.5", {"gzip"}), ("gzip;q=0, deflate", {"deflate"}),
                               ("gzip;q=0", {None}), ("gzip;q=0.000", {None}), ("br", {None}), ("", {None}),
                               (None, {None}), ("identity", {None}), ("gzip ; q=0 , deflate ;q=0.1", {"deflate"})):
            answer = ask(accept)
            assert answer.get("Content-Encoding") in coding, (accept, answer.fields)
            assert values(answer) == [VALUE] * 50
            if answer.get("Content-Encoding"):
                assert answer.get("Vary") == "Accept-Encoding", answer.fields
                assert len(answer.body) < len(answer.plain())
        assert ask("gzip", few).get("Content-Encoding") is None, "an answer of less than 1024 bytes"


# ---------------------------------------------------------------- the rest

def test_the_front_page_and_health():
    with main_server().connect() as connection:
        front = connection.ask("GET", "/").json()
        assert front["name"] == "tandem" and "version" in front, front
        assert connection.ask("GET", "/v2/health/live").json() == {"live": True}
        assert connection.ask("GET", "/v2/health/ready").json() == {"ready": True}
        assert connection.ask("GET", "/healthz").json() == {"ready": True}


def test_metrics_are_prometheus_text():
    answer = main_server().ask("GET", "/metrics")
    assert answer.status == 200 and answer.get("Content-Type").startswith("text/plain; version=0.0.4"), answer.fields
    names = check_exposition(answer.body.decode())
    assert all(name.startswith(("tandem_", "process_")) for name in names), names


def check_exposition(text):
    """Text of Prometheus, read by the letter; the names of the series' families."""
    assert text.endswith("\n")
    types, seen, order = {}, set(), []
    label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
    sample = re.compile(rf"([a-zA-Z_:][\w:]*)(?:\{{((?:{label},?)*)\}})? (NaN|[+-]Inf|[-+0-9.eE]+)")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            types[name] = kind
        elif not line.startswith("# HELP ") and line:
            match = sample.fullmatch(line)
            assert match, f"not a sample: {line!r}"
            assert (match[1], match[2]) not in seen, f"twice: {line}"
            seen.add((match[1], match[2]))
            base = re.sub(r"_(bucket|sum|count)$", "", match[1])
            name = base if base in types else match[1]
            assert name in types, f"no TYPE: {line}"
            if not order or order[-1] != name:
                assert name not in order, f"{name} stands in two places"
                order.append(name)
            float(match[3])
    return order


def test_a_server_without_anything_is_served():
    """A home without an epoch: ready, no services."""
    empty = server.Home()
    bare = server.Server(empty)
    assert bare.ask("GET", "/v2/health/ready").status == 200
    assert bare.ask("GET", "/v1/status").json()["services"] == []
    assert bare.ask("POST", "/v1/decide/x", {}).status == 404
    bare.stop()


def test_an_idle_server_uses_no_cpu():
    idle = hasty()
    ticks = lambda: sum(int(x) for x in open(f"/proc/{idle.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])
    before = ticks()
    time.sleep(1)
    spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    assert spent <= 0.03, f"{spent} s of 1 s"


def test_zz_the_servers_stop_cleanly():
    main_server().stop()
    hasty().stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
