"""Cutovers, loads and runs under traffic, through the commands that a user types; and a stop that loses nothing.

Every answer must be of one piece: its epoch, release and number belong together, and no connection sees an epoch again
that it had left behind.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time

import server
import tap
import fares
import load
import wire

sys.path.insert(0, str(server.ROOT / "tests/cli"))
import run_cli

CUTOVERS = 12
AMOUNT = {name: fares.amount(load.QUESTION, intercept) for name, intercept in (("a", 1000), ("b", 2000))}


def of_one_piece(clients, releases):
    """`releases`: epoch -> (release, amount). No answer was wrong, and none was of two epochs."""
    for client in clients.clients:
        assert not client.wrong and client.ended is None, (client.ended, client.wrong[:3])
        epochs = [epoch for epoch, _, _ in client.answers]
        assert epochs == sorted(epochs), "a connection saw an epoch again"
        for epoch, release, amount in client.answers:
            assert (release, amount) == releases[epoch], (epoch, release, amount, releases[epoch])


def test_cutovers_under_load():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    a, b = (f"fare@{home.a}", AMOUNT["a"]), (f"fare@{home.b}", AMOUNT["b"])
    releases = {1: a}
    with load.Clients(one.address) as clients:
        for i in range(CUTOVERS):
            if i % 3 == 0:
                releases[len(releases) + 1] = b
                told = home("promote", home.b, "--table", home.table_b)
            elif i % 3 == 1:
                releases[len(releases) + 1] = a
                told = home("promote", home.a, "--table", home.table_a)
            else:
                releases[len(releases) + 1] = b
                told = home("rollback")
            assert told == str(len(releases)), (told, releases)
            current = one.ask("POST", "/v1/decide/fare", fares.decide_row(load.QUESTION)).json()
            assert current["epoch"] == len(releases), "a cutover that was acknowledged is not to be seen"
            if i % 3 == 2:
                releases[len(releases) + 1] = a
                assert home("rollback", "fare") == str(len(releases))
            time.sleep(0.02)
    of_one_piece(clients, releases)
    seen = {epoch for epoch, _, _ in clients.answers()}
    print(f"# {len(clients.answers())} answers over {len(seen)} of {len(releases)} epochs")
    assert len(seen) > CUTOVERS / 2
    one.stop()


def test_what_is_refused_changes_nothing():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    for words, code in ((["promote", home.b, "--expect", "7"], 4), (["promote", "nothing"], 3), (["rollback"], 4),
                        (["rollback", "other"], 3), (["promote", home.b, "--table", home.table_a], 3)):
        found, out, err = home.run(*words)
        assert found == code and not out and err.startswith("error: "), (words, found, out, err)
    assert one.ask("GET", "/v1/status").json()["epoch"] == 1
    one.stop()


def test_a_load_becomes_visible():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    question = dict(load.QUESTION, ride="r7")
    ask = lambda q: one.ask("POST", "/v1/decide/fare", fares.decide_row(q)).json()
    before = ask(load.QUESTION)
    assert ask(question)["prediction"]["amount"] == fares.amount(question), "r7 is not there yet"
    with load.Clients(one.address, 2) as clients:
        home("load", "rides", home.write("more.csv", "ride,zone,distance,day\nr7,north,100.5,2013-06-01T08:00:00Z\n"))
        fares.RIDES["r7"] = ("north", 100.5)
        try:
            clients.until(lambda: ask(question)["prediction"]["amount"] == fares.amount(question), 2)
        finally:
            del fares.RIDES["r7"]
    of_one_piece(clients, {1: (f"fare@{home.a}", AMOUNT["a"])})
    after = ask(load.QUESTION)
    assert after["position"] > before["position"] and after["epoch"] == 1 and after["prediction"] == before["prediction"]
    one.stop()


# ---------------------------------------------------------------- commands through the server

def typed(home, *words):
    """What a command prints, without what differs from run to run; it is called in the home's folder."""
    child = subprocess.run([server.PROGRAM, "--home", "home", *words], cwd=home.folder, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, env=server.environment(), timeout=60)
    err = "".join(line for line in child.stderr.splitlines(True) if "server" not in line)    # that it goes through it
    machine = re.compile(r'("block_us_\w+"|"peak_memory_bytes"):\d+')
    return child.returncode, machine.sub(r"\1:N", run_cli.normalised(child.stdout, home.folder)), \
        run_cli.normalised(err, home.folder)


