"""The documentation, run: what stands in a `console` block of these pages is what the program says.

A block is commands, `$ ` before each, and what they print. Commands run in order in a copy of examples/delivery, made as
its README.md says, with a server of the page's own; localhost:8000 stands for its address. MASKED lists what may differ
from run to run, and nothing else may. A line that begins with a blank goes on the one before (long answers are broken so);
a line `…` stands for lines left out. `--record` writes what is printed now into the pages: read it before you commit it.
"""

import difflib
import fcntl
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time

import server
import tap
import client_venv

sys.path.append(str(server.ROOT / "tools"))
import gen_metrics

EXAMPLE = server.ROOT / "examples/delivery"
SETUP = EXAMPLE / "README.md"
PAGES = [*sorted((server.ROOT / "docs/reference/routes").glob("*.md")), server.ROOT / "docs/reference/http.md",
         server.ROOT / "docs/guide/serving.md"]
PROXY_PAGE = server.ROOT / "docs/guide/behind-a-proxy.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
PYTHON = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.M | re.S)
SERVES = re.compile(r"tandem( --home tandem-home)? serve( --(model|access-log) \S+)* &")
WIDTH = 110

# What a run may print otherwise than the page, and what it is compared as.
NUMBER = r"-?[0-9][0-9.e+-]*"
MASKED = [(re.compile(pattern, re.M), instead) for pattern, instead in [
    (r"^Content-Length: \d+", "Content-Length: N"),
    (r'"id":"[0-9a-f]{32}"', '"id":"ID"'),
    (r'"(started|since|time)":"[^"]*Z"', r'"\1":"TIME"'),
    (r'"(pid|uptime_s|position|age_s|age_ms|last_inference|ns)":' + NUMBER, r'"\1":N'),
    (r'"measured":"([0-9.]+[num]?s|[^"]*Z)"', '"measured":"TIME"'),
    (r'"(total|read|parse|queue|features|model|write)(_us)?":' + NUMBER, r'"\1\2":N'),
    (r'"(seconds|seconds_score|seconds_index|block_us_\w+|threads|peak_memory_bytes|snapshot)":' + NUMBER, r'"\1":N'),
    (r'"(bytes_in|bytes_out)":' + NUMBER, r'"\1":N'),
    (r"\bup \d+ s\b", "up N s"),
    (r'"(file|home)":"[^"]*/', r'"\1":"DIR/'),
    (r'"version":"\d+\.\d+\.\d+"', '"version":"V"'),
    (r'(gone|found)": *"\d+ us', r'\1":"N us'),
    (r"^(tandem_\w*(?:seconds|bytes|fds|threads|position|connections)\w*(?:\{[^}]*\})?) " + NUMBER + "$", r"\1 N"),
    (r'version="[^"]*",compiler="[^"]*"', 'version="V",compiler="C"'),
    (r"[0-9.]+ s on \d+ threads? \([\d,]+ rows/s\)", "N s on N threads (N rows/s)"),
    (r"in all, [0-9.]+ s$", "in all, N s"),
]]


def plain(text):
    """As it is compared."""
    text = re.sub(r"\n[ \t]+", "", "\n" + text.replace("\r\n", "\n")).strip("\n")
    for pattern, instead in MASKED:
        text = pattern.sub(instead, text)
    return text


def same(expected, found):
    pieces = [re.escape(piece) for piece in re.split(r"^…$", plain(expected), flags=re.M)]
    return re.fullmatch(".*".join(pieces), plain(found), re.S) is not None


def broken(line):
    """A long line of JSON, broken after commas that stand between its members."""
    lines, start, last, quoted = [], 0, None, False
    for at, letter in enumerate(line):
        if letter == '"' and line[at - 1:at] != "\\":
            quoted = not quoted
        if at - start >= WIDTH and last:
            lines.append(line[start:last])
            start, last = last, None
        if not quoted and letter == "," and line[at + 1:at + 2] in ('"', "{", "["):
            last = at + 1
    return "\n ".join(lines + [line[start:]])


