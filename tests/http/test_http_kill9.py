"""kill -9 of a server at work: the home opens again, the epoch is what was acknowledged, the answers have the same bits.
And what a home's one writer means: a second server is refused, and a socket that a dead one left is no obstacle."""

import json
import os
import random
import threading
import time

import server
import tap
import fares
import load
import wire

SEED = int(os.environ.get("TANDEM_SEED", "1"))
KILLS = 12

home = server.once(lambda: fares.FareHome(small=True))


def answers(one):
    """The answers' bits, without what is of the moment."""
    body = one.ask("POST", "/v1/decide/fare", {"rows": [fares.decide_row(q) for q in fares.QUESTIONS]}).json()
    return [{k: v for k, v in a.items() if k not in ("id", "oldest_input_ms")} for a in body["answers"]]


def epoch(one):
    return one.ask("GET", "/v1/status").json()["epoch"]


def test_kill9_under_load():
    print(f"# seed {SEED}")
    rng = random.Random(SEED)
    one = server.Server(home())
    before, n = answers(one), epoch(one)
    assert [a["prediction"]["amount"] for a in before] == [fares.amount(q) for q in fares.QUESTIONS]
    for _ in range(KILLS):
        with load.Clients(one.address, 2):
            time.sleep(rng.uniform(0, 0.05))
            one.kill()
        assert (home().dir / "admin.sock").exists(), "the socket was to be left behind"
        one = server.Server(home())
        assert epoch(one) == n and answers(one) == before
    one.stop()
    assert not (home().dir / "admin.sock").exists(), "a server that stops takes its socket with it"


def test_kill9_in_a_cutover():
    """What `promote` acknowledged holds; what it did not is either all there or not at all."""
    rng = random.Random(SEED + 1)
    content = {home().a: 1000.0, home().b: 2000.0}
    tables = {home().a: home().table_a, home().b: home().table_b}
    killed_at_work, took_s = 0, 0.05
    one = server.Server(home())
    for i in range(KILLS):
        n = epoch(one)
        now = json.loads(home()("--json", "status"))["services"][0]["release"]
        other = next(r for r in content if r != now)
        command = home().start("promote", other, "--table", tables[other])
        killer = threading.Timer(rng.uniform(0, took_s), one.kill)
        begin = time.monotonic()
        killer.start()
        out, err = command.communicate(timeout=20)
        took_s = max(0.02, 0.7 * took_s + 0.3 * (time.monotonic() - begin))
        killer.join()
        killed_at_work += command.returncode != 0
        one = server.Server(home())
        after = epoch(one)
        assert after in (n, n + 1), (n, after, out, err)
        if command.returncode == 0:
            assert after == n + 1 and out.strip() == str(after), (n, after, out, err)
        release = other if after == n + 1 else now
        for question, answer in zip(fares.QUESTIONS, answers(one)):
            assert answer["release"] == f"fare@{release}" and answer["epoch"] == after, answer
            assert answer["prediction"]["amount"] == fares.amount(question, content[release]), answer
    one.stop()
    print(f"# {killed_at_work} of {KILLS} promotes lost their server")
    assert 0 < killed_at_work < KILLS, "nothing was tested"
    left = [str(p) for p in home().dir.rglob("*.tmp")]
    assert not left, left


def test_a_second_server_is_refused():
    one = server.Server(home())
    code, text = server.start_refused("--listen", "127.0.0.1:0", home=home())
    assert code == 4, (code, text)
    assert "tandem serve" in text and f"process {one.pid}" in text, text
    assert "listening" not in text, text
    code, text = server.start_refused("--listen", f"127.0.0.1:{one.port}", home=home())
    assert code == 4, (code, text)
    assert one.ask("GET", "/v2/health/ready").status == 200
    assert home()("promote", home().a, "--table", home().table_a).isdigit(), "the socket is still the first one's"
    one.stop()
    again = server.Server(home())
    again.stop()


def test_a_socket_of_a_dead_server_is_no_obstacle():
    one = server.Server(home())
    one.kill()
    assert (home().dir / "admin.sock").exists()
    n = int(home()("promote", home().b, "--table", home().table_b))       # writes by itself
    assert home()("promote", home().a, "--table", home().table_a) == str(n + 1)
    one = server.Server(home())
    assert epoch(one) == n + 1
    assert home()("promote", home().b, "--table", home().table_b) == str(n + 2)     # through the server
    assert epoch(one) == n + 2
    one.kill()
    (home().dir / "admin.sock").unlink()
    (home().dir / "admin.sock").write_text("not a socket")
    one = server.Server(home())
    assert epoch(one) == n + 2
    one.stop()


def test_the_socket_is_its_owners():
    one = server.Server(home())
    mode = (home().dir / "admin.sock").stat().st_mode
    assert mode & 0o077 == 0, oct(mode)
    with wire.Wire(str(home().dir / "admin.sock")) as connection:
        connection.send(wire.request("GET", "/admin/v1/status"))
        assert connection.head().status == 200
    for method, target in (("POST", "/admin/v1/promote"), ("GET", "/admin/v1/status"), ("POST", "/admin/v1/drain")):
        answer = one.ask(method, target, {} if method == "POST" else None)
        assert answer.status == 404, f"the public address knows {target}: {answer}"
    one.stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