COMMANDS = [
    ["source", "add", "more.yaml"], ["source", "add", "more.yaml"], ["source", "add", "missing.yaml"],
    ["load", "rides", "more.csv"], ["--json", "load", "rides", "more.csv"], ["load", "rydes", "more.csv"],
    ["load", "rides", "bad.csv"], ["load", "rides", "missing.csv"], ["load", "zones", "more.csv"],
    ["release", "pack", "c"], ["release", "pack", "c"], ["release", "pack", "missing"], ["release", "pack", "broken"],
    ["run", "fare", "--population", "population.csv", "--as-of", fares.AS_OF],
    ["run", "fare", "--population", "population.csv", "--as-of", fares.AS_OF],
    ["--json", "run", "fare", "--population", "population.csv", "--as-of", "2013-06-07T00:00:00Z", "--promote"],
    ["run", "fare", "--population", "missing.csv"], ["run", "fare", "--population", "bad_population.csv"],
    ["run", "nothing", "--population", "population.csv"],
    ["promote", "fare"], ["--json", "promote", "fare", "--expect", "1"], ["promote", "fare", "--expect", "x"],
    ["rollback"], ["--json", "rollback", "fare"], ["rollback", "nothing"],
]


def twin():
    home = fares.FareHome(small=True)
    home.write("more.yaml", "towns:\n  kind: table\n  key: town\n  columns: {town: string, size: i64}\n")
    home.write("more.csv", "ride,zone,distance,day\nr8,north,1.5,2013-06-01T08:00:00Z\n")
    home.write("bad.csv", "ride,zone,distance,day\nr8,north,far,2013-06-01T08:00:00Z\n")
    home.write("bad_population.csv", "ride,seats\nr1,3\nr1,3\n\"r2,4\n")
    for name, manifest in (("c", fares.FARE.replace("range: [-1000000000", "range: [-2000000000")),
                           ("broken", fares.FARE.replace("model: main", "model: mein"))):
        (home.folder / name).mkdir()
        (home.folder / name / "release.yaml").write_text(manifest)
        for file in ("main.json", "simple.json"):
            (home.folder / name / file).write_bytes((home.folder / "a" / file).read_bytes())
    return home


def test_commands_print_the_same_through_the_server():
    alone, with_server = twin(), twin()
    one = server.Server(with_server)
    wrong = []
    for words in COMMANDS:
        wanted, found = typed(alone, *words), typed(with_server, *words)
        if wanted != found:
            wrong.append(f"tandem {' '.join(words)}\n  without: {wanted}\n  through: {found}")
    assert not wrong, f"{len(wrong)} of {len(COMMANDS)}:\n" + "\n".join(wrong)
    for name in ("v000003", "v000004"):
        assert alone("table", "export", name) == with_server("table", "export", name)
    of = lambda home: json.loads(home("--json", "status"))
    assert of(alone)["epoch"] == of(with_server)["epoch"] == one.ask("GET", "/v1/status").json()["epoch"]
    one.stop()


def large_file(home, rows=200_000 if server.SANITIZED else 1_500_000):
    """A load that takes a while."""
    path = home.folder / "large.csv"
    with open(path, "w") as file:
        file.write("zone,rate\nsouth,9\n" + "".join(f"z{i},1\n" for i in range(rows)))
    return path