def shown(text):
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]
    return "".join((broken(line) if line[:1] in "{[" else line) + "\n" for line in lines) if text else ""


def steps(block):
    """[(command, what is printed)] of a block's text."""
    found, lines = [], block.splitlines()
    while lines:
        line = lines.pop(0)
        assert line.startswith("$ "), f"neither a command nor what one prints: {line}"
        while lines and (line.endswith("\\") or line.count("'") % 2):
            line += "\n" + lines.pop(0)
        printed = []
        while lines and not lines[0].startswith("$ "):
            printed.append(lines.pop(0))
        found.append((line[2:], "".join(text + "\n" for text in printed)))
    return found


class Place(server.Home):
    """A copy of the example, its home and perhaps its server, with a shell in it."""

    def __init__(self, source=EXAMPLE):
        super().__init__()
        self.dir = self.folder / "delivery/tandem-home"
        shutil.copytree(source, self.folder / "delivery")
        (self.folder / ".curlrc").write_text("silent\nshow-error\n")
        self.server = None
        self.ports = {}          # what the pages say, and where it is

    def serve(self, command):
        """`tandem … serve …` in the background, on a free port, with files where the shell would find them."""
        words, here = command.split()[1:-1], self.folder / "delivery"
        pairs = list(zip(words, words[1:]))
        models = {value.split("=")[0]: here / value.split("=")[1] for name, value in pairs if name == "--model"}
        more = [word for name, value in pairs if name == "--access-log" for word in (name, here / value)]
        home = self if "--home" in words or not models else None
        assert len(words) == 1 + 2 * (len(words) // 2), f"the test does not know what to do with: {command}"
        self.server = server.Server(home, models, more=more)
        self.ports["8000"] = self.server.port
        return self.outside(self.server.stderr())

    def shell(self, command):
        if SERVES.fullmatch(command):
            return self.serve(command)
        for told, port in self.ports.items():
            command = command.replace(f"localhost:{told}", f"127.0.0.1:{port}")
        env = dict(server.environment(), PATH=f"{server.PROGRAM.parent.resolve()}:{os.environ['PATH']}",
                   CURL_HOME=str(self.folder), LC_ALL="C.UTF-8")
        done = subprocess.run(["bash", "-c", command], cwd=self.folder / "delivery", env=env, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self.outside(done.stdout.decode("utf-8", "backslashreplace"))

    def outside(self, text):
        for told, port in self.ports.items():
            text = re.sub(rf"(127\.0\.0\.1|localhost):{port}\b", rf"\1:{told}", text)
        return text.replace(str(self.folder), "")

    def stop(self):
        if self.server and self.server in server.running:
            self.server.stop(".*")


def run_page(path, place):
    """[(command, expected, found)] of those that differ; with --record none, and the page has what was found."""
    wrong, text = [], path.read_text()

    def block(match):
        out = ""
        for command, expected in steps(match[1]):
            found = place.shell(command)
            differs = not same(expected, found)
            if differs and "--record" not in sys.argv:
                wrong.append((command, expected, found))
            elided = re.search("^…$", expected, re.M)
            if differs and elided:
                print(f"# {path.name}: write anew by hand: {command}\n{found}")
            out += f"$ {command}\n" + (shown(found) if differs and not elided else expected)
        return f"```console\n{out}```"

    written = BLOCK.sub(block, text)
    if "--record" in sys.argv and written != text:
        path.write_text(written)
    return wrong


def told(wrong):
    return "\n".join(f"$ {command}\n" + "\n".join(difflib.unified_diff(
        plain(expected).splitlines(), plain(found).splitlines(), "the page", "the program", lineterm="", n=1))
        for command, expected, found in wrong)


def set_up():
    """The example as its README makes it, without its server: each page gets a copy."""
    place = Place()
    wrong = run_page(SETUP, place)
    place.stop()
    assert not wrong, told(wrong)
    return place.folder / "delivery"


made = server.once(set_up)
SERVE = next(command for match in BLOCK.finditer(SETUP.read_text()) for command, _ in steps(match[1])
             if SERVES.fullmatch(command))


def check_page(path):
    place = Place(made())
    if not any(SERVES.fullmatch(line[2:]) for line in path.read_text().splitlines()):
        place.shell(SERVE)
    try:
        wrong = run_page(path, place)
    finally:
        place.stop()
    assert not wrong, told(wrong)


def test_the_example_is_made_as_its_page_says():
    made()


def add_page(path):
    def test():
        check_page(path)
    globals()["test_page_" + re.sub(r"\W", "_", path.stem)] = test


for page in PAGES:
    add_page(page)


class Proxy:
    """A proxy with its configuration of the page, on a free port, with a certificate of its own."""

    def __init__(self, place, name):
        program = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
        if not program or not shutil.which("openssl"):
            raise tap.Skip(f"{name} or openssl is not installed")
        self.folder = server.temp_dir()
        self.make_certificate()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = place.ports["8443"] = free.getsockname()[1]
        config = re.search(rf"^```{name}\n(.*?)^```$", PROXY_PAGE.read_text(), re.M | re.S)[1]
        config = config.replace(f"/etc/{name}/", f"{self.folder}/").replace(":8000", f":{place.server.port}")
        config = re.sub(r"(listen |bind )\S*8443", rf"\g<1>127.0.0.1:{self.port}", config)
        file = self.folder / "proxy.conf"
        file.write_text(self.whole(config) if name == "nginx" else config)
        self.argv = [program, "-p", self.folder, "-e", self.folder / "error.log", "-c", file] if name == "nginx" else \
                    [program, "-db", "-f", file]
        self.check = self.argv + ["-t" if name == "nginx" else "-c"]

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                        "-keyout", self.folder / "tandem.key", "-out", self.folder / "tandem.crt"], check=True,
                       capture_output=True)
        (self.folder / "tandem.pem").write_bytes(b"".join((self.folder / f"tandem.{end}").read_bytes() for end in ("crt", "key")))

    def whole(self, config):
        """A file of /etc/nginx/conf.d, with what surrounds it."""
        temps = "".join(f"{what}_temp_path {self.folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
        return (f"daemon off; worker_processes 1; pid {self.folder}/pid; {user} events {{}}\n"
                f"http {{ access_log off; {temps}\n{config}}}\n")

    def __enter__(self):
        checked = subprocess.run(self.check, capture_output=True, text=True)
        text = checked.stdout + checked.stderr
        assert checked.returncode == 0 and "warn" not in text.lower(), text
        self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end and self.child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        self.__exit__()
        raise AssertionError(f"it does not listen: {text}")

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(20)


def opened(place):
    return int(re.search(r"^tandem_connections_opened_total (\d+)$", place.shell("curl localhost:8000/metrics"), re.M)[1])


def check_proxy(name, check):
    place = Place(made())
    place.shell(SERVE)
    try:
        with Proxy(place, name):
            check(place)
    finally:
        place.stop()


def check_nginx(place):
    wrong = run_page(PROXY_PAGE, place)
    assert not wrong, told(wrong)
    before = opened(place)
    asked = place.shell("for i in $(seq 10); do curl -k https://localhost:8443/healthz; done")
    assert asked == '{"ready":true}' * 10, asked
    assert opened(place) - before <= 2, "it does not keep its connections open"
    assert place.shell("curl -k -I --compressed https://localhost:8443/").count("Content-Encoding: gzip") == 1


def check_haproxy(place):
    steps_of_page = [step for block in BLOCK.findall(PROXY_PAGE.read_text()) for step in steps(block)]
    found = [place.shell(command) for command, _ in steps_of_page]
    assert "Tandem-Epoch: 1" in found[0].title() and '"rung":"fresh"' in found[0], found[0]
    assert [plain(text) for text in found[1:]] == [plain(expected) for _, expected in steps_of_page[1:]], found


def test_nginx_of_the_proxy_page():
    check_proxy("nginx", check_nginx)


def test_haproxy_of_the_proxy_page():
    check_proxy("haproxy", check_haproxy)


def test_health_check_of_the_container():
    text = (server.ROOT / "packaging/Containerfile").read_text()
    words = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[.*\])$", text, re.M)[1])
    place = Place(made())
    place.shell(SERVE)
    try:
        ask = [word.replace("/8000", f"/{place.server.port}") for word in words]
        assert subprocess.run(ask, timeout=20).returncode == 0
        place.shell("curl --unix-socket tandem-home/admin.sock -X POST localhost/admin/v1/drain")
        assert subprocess.run(ask, timeout=20).returncode != 0, "a server that drains is not ready"
    finally:
        place.stop()
    assert subprocess.run(ask, timeout=20, capture_output=True).returncode != 0, "there is no server"


