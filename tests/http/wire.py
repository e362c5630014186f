"""Bytes to and from a server over a real socket, and a parser of answers that lets nothing pass.

What an answer must be: a status line of HTTP/1.1, fields `name: value` that end with CRLF, no control bytes, nothing
repeated, exactly one Content-Length (none in 1xx and 204), no Transfer-Encoding unless the caller asks for chunks, no
Date and no Server. JSON is read by the letter: no NaN, no name twice.
"""

import gzip
import json
import re
import select
import socket
import time
import zlib

TIMEOUT_S = 10
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ([\x20-\x7e]*)")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")


class Closed(Exception):
    """The server ended the connection where bytes were wanted."""


def refuse_token(token):
    raise ValueError(f"JSON has no {token}")


def unique_names(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a name stands twice: {names}"
    return dict(pairs)


def read_json(data):
    return json.loads(data.decode("utf-8"), parse_constant=refuse_token, object_pairs_hook=unique_names)


class Answer:
    def __init__(self, status, reason, fields):
        self.status, self.reason, self.fields, self.body = status, reason, fields, b""

    def get(self, name):
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} stands {len(found)} times: {self.fields}"
        return found[0] if found else None

    @property
    def closes(self):
        return (self.get("Connection") or "").lower() == "close"

    def plain(self):
        """The body without its coding."""
        coding = self.get("Content-Encoding")
        if coding == "gzip":
            return gzip.decompress(self.body)
        if coding == "deflate":
            return zlib.decompress(self.body)
        assert coding is None, coding
        return self.body

    def json(self):
        assert self.get("Content-Type") == "application/json", self
        return read_json(self.plain())

    def error(self):
        """The members of {"error":{...}}: nothing else may stand there, and nothing empty."""
        body = self.json()
        assert set(body) == {"error"} and isinstance(body["error"], dict), body
        return check_error(body["error"])

    def sentence(self):
        """The text of {"error":"..."}, as OIP routes have it."""
        body = self.json()
        assert set(body) == {"error"} and isinstance(body["error"], str) and body["error"], body
        return body["error"]

    def code(self):
        return self.error()["code"]

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:600]!r}>"


def check_error(error):
    assert {"code", "message"} <= set(error) <= {"code", "message", "where", "expected", "found", "hint"}, error
    assert all(isinstance(v, str) and v for v in error.values()), error
    assert re.fullmatch(r"[a-z][a-z0-9_]*", error["code"]), error
    assert not error["message"].endswith("."), error
    return error


class Wire:
    """One connection."""

    def __init__(self, address, timeout_s=TIMEOUT_S, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with RST, whatever was sent or received."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        """Sends all of it; a server that stops listening in the middle is no error: what it said is what counts."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def drip(self, data, step=1, pause_s=0):
        """As `send`, a few bytes at a time; ends when an answer comes before the end."""
        for at in range(0, len(data), step):
            if at and self.readable(0):
                return
            try:
                self.socket.sendall(data[at:at + step])
            except (BrokenPipeError, ConnectionResetError):
                return
            if pause_s:
                time.sleep(pause_s)

    def readable(self, timeout_s):
        return bool(self.unread) or bool(select.select([self.socket], [], [], timeout_s)[0])

    def receive(self):
        """More bytes; False at the end."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.unread += data
        self.ended = not data
        return bool(data)

    def line(self):
        while b"\n" not in self.unread:
            assert len(self.unread) < 1 << 20, "a line without an end"
            if not self.receive():
                raise Closed(f"in a line: {self.unread[:200]!r}")
        line, self.unread = self.unread.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line that ends with a bare LF: {line!r}"
        return line[:-1]

    def take(self, n):
        parts, left = [self.unread[:n]], n - len(self.unread)
        self.unread = self.unread[n:]
        while left > 0:
            if not self.receive():
                raise Closed(f"{n - left} of {n} bytes of a body came: {parts[0][:200]!r}")
            parts.append(self.unread[:left])
            left, self.unread = left - len(self.unread), self.unread[left:]
        return b"".join(parts)

    def head(self):
        line = self.line()
        match = STATUS_LINE.fullmatch(line)
        assert match, f"not a status line: {line!r}"
        fields = []
        while line := self.line():
            field = FIELD.fullmatch(line)
            assert field, f"not a field: {line!r}"
            fields.append((field[1].decode(), field[2].decode()))
        assert len(fields) <= 20, fields
        return Answer(int(match[1]), match[2].decode(), fields)

    def answer(self, method="GET"):
        """The next answer, whole. 1xx are answers of their own."""
        answer = self.head()
        for name in ("Date", "Server", "Transfer-Encoding"):
            assert answer.get(name) is None, answer
        length = answer.get("Content-Length")
        if answer.status < 200 or answer.status == 204:
            assert length is None, f"RFC 9110 8.6: no Content-Length in {answer.status}: {answer}"
            return answer
        assert length and re.fullmatch(r"0|[1-9]\d*", length), answer
        if method != "HEAD":
            answer.body = self.take(int(length))
        return answer

    def chunks(self):
        """The next answer's head and its body, sent in chunks; as the admin socket answers."""
        answer = self.head()
        assert answer.get("Content-Length") is None and answer.get("Transfer-Encoding") == "chunked", answer
        while size := int(self.line(), 16):
            answer.body += self.take(size)
            assert self.take(2) == b"\r\n"
        assert self.line() == b""
        return answer

    def must_end(self, timeout_s=TIMEOUT_S):
        """Nothing more comes, and the server closes."""
        end = time.monotonic() + timeout_s
        while not self.ended:
            assert not self.unread, f"more came: {self.unread[:600]!r}"
            assert self.readable(max(0, end - time.monotonic())), "the connection was left open"
            self.receive()
        assert not self.unread, f"more came: {self.unread[:600]!r}"

    def must_be_quiet(self, seconds):
        assert not self.readable(seconds), f"came: {self.receive() and self.unread[:600]!r}"

    def ask(self, method, target, body=None, fields=()):
        self.send(request(method, target, body, fields))
        return self.answer(method)


def request(method, target, body=None, fields=(), host="test"):
    """The bytes of a request. A body that is not bytes is written as JSON; fields are (name, value) pairs."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"] + [f"{name}: {value}" for name, value in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(body, size=7, extension=b"", trailers=b""):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in parts) + b"0\r\n" + trailers + b"\r\n"