def busy_with_load(home, words):
    """Starts a large load and asks for `words` until that is refused: (the load, exit code, stdout, stderr)."""
    file = large_file(home)
    for _ in range(5):      # the other may come first; then it is the load that is refused
        first = home.start("load", "zones", file)
        time.sleep(0.1)
        while first.poll() is None:
            found = home.run(*words)
            if found[0]:
                return first, *found
        assert first.returncode == 4, f"the load ended before {words} was refused: {first.communicate()}"
    raise AssertionError("the load is refused every time")


def test_two_commands_at_once():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    first, code, out, err = busy_with_load(home, ["promote", home.b, "--table", home.table_b])
    assert code == 4, (code, out, err)
    assert "load" in err.split("found:")[-1], f"the other command is not named: {err}"
    code, out, err = home.run("--json", "run", "fare", "--population", home.population)
    assert first.poll() is not None or code == 4 and json.loads(out)["error"]["code"] == "busy", (code, out, err)
    begin = time.monotonic()
    answer = one.ask("POST", "/v1/decide/fare", fares.decide_row(load.QUESTION))
    assert answer.status == 200 and time.monotonic() - begin < 1, "the server waits for a command"
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, (out, err)
    assert home("promote", home.a, "--table", home.table_a).isdigit()
    one.stop()


def test_a_command_that_is_interrupted():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    versions = home("--json", "source", "list")
    for number in (signal.SIGINT, signal.SIGKILL):
        first, code, out, err = busy_with_load(home, ["promote", home.a, "--table", home.table_a])
        assert code == 4, (code, out, err)
        first.send_signal(number)
        first.communicate(timeout=10)
        assert first.returncode != 0
        begin = time.monotonic()
        while code == 4 and time.monotonic() < begin + 5:
            code, out, err = home.run("promote", home.a, "--table", home.table_a)
        assert code == 0, f"the work was not cancelled: {err}"
        assert home("--json", "source", "list") == versions, "what was cancelled was loaded"
    question = fares.QUESTIONS[1]       # south has no rate; the load would have given one
    found = one.ask("POST", "/v1/decide/fare", fares.decide_row(question)).json()
    assert found["prediction"]["amount"] == fares.amount(question)
    one.stop()


def admin(home, target, body):
    """(progress lines, last line)"""
    with wire.Wire(str(home.dir / "admin.sock"), timeout_s=30) as connection:
        connection.send(wire.request("POST", f"/admin/v1/{target}", body))
        answer = connection.chunks()
    lines = [wire.read_json(line) for line in answer.body.splitlines()]
    assert all(set(line) == {"progress"} for line in lines[:-1]), lines
    return answer.status, lines[:-1], lines[-1]


def test_the_admin_socket():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    status, _, last = admin(home, "promote", {"release": home.b, "table": home.table_b, "expect": 1})
    assert status == 200 and "result" in last, last
    assert one.ask("GET", "/v1/status").json()["epoch"] == 2
    for target, body, code in (("promote", {"release": home.a, "expect": 1}, "moved"),
                               ("promote", {"release": "nothing"}, "not_found"), ("rollback", {"service": "x"}, None),
                               ("load", {"source": "rides", "files": [str(home.folder / "none.csv")]}, None),
                               ("run", {"release": home.a}, None), ("source_add", {"path": "/nonexistent"}, None)):
        _, _, last = admin(home, target, body)
        assert "result" not in last and last["error"]["message"], (target, last)
        assert code is None or last["error"]["code"] == code, (target, last)
    _, progress, last = admin(home, "run", {"release": home.b, "population": str(home.population), "as_of": fares.AS_OF,
                                            "promote": True})
    assert "result" in last, last
    assert all({"stage", "done", "total", "unit"} <= set(p["progress"]) for p in progress), progress
    assert one.ask("GET", "/v1/status").json()["epoch"] == 3
    assert admin(home, "rollback", {})[2].keys() == {"result"}
    one.stop()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_an_admin_address():
    home, port = fares.FareHome(small=True), free_port()
    one = server.Server(home, more=["--admin", f"127.0.0.1:{port}"])
    with wire.Wire(("127.0.0.1", port)) as connection:
        connection.send(wire.request("GET", "/admin/v1/status"))
        assert connection.head().status == 200
    one.stop(expected=".*admin.*")