def clients_python():
    """The Python that has the clients of Triton and KServe."""
    client_venv.PLACE.parent.mkdir(parents=True, exist_ok=True)
    with open(client_venv.PLACE.parent / "http-venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trouble = None if client_venv.ready() else client_venv.make()
    if trouble:
        raise tap.Skip(trouble)
    return client_venv.PLACE / "bin/python"


def test_python_of_the_guide():
    blocks = PYTHON.findall((server.ROOT / "docs/guide/serving.md").read_text())
    assert len(blocks) == 2, "a program without its output, or the other way round"
    python, place = clients_python(), Place(made())
    place.shell(SERVE)
    try:
        for program, expected in blocks:
            (place.folder / "delivery/ask.py").write_text(program.replace("localhost:8000", f"127.0.0.1:{place.server.port}"))
            found = place.shell(f"{python} ask.py")
            assert same(expected, found), f"{program}\nprints\n{found}\nand not\n{expected}"
    finally:
        place.stop()


def test_alerts_of_the_guide():
    """Not by Prometheus itself: it is YAML, and each metric and label is one that the server has."""
    text = (server.ROOT / "docs/guide/serving.md").read_text()
    files = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    labels = {row[1]: row[3] for row in gen_metrics.rows((server.ROOT / gen_metrics.SOURCE).read_text())}
    used = re.findall(r"\b(tandem_\w+)(?:\{(\w+)=)?", files[1])
    assert len(files) == 2 and len(set(used)) >= 8 and files[1].count("- alert:") == files[1].count("expr:") >= 5
    for name, label in used:
        name = re.sub("_bucket$", "", name)
        assert name in labels, f"there is no metric {name}"
        assert not label or label in labels[name].split(", "), f"{name} has no label {label}"
    tops = [subprocess.run([clients_python(), "-c", "import sys, yaml; print(*yaml.safe_load(sys.stdin))"], input=file,
                           capture_output=True, text=True).stdout for file in files]
    assert tops == ["scrape_configs\n", "groups\n"], tops


def test_zz_an_answer_that_drifts_is_found():
    answer = '{"id":"' + "0a" * 16 + '","epoch":1,"prediction":{"minutes":20.5},"position":619}'
    assert same(answer.replace("0a", "1b").replace("619", "7"), answer)
    assert same('{"a":1,\n "b":[2,\n  3]}', '{"a":1,"b":[2,3]}\r\n')
    assert same("x 1\n…\ny 2\n", "x 1\nz\nz\ny 2\n") and not same("x 1\n…\ny 2\n", "x 1\nz\ny 3\n")
    for drift in (answer.replace("20.5", "20.6"), answer.replace("epoch", "era"), answer[:-1] + ',"new":1}', ""):
        assert not same(answer, drift), drift
    long = '{"a":"' + "x," * 90 + '","b":[' + ",".join(f'{{"n":{i}}}' for i in range(60)) + "]}"
    assert broken(long).count("\n") > 3 and same(broken(long), long)


if __name__ == "__main__":
    server.need_program()
    if "--record" in sys.argv[1:2]:
        sys.argv.insert(1, "page" if len(sys.argv) == 2 else sys.argv[2])
    tap.main(globals())
