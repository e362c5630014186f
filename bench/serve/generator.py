"""serve_load as Python sees it: one call, one measurement, on a core of its own; and wrk, for comparison."""

import functools
import json
import os
import re
import shutil
import subprocess

from measure import Failed


@functools.cache
def cores():
    """(server's, generator's): the first two that we may use; one twice when there is but one. As it was at first: who
    watches sits on the generator's core while a part is measured."""
    ours = sorted(os.sched_getaffinity(0))
    return ours[0], ours[1 if len(ours) > 1 else 0]


def pinned(core, words):
    return ["taskset", "-c", str(core), *map(str, words)] if shutil.which("taskset") else [str(w) for w in words]


class Generator:
    def __init__(self, build):
        self.program = build / "bench/serve_load"
        self.core = cores()[1]

    def command(self, port, files, **options):
        words = [self.program, "--port", port, *files.arguments()]
        for name, value in options.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return pinned(self.core, words)

    def __call__(self, server, files, **options):
        """A load on a running server; options as serve_load's. The answer gains `per_core_s` and `failed`."""
        words = self.command(server.port, files, pid=server.pid, **options)
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"serve_load ended with {done.returncode} against {server.name}\n{done.stderr}")
        return derived(json.loads(done.stdout))

    def started(self, server, files, **options):
        """A load that goes on beside us: the process, whose output `finished` reads."""
        words = self.command(server.port, files, pid=server.pid, **options)
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def finished(process):
        out, errors = process.communicate()
        if process.returncode:
            raise Failed(f"serve_load ended with {process.returncode}\n{errors}")
        return derived(json.loads(out))

    def first_answer(self, port, files, command):
        """Microseconds from the start of `command`, pinned to the server's core, to its first right answer."""
        words = self.command(port, files, seconds=30, first=True) + ["--", *pinned(cores()[0], command)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{command[0]}: no first answer\n{done.stderr}")
        return json.loads(done.stdout)


def derived(result):
    result["failed"] = sum(result["errors"].values()) + result["unanswered"] + \
        sum(count for status, count in result["status"].items() if status != "200")
    result["per_core_s"] = result["requests"] / result["cpu_s"] if result["cpu_s"] else 0
    result["cpu_us"] = 1e6 * result["cpu_s"] / max(1, result["requests"])
    return result


def wrk(server, request, connections, seconds, folder):
    """Requests/s by wrk of the same request; None without wrk."""
    if not shutil.which("wrk"):
        return None
    head, _, body = request.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    method, path, _ = first.split()
    script = folder / "wrk.lua"
    script.write_text(f'wrk.method = "{method}"\n' + "".join(
        f'wrk.headers["{name}"] = "{value}"\n' for name, value in (f.split(": ", 1) for f in fields)
        if name != "Content-Length") + 'wrk.body = "' + "".join(f"\\{b:03d}" for b in body) + '"\n')
    done = subprocess.run(pinned(cores()[1], ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
                                              f"http://127.0.0.1:{server.port}{path}"]), capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    if done.returncode or not rate or "Non-2xx" in done.stdout:
        raise Failed(f"wrk: {done.stdout}{done.stderr}")
    return float(rate[1])