# ---------------------------------------------------------------- the end

def test_sigterm_under_load():
    home = fares.FareHome(small=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        one = server.Server(home)
        idle = [one.connect() for _ in range(50)]
        sent = wire.request("POST", "/v1/decide/fare", {"rows": [fares.decide_row(load.QUESTION)] * 3000})
        with load.Clients(one.address, 3) as clients:
            with one.connect() as large, one.connect() as half:
                large.send(sent)
                half.send(sent[:-100])
                time.sleep(0.02)
                begin = time.monotonic()
                one.signal(number)
                time.sleep(0.05)
                half.send(sent[-100:])
                for connection in (large, half):
                    answer = connection.answer()
                    assert answer.status == 200 and (answer.closes or connection is large), answer.fields
                    assert len(answer.json()["answers"]) == 3000
                    connection.must_end()
        one.must_have_ended_well()
        assert time.monotonic() - begin < 10
        for connection in idle:
            connection.must_end()
            connection.close()
        for client in clients.clients:
            assert client.ended in ("told to close", "closed"), client.ended
            assert not client.wrong or len(client.wrong) == 1 and client.wrong[0][0] == 503 and \
                   b'"draining"' in client.wrong[0][1], client.wrong
        print(f"# signal {number}: {len(clients.answers())} answers, then {[c.ended for c in clients.clients]}")


def test_what_was_pipelined():
    """In order: answers, then perhaps one 503; the last says that it is the last, and none before it is lost."""
    home = fares.FareHome(small=True)
    sent = wire.request("POST", "/v1/decide/fare", {"rows": [fares.decide_row(load.QUESTION)] * 100})
    counts = []
    for _ in range(5):
        one = server.Server(home)
        with one.connect() as connection:
            connection.send(sent * 20)
            told = [connection.answer()]
            one.signal()
            while len(told) < 20 and not told[-1].closes:
                told.append(connection.answer())
            assert all(a.status == 200 for a in told[:-1]), told
            assert len(told) == 20, len(told)    # they came in one write, so they were received
            assert told[-1].status == 200 or told[-1].code() == "draining", told[-1]
            connection.must_end()
        one.must_have_ended_well()
        counts.append(len(told))
    print(f"# answered of 20 pipelined: {counts}")


def test_no_new_connections_while_it_drains():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    sent = wire.request("POST", "/v1/decide/fare", fares.decide_row(load.QUESTION))
    held, begun = one.connect(), one.connect()
    held.send(sent[:-1])
    begun.send(b"GET /v2/health/re")
    time.sleep(0.1)
    one.signal()
    time.sleep(0.2)
    assert one.child.poll() is None, "a request that was begun is given up"
    try:
        with one.connect(timeout_s=2) as late:
            late.send(wire.request("GET", "/v2/health/ready"))
            if late.readable(0.5) and late.receive():
                answer = late.answer()
                assert answer.status == 503 and answer.code() == "draining" and answer.closes, answer
    except ConnectionRefusedError:
        pass
    begun.send(b"ady HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = begun.answer()
    assert answer.status == 503 and answer.closes, answer
    held.send(sent[-1:])
    assert held.answer().status == 200
    one.must_have_ended_well()


def test_a_drain_ends():
    home = fares.FareHome(small=True)
    sent = wire.request("POST", "/v1/decide/fare", fares.decide_row(load.QUESTION))
    for sets, signals, least, most in (({"drain_s": 1}, 1, 0.8, 4), ({}, 2, 0, 3)):
        one = server.Server(home, sets=sets)
        with one.connect() as held:
            held.send(sent[:-1])
            time.sleep(0.1)
            begin = time.monotonic()
            for i in range(signals):
                one.signal()
                time.sleep(0.2)
            one.wait(10)
            took = time.monotonic() - begin
            assert least < took < most, (sets, took)
        assert server.Server(home).stop() is None      # the home is free again


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
