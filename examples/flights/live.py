"""The server's part of the demo: the same release over HTTP, asked by curl and by Triton's client, cut over under load.

Standard library only; Triton's client runs in an environment of its own, and is left out, with a word, where it cannot be
had. The load comes from the bench's generator, when the build has it.
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
import venv

HERE = pathlib.Path(__file__).resolve().parent
RATE, SECONDS = 1000, 6


class Server:
    """`tandem serve` on a free port, with one event loop: the other core is the load's."""

    def __init__(self, program, home):
        words = [program, "--home", str(home), "serve", "--listen", "127.0.0.1:0", "--threads", "1"]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        self.said = []
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"listening on http://(\S+)", line)
            if found:
                self.address = found[1]
                threading.Thread(target=self.said.extend, args=(self.process.stderr,), daemon=True).start()
                return
        sys.exit("'tandem serve' ended:\n" + "".join(self.said))

    def post(self, path, body):
        request = urllib.request.Request(f"http://{self.address}{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        if code:
            sys.exit(f"'tandem serve' ended with {code}\n" + "".join(self.said))


def question(key, as_of):
    return {"keys": {"flight": key}, "as_of": as_of}


def count_equal(late, night, who):
    equal = sum(late[key].hex() == night[key].hex() for key in night)
    print(f"    {who}: {equal} of {len(night)} flights equal to the night's table, to the bit")
    if equal != len(night):
        sys.exit("the paths differ")


def ask_with_curl(server, key, as_of):
    body = json.dumps(question(key, as_of))
    print(f"  $ curl http://{server.address}/v1/decide/flight-delay -d '{body}'")
    if shutil.which("curl"):
        done = subprocess.run(["curl", "-sS", f"http://{server.address}/v1/decide/flight-delay", "-d", body],
                              capture_output=True, text=True, check=True)
        print("    " + done.stdout)
    else:
        print("    (curl is not installed; asked by Python)\n    " +
              json.dumps(server.post("/v1/decide/flight-delay", question(key, as_of))))


def ask_all(server, night, as_of):
    answers = server.post("/v1/decide/flight-delay", {"rows": [{"keys": {"flight": k}} for k in night], "as_of": as_of})
    count_equal({k: a["prediction"]["late"] for k, a in zip(night, answers["answers"])}, night, "one request of all rows")


def triton_python(folder):
    """A Python with Triton's client, or None with a word why."""
    place = folder / "triton-venv"
    python = place / "bin/python"
    try:
        venv.create(place, with_pip=False)
        subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
                        "--only-binary", ":all:", "--retries", "1", "-r", str(HERE / "requirements.txt")],
                       check=True, capture_output=True, text=True, timeout=240)
        return python
    except (OSError, subprocess.SubprocessError) as error:
        words = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print(f"    left out, pip has no client to give: {words[-1] if words else error}")
        return None


def ask_with_triton(server, night, as_of, folder):
    print("  $ python triton_ask.py        # tritonclient.http, as it comes from its makers")
    python = triton_python(folder)
    if not python:
        return
    done = subprocess.run([python, HERE / "triton_ask.py", server.address, as_of], input="\n".join(night),
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Triton's client failed:\n{done.stderr}")
    count_equal(json.loads(done.stdout), night, "Triton's client, binary tensors")


def write_requests(night, as_of, folder):
    """The bytes of a request a flight, for the load generator."""
    files = []
    for i, key in enumerate(list(night)[:200]):
        body = json.dumps(question(key, as_of)).encode()
        head = f"POST /v1/decide/flight-delay HTTP/1.1\r\nHost: demo\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        files.append(folder / f"flight-{i}.request")
        files[-1].write_bytes(head + body)
    return files


def drawn(histogram, width=40):
    """The histogram in bins of a factor of two, as bars whose length is the share on a scale that shows single requests."""
    bins = {}
    for upper_us, count in histogram:
        power = max(0, int(upper_us).bit_length())
        bins[power] = bins.get(power, 0) + count
    total = sum(bins.values())
    for power in range(min(bins), max(bins) + 1):
        count = bins.get(power, 0)
        bar = "=" * round(width * count / total) if count * width >= total else "." if count else ""
        upper = f"{1 << power} us" if power < 10 else f"{(1 << power) / 1000:.0f} ms"
        print(f"    up to {upper:>7}  {count:6}  {bar}")


def cut_over_under_load(server, tandem, tables, files, generator, folder):
    port = server.address.rsplit(":", 1)[1]
    words = [str(generator), "--port", port, "--rate", str(RATE), "--seconds", str(SECONDS), "--connections", "16",
             "--sleep", "--histogram", "--interval", "0.5"]
    for file in files:
        words += ["--request", str(file)]
    print(f"    {RATE} requests a second for {SECONDS} s, and meanwhile:")
    load = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    epochs = []
    try:
        load.wait(1.5)
    except subprocess.TimeoutExpired:
        pass
    for step in (["promote", "flight-delay", "--table", tables[0]], ["promote", "flight-delay", "--table", tables[1]],
                 ["rollback"]):
        epochs.append(int(tandem(*step)))
    out, err = load.communicate()
    if load.returncode:
        sys.exit(f"the load generator failed:\n{err}")
    told = json.loads(out)
    failed = sum(told["errors"].values()) + sum(n for status, n in told["status"].items() if status != "200")
    latency = told["latency_us"]
    print(f"    {told['requests']} requests, {failed} failed; p50 {latency['p50'] / 1000:.2f} ms, "
          f"p99 {latency['p99'] / 1000:.2f} ms, from the moment each should have been sent:\n")
    drawn(told["histogram"])
    (folder / "load.json").write_text(out)
    if failed or epochs != sorted(set(epochs)):
        sys.exit(f"requests failed while the epoch changed, or it did not change: {epochs}")
    print("\n" + "\n".join("    " + line for line in tandem("status").splitlines() if "promise" in line or "server" in line))


def show(tandem, tables, night, day_as_of, folder, title):
    server = Server(tandem.program, tandem.home)
    try:
        title("7. The server: the same release over HTTP")
        print(f"  $ tandem serve --listen 127.0.0.1:0\n    listening on http://{server.address}")
        ask_with_curl(server, next(iter(night)), day_as_of)
        ask_all(server, night, day_as_of)
        ask_with_triton(server, night, day_as_of, folder)
        title("8. Cutting over under load")
        generator = pathlib.Path(tandem.program).parent.parent / "bench/serve_load"
        if generator.exists():
            cut_over_under_load(server, tandem, tables, write_requests(night, day_as_of, folder), generator, folder)
        else:
            print("    left out: the build has no load generator (ninja bench/serve_load)")
    finally:
        server.stop()
