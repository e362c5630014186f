"""A server with nothing to do does nothing: no processor time, no waking, with and without connections that say nothing.

The processor time is the kernel's own sum in nanoseconds (/proc/PID/task/TID/schedstat), which ticks cannot miss.
"""

import pathlib
import re
import time

import fares
import load
import server
import tap
import wire

IDLE_S = 5
CPU_MS_MAX = 2
SWITCHES_MAX = 5
CONNECTIONS = 100


def used(pid):
    """(milliseconds of processor time, context switches) of all threads so far."""
    cpu_ns = switches = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        cpu_ns += int((task / "schedstat").read_text().split()[0])
        status = (task / "status").read_text()
        switches += sum(int(n) for n in re.findall(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)$", status, re.M))
    return cpu_ns / 1e6, switches


def must_do_nothing(one, what):
    time.sleep(0.5)     # what was asked before is done
    cpu_before, switches_before = used(one.pid)
    time.sleep(IDLE_S)
    cpu, switches = used(one.pid)
    assert cpu_before > 0 and switches_before > 0, "the kernel does not count"
    print(f"# {what}: {cpu - cpu_before:.3f} ms, {switches - switches_before} context switches in {IDLE_S} s")
    assert cpu - cpu_before < CPU_MS_MAX and switches - switches_before <= SWITCHES_MAX


def test_idle():
    home = fares.FareHome(small=True)
    one = server.Server(home)
    must_do_nothing(one, "just started")
    kept = [one.connect() for _ in range(CONNECTIONS)]
    sent = wire.request("POST", "/v1/decide/fare", fares.decide_row(load.QUESTION))
    for i, connection in enumerate(kept):
        if i % 2:       # half of them have asked something, one in ten of these is in the middle of asking again
            connection.send(sent)
            assert connection.answer().status == 200
        if i % 20 == 1:
            connection.send(sent[:-10])
    home("promote", home.b, "--table", home.table_b)
    must_do_nothing(one, f"{CONNECTIONS} connections")
    for i, connection in enumerate(kept):
        connection.send(sent[-10:] if i % 20 == 1 else sent)
        assert connection.answer().status == 200
        connection.close()
    one.stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
