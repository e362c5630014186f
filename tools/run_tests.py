#!/usr/bin/env python3
"""Builds what the tests need, runs every test there is, and says what happened.

What it finds: C programs by Meson's own list of targets (tests/ and bench/), Python tests by their names
(tests/**/test_*.py, tests/parity/run_parity.py, tests/cli/run_cli.py). Each is a process of its own, in a process
group of its own, with a folder for temporary files that is removed afterwards.

What it holds to: nothing is retried and nothing is hidden. A program must print a TAP plan and as many points as the
plan says, and exit with zero; whatever else it does is a failure with its last output shown. The last line of the
output is "N passed, N failed", with ", N skipped" when there are any.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("TANDEM_BUILD_ROOT", ROOT / "build"))
TIMEOUT_S = 600
FUZZ_SECONDS = 5
SHOWN_LINES = 40
OUTPUT_MAX_BYTES = 32 << 20

# A build: what `meson setup` gets beside the folders. Warnings are errors in the plain build only: sanitizers make
# compilers see paths that are not there.
SANITIZED = ["-Dwerror=false", "-Doptimization=1", "-Db_lundef=false"]
BUILDS = {
    "plain": ([], {}),
    "asan": (SANITIZED + ["-Db_sanitize=address,undefined", "-Dc_args=-fno-sanitize-recover=all"], {}),
    "tsan": (SANITIZED + ["-Db_sanitize=thread"], {}),
    "fuzz": (SANITIZED + ["-Db_sanitize=address,undefined", "-Dc_args=-fno-sanitize-recover=all", "-Dfuzz=true"],
             {"CC": shutil.which("clang") or shutil.which("clang-14") or "clang"}),
}
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1",
}


@dataclasses.dataclass
class Job:
    suite: str
    name: str
    argv: list
    build: str = "plain"
    tap: bool = True             # else the exit code alone decides, as one test
    env: dict = dataclasses.field(default_factory=dict)
    prepare: object = None       # called with the temporary folder, returns more arguments
    timeout_s: float = TIMEOUT_S


@dataclasses.dataclass
class Result:
    suite: str
    name: str
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)   # one text a failure
    skipped: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    tail: str = ""
    rerun: str = ""


# ---------------------------------------------------------------- TAP

PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(.*))?$")
POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.I)


def parse_tap(text):
    """(passed names, failed names, skipped names, troubles). Every plan opens a group that must then be complete; a
    group may also end with its plan."""
    passed, failed, skipped, troubles = [], [], [], []
    plan, seen, groups = None, 0, 0

    def close():
        if plan is None and seen:
            troubles.append(f"{seen} results without a plan")
        elif plan is not None and seen != plan:
            troubles.append(f"the plan is 1..{plan}, but {seen} results came")

    for line in text.splitlines():
        line = line.rstrip()
        if match := PLAN.match(line):
            if plan is None and seen:        # a plan after its points
                plan = int(match[1])
                close()
                plan, seen = None, 0
            else:
                if plan is not None:
                    close()
                plan, seen = int(match[1]), 0
            groups += 1
            if match[1] == "0" and match[2]:
                skipped.append(match[2])
        elif match := POINT.match(line):
            seen += 1
            skip = SKIP.search(line)
            name = match[3] or match[2] or "?"
            # cmocka 1.1.5 writes a skipped test as "not ok 3 # SKIP name".
            (skipped if skip else failed if match[1] else passed).append(name)
        elif line.startswith("Bail out!"):
            troubles.append(line)
    if plan is not None or seen:
        close()
    if not groups and not troubles:
        troubles.append("no plan: the program printed no TAP")
    return passed, failed, skipped, troubles


# ---------------------------------------------------------------- running one program

class Runner:
    """Runs jobs a few at a time, and can end all that still run."""

    def __init__(self, seed):
        self.seed = seed
        self.groups = set()
        self.lock = threading.Lock()
        self.stopping = False

    def run(self, job):
        result = Result(job.suite, job.name)
        begin = time.monotonic()
        temp = tempfile.mkdtemp(prefix="tandem-run-")
        os.chmod(temp, 0o755)  # a test that gives up its rights still has to find its files
        try:
            self.run_in(job, result, temp)
        except Exception as error:   # our own fault or the machine's: a failure like any other
            result.failed.append(f"cannot be run: {error!r}")
        finally:
            shutil.rmtree(temp, ignore_errors=True)
        result.seconds = time.monotonic() - begin
        return result

    def run_in(self, job, result, temp):
        argv = [str(a) for a in job.argv]
        files = pathlib.Path(temp, "files")
        files.mkdir()
        if job.prepare:
            argv += job.prepare(temp)
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", TMPDIR=str(files), PYTHONDONTWRITEBYTECODE="1",
                   TANDEM_BUILD_DIR=str(BUILD / job.build), **job.env)
        env.pop("TANDEM_HOME", None)
        if self.seed is not None:
            env["TANDEM_SEED"] = str(self.seed)
        result.rerun = rerun_text(job, argv, self.seed)
        # Files, not pipes: a grandchild that outlives its parent must not keep us waiting for the end of a pipe.
        with open(os.path.join(temp, "out"), "w+b") as out, open(os.path.join(temp, "err"), "w+b") as err:
            with self.lock:
                if self.stopping:
                    raise InterruptedError("interrupted")
                child = subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                         start_new_session=True)
                self.groups.add(child.pid)
            ended = wait_group(child, job.timeout_s)
            with self.lock:
                self.groups.discard(child.pid)
            stdout, stderr = read_back(out), read_back(err)
        judge(job, result, child.returncode, ended, stdout, stderr)

    def stop(self):
        with self.lock:
            self.stopping = True
            for group in self.groups:
                kill_group(group)


def wait_group(child, timeout_s):
    """Whether the program ended by itself. What is left of its group is killed in any case."""
    try:
        child.wait(timeout_s)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        kill_group(child.pid)
        child.wait()


def kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def read_back(file):
    file.seek(0)
    return file.read(OUTPUT_MAX_BYTES).decode("utf-8", "replace")


def judge(job, result, code, ended, stdout, stderr):
    if job.tap:
        passed, failed, skipped, troubles = parse_tap(stdout)
        result.passed, result.skipped = len(passed), skipped
        result.failed = [name for name in failed]
    else:
        result.passed, troubles = int(ended and code == 0), []
    if not ended:
        troubles = [f"still ran after {job.timeout_s:.0f} s and was killed"]
    elif code < 0:
        troubles = [f"died of signal {-code} ({signal_name(-code)})"]
    elif code and not result.failed:
        troubles.append(f"exit code {code}" + (" although every result is ok" if job.tap and not troubles else ""))
    result.failed += troubles
    if result.failed:
        result.tail = tail_of(stdout, stderr)


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def tail_of(stdout, stderr):
    lines = []
    for title, text in (("stdout", stdout), ("stderr", stderr)):
        kept = [line for line in text.splitlines() if not re.match(r"ok \d", line)][-SHOWN_LINES:]
        if kept:
            lines += [f"    --- {title}"] + ["    " + printable(line) for line in kept]
    return "\n".join(lines) or "    (no output)"


def printable(line):
    return "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in line[:2000])


def rerun_text(job, argv, seed):
    env = dict(job.env)
    if seed is not None:
        env["TANDEM_SEED"] = seed
    if sys.executable in argv:
        env["TANDEM_BUILD_DIR"] = shown_path(BUILD / job.build)
    words = [f"{key}={value}" for key, value in env.items() if not key.endswith("SAN_OPTIONS")]
    words += [shown_path(a) for a in argv if "tandem-run-" not in a]
    return " ".join(str(word) for word in words)


def shown_path(path):
    if path == sys.executable:
        return "python3"
    try:
        return str(pathlib.Path(path).relative_to(ROOT))
    except ValueError:
        return path


# ---------------------------------------------------------------- builds

def run_logged(argv, env=None):
    done = subprocess.run(argv, cwd=ROOT, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def configure(build):
    options, env = BUILDS[build]
    folder = BUILD / build
    if (folder / "build.ninja").exists():
        # The options of this file hold, whatever the folder was made with before.
        return run_logged(["meson", "configure", str(folder)] + options)
    if env and not shutil.which(env["CC"]):
        return 1, "clang is missing; `make deps` installs it"
    return run_logged(["meson", "setup", str(folder), str(ROOT)] + options, env)


def build_tail(text):
    """From the first thing that failed on; else the end."""
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("FAILED:")), max(0, len(lines) - SHOWN_LINES))
    return "\n".join("    " + printable(line) for line in lines[first:first + SHOWN_LINES])


def introspect(build):
    code, text = run_logged(["meson", "introspect", str(BUILD / build), "--targets"])
    if code:
        raise RuntimeError(text)
    return json.loads(text)


def compile_targets(build, targets):
    """`targets` None: all that the build makes by default."""
    argv = ["ninja", "-C", str(BUILD / build), "-j", str(cores())]
    return run_logged(argv + [os.path.relpath(t, BUILD / build) for t in targets or []])


def cores():
    return len(os.sched_getaffinity(0))


def programs_of(build):
    """(name, path, kind) of the test programs: kind is unit, crash, fuzz or bench, by where the source lies."""
    found = []
    for target in introspect(build):
        if target["type"] != "executable" or not target["target_sources"]:
            continue
        sources = [os.path.relpath(s, ROOT) for group in target["target_sources"] for s in group.get("sources", [])]
        kind = next((k for s in sources for k in ("unit", "crash", "fuzz") if s.startswith(f"tests/{k}/")), None)
        if any(s.startswith("bench/") for s in sources):
            kind = "bench"
        prefix = {"fuzz": "fuzz_", "bench": "bench_", "crash": ("sim_", "test_")}.get(kind, "test_")
        if kind and target["name"].startswith(prefix):
            main = next((s for s in sources if pathlib.Path(s).stem == target["name"]), sources[0])
            found.append((target["name"], target["filename"][0], kind, main))
    return found


def uses_threads(source):
    """Whether a test includes the threads of lib/os or a module that starts some. Simulations have one thread by plan."""
    if pathlib.Path(source).name.startswith("sim_"):
        return False
    text = (ROOT / source).read_text(encoding="utf-8", errors="replace")
    if re.search(r'#\s*include\s*[<"](os/threads\.h|pthread\.h)', text):
        return True
    return any(re.search(rf'#\s*include\s*"{module}/', text) for module in threaded_modules())


def threaded_modules(cache=[]):
    if not cache:
        users = {path.parent.name for path in (ROOT / "lib").glob("*/*.[ch]") if path.parent.name != "os"
                 and "os/threads.h" in path.read_text(encoding="utf-8", errors="replace")}
        cache.append(sorted(users))
    return cache[0]


# ---------------------------------------------------------------- suites

def fuzz_job(name, path, seed):
    def prepare(temp):
        corpus = os.path.join(temp, "corpus")
        source = ROOT / "tests/fuzz/corpus" / name
        shutil.copytree(source, corpus) if source.is_dir() else os.mkdir(corpus)
        return [corpus]
    artifacts = BUILD / "fuzz" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    argv = [path, f"-max_total_time={FUZZ_SECONDS}", f"-seed={seed}", "-timeout=20", "-rss_limit_mb=4096",
            "-print_final_stats=1", f"-artifact_prefix={artifacts}/{name}-"]
    return Job("fuzz", f"{name} -seed={seed}", argv, "fuzz", tap=False, env=SANITIZER_ENV, prepare=prepare)


def aslr_prefix():
    """ThreadSanitizer of this compiler cannot place its shadow when the kernel randomises more than 28 bits."""
    try:
        if int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text()) <= 28:
            return []
    except (OSError, ValueError):
        return []
    prefix = ["setarch", os.uname().machine, "-R"]
    works = shutil.which("setarch") and subprocess.run(prefix + ["true"], capture_output=True).returncode == 0
    return prefix if works else []


def program_jobs(suite, programs, seed):
    jobs = []
    for name, path, kind, source in programs:
        if suite == "plain":
            more = ["--small"] if kind == "bench" else []
            jobs.append(Job(suite, name, [path] + more, tap=kind != "bench"))
        elif suite == "asan" and kind != "bench":
            jobs.append(Job(suite, name, [path], suite, env=SANITIZER_ENV))
        elif suite == "tsan" and kind in ("unit", "crash") and uses_threads(source):
            jobs.append(Job(suite, name, aslr_prefix() + [path], suite, env=SANITIZER_ENV))
        elif suite == "fuzz" and kind == "fuzz":
            jobs.append(fuzz_job(name, path, seed))
    return jobs


# Once more against the sanitized server: what strangers send, and what threads share while it changes. These tests fail on
# whatever stands on the server's standard error, and on its exit code.
SANITIZED_HTTP = {"asan": ("conformance", "decide", "oip", "hostile", "cutover"), "tsan": ("hostile", "cutover")}


def python_jobs():
    """The suite is the first folder below tests/."""
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    files += [f for f in (ROOT / "tests/parity/run_parity.py", ROOT / "tests/cli/run_cli.py") if f.exists()]
    jobs = []
    for file in files:
        where = file.relative_to(ROOT / "tests").parts
        suite = where[0] if len(where) > 1 else "python"
        jobs.append(Job(suite, "/".join(where), [sys.executable, str(file)]))
    jobs += [Job("bench", name, [sys.executable, str(ROOT / "bench" / name), "--small"])
             for name in ("job/job.py", "job/memory.py", "job/start.py", "serve/serve.py")
             if (ROOT / "bench" / name).exists()]
    cli = ROOT / "tests/cli/run_cli.py"
    if cli.exists():
        jobs.append(Job("asan", "cli/run_cli.py", [sys.executable, str(cli)], "asan", env=SANITIZER_ENV))
    for suite, names in SANITIZED_HTTP.items():
        prefix = aslr_prefix() if suite == "tsan" else []
        jobs += [Job(suite, f"http/{file.name}", prefix + [sys.executable, str(file)], suite, env=SANITIZER_ENV)
                 for file in (ROOT / f"tests/http/test_http_{name}.py" for name in names) if file.exists()]
    return jobs


def plan_jobs(suites, pattern, seed, report):
    """Configures and builds what the wanted suites need; returns the jobs. `suites` None means all."""
    wanted = lambda suite: suites is None or suite in suites
    fits = lambda job: not pattern or re.search(pattern, job.name)
    jobs = [job for job in python_jobs() if wanted(job.suite) and fits(job)]
    builds = [b for b in BUILDS if wanted(b) or any(job.build == b for job in jobs)]
    for build in builds:
        begin = time.monotonic()
        code, text = configure(build)
        mine = []
        if not code:
            try:
                mine = program_jobs(build, programs_of(build), seed) if wanted(build) else []
                mine = [job for job in mine if fits(job)]
            except RuntimeError as error:
                code, text = 1, str(error)
        if not code:
            # Of the sanitized builds only what will run, of the plain one everything.
            paths = [job.argv[-1] if build == "tsan" else job.argv[0] for job in mine]
            by_python = any(job.build == build for job in jobs)
            if by_python and build != "plain":
                paths.append(BUILD / build / "app/tandem")
            needs_all = build == "plain" and (by_python or not pattern)
            if needs_all or paths:
                code, text = compile_targets(build, None if needs_all else paths)
        if code:
            jobs = [job for job in jobs if job.build != build]
            report.add(Result(build, "build", failed=[f"build/{build} does not build"],
                              seconds=time.monotonic() - begin,
                              tail=build_tail(text),
                              rerun=f"ninja -C build/{build}"))
        else:
            print(f"built {build} in {time.monotonic() - begin:.1f} s", flush=True)
            jobs += mine
    return jobs


# ---------------------------------------------------------------- report

class Report:
    def __init__(self):
        self.results = []
        self.total = 0

    def add(self, result):
        self.results.append(result)
        state = "FAIL" if result.failed else "skip" if result.skipped and not result.passed else "ok"
        counts = f"{result.passed} passed" + (f", {len(result.failed)} failed" if result.failed else "") + \
                 (f", {len(result.skipped)} skipped" if result.skipped else "")
        place = f"[{len(self.results):3}/{max(self.total, len(self.results)):3}]"
        print(f"{place} {result.suite:7} {result.name:34} {state:4} {counts:28} {result.seconds:7.2f} s", flush=True)

    def sums(self, results):
        return (len(results), sum(r.passed for r in results), sum(len(r.failed) for r in results),
                sum(len(r.skipped) for r in results), sum(r.seconds for r in results))

    def finish(self):
        """Prints everything, the summary line last; returns the exit code."""
        print(f"\n{'suite':10}{'programs':>9}{'passed':>9}{'failed':>9}{'skipped':>9}{'seconds':>10}")
        for suite in dict.fromkeys(r.suite for r in self.results):
            programs, passed, failed, skipped, seconds = self.sums([r for r in self.results if r.suite == suite])
            print(f"{suite:10}{programs:9}{passed:9}{failed:9}{skipped:9}{seconds:10.1f}")
        slow = sorted(self.results, key=lambda r: -r.seconds)[:10]
        print("\nslowest")
        for result in slow:
            print(f"  {result.seconds:8.2f} s  {result.suite} {result.name}")
        for result in self.results:
            for text in result.skipped:
                print(f"\nskipped: {result.suite} {result.name}: {text}")
        for result in (r for r in self.results if r.failed):
            print(f"\nFAILED: {result.suite} {result.name}")
            for text in result.failed:
                print(f"  {printable(text)}")
            print(f"  rerun: {result.rerun}" if result.rerun else "", result.tail, sep="\n")
        _, passed, failed, skipped, _ = self.sums(self.results)
        print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        return 1 if failed else 0


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Builds and runs the tests of Tandem.",
                                     epilog="example: tools/run_tests.py --suite plain,asan csv")
    parser.add_argument("pattern", nargs="?", help="run only programs whose name matches this regular expression")
    parser.add_argument("--suite", help="comma-separated: plain, asan, tsan, fuzz, cli, http, tidy, ... (default all)")
    parser.add_argument("--quick", action="store_true", help="the plain suite only")
    parser.add_argument("--seed", type=lambda text: int(text, 0), help="seed of everything random (TANDEM_SEED)")
    parser.add_argument("--jobs", type=int, default=cores(), help="programs at a time (default: the cores)")
    return parser.parse_args(argv)


def main(argv):
    arguments = parse_arguments(argv)
    suites = ["plain"] if arguments.quick else arguments.suite.split(",") if arguments.suite else None
    seed = arguments.seed
    if seed is not None:
        print(f"seed {seed}")
    report, runner = Report(), Runner(seed)
    fuzz_seed = (seed if seed is not None else 20130614) % (1 << 31) or 1
    try:
        jobs = plan_jobs(suites, arguments.pattern, fuzz_seed, report)
        known = {job.suite for job in jobs} | {r.suite for r in report.results}
        for suite in suites or []:
            if suite not in known:
                report.add(Result(suite, "(none)", failed=["nothing to run"]))
        if not jobs and not report.results:
            report.add(Result("all", "(none)", failed=["nothing to run"]))
        report.total = len(jobs) + len(report.results)
        run_all(jobs, runner, report, arguments.jobs)
    except KeyboardInterrupt:
        runner.stop()
        report.add(Result("all", "interrupted", failed=["interrupted: not everything ran"]))
    return report.finish()


def run_all(jobs, runner, report, at_once):
    with concurrent.futures.ThreadPoolExecutor(max(1, at_once)) as pool:
        waiting = [pool.submit(runner.run, job) for job in jobs]
        try:
            for done in concurrent.futures.as_completed(waiting):
                report.add(done.result())
        except KeyboardInterrupt:
            for future in waiting:
                future.cancel()
            runner.stop()
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
