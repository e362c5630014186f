"""The test runner itself: whatever a program does wrong, it is a failure; nothing is retried, nothing hangs."""

import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
import run_tests
import tap


def run(script, **more):
    job = run_tests.Job("x", "planted", [sys.executable, "-c", script], **more)
    return run_tests.Runner(7).run(job)


def test_complete_tap_passes():
    result = run("print('1..2\\nok 1 - a\\nok 2 - b')")
    assert (result.passed, result.failed) == (2, [])


def test_several_groups_add_up():
    result = run("print('1..1\\nok 1 - a\\n# ok - g\\n1..2\\nok 1 - b\\nnot ok 2 - c\\n# f.c:3: error: Failure!')")
    assert (result.passed, result.failed) == (2, ["c"])


def test_plan_may_follow():
    result = run("print('ok 1 - a\\nok 2 - b\\n1..2')")
    assert (result.passed, result.failed) == (2, [])


def test_skips_are_counted():
    result = run("print('1..3\\nok 1 - a\\nok 2 - b # SKIP no disk\\nnot ok 3 # SKIP c')")
    assert (result.passed, len(result.skipped), result.failed) == (1, 2, [])


def test_short_plan_fails():
    result = run("print('1..3\\nok 1 - a')")
    assert "1..3" in result.failed[0], result


def test_missing_plan_fails():
    assert run("print('ok 1 - a')").failed
    assert "no TAP" in run("print('hello')").failed[0]
    assert "no TAP" in run("").failed[0]


def test_exit_code_with_all_ok_fails():
    result = run("print('1..1\\nok 1 - a'); raise SystemExit(3)")
    assert "exit code 3" in result.failed[0] and result.passed == 1


def test_killed_child_fails():
    result = run("import os, signal; print('1..1\\nok 1 - a', flush=True); os.kill(os.getpid(), signal.SIGSEGV)")
    assert "SIGSEGV" in result.failed[0]


def test_hung_child_and_its_children_are_killed():
    begin = time.monotonic()
    script = ("import subprocess, time; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True);"
              "time.sleep(600)")
    result = run(script, timeout_s=1.5)
    assert "was killed" in result.failed[0] and time.monotonic() - begin < 30
    pid = next(int(line) for line in result.tail.split() if line.isdigit())
    for _ in range(100):
        if gone(pid):
            return
        time.sleep(0.05)
    assert False, "a grandchild is still alive"


def gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_child_left_behind_does_not_hold_us():
    begin = time.monotonic()
    result = run("import subprocess; subprocess.Popen(['sleep', '600']); print('1..1\\nok 1 - a')")
    assert not result.failed and time.monotonic() - begin < 30


def test_binary_output_is_shown_escaped():
    result = run("import sys; sys.stdout.buffer.write(b'\\xff\\x00\\x1b[31m\\n1..1\\nnot ok 1 - a\\n')")
    assert result.failed == ["a"] and "\x1b" not in result.tail and "\\x1b" in result.tail


def test_missing_program_fails():
    result = run_tests.Runner(None).run(run_tests.Job("x", "none", ["/nonexistent/program"]))
    assert "cannot be run" in result.failed[0]


def test_exit_code_alone_decides_without_tap():
    assert run("", tap=False).passed == 1
    assert run("raise SystemExit(2)", tap=False).failed == ["exit code 2"]


def test_seed_and_environment_reach_the_program():
    result = run("import os; e = os.environ; assert e['TANDEM_SEED'] == '7' and 'TANDEM_HOME' not in e;"
                 "assert os.listdir(e['TMPDIR']) == []; print('1..1\\nok 1 - a')")
    assert not result.failed, result.tail


def test_summary_line(capture=[]):
    report = run_tests.Report()
    report.results = [run_tests.Result("x", "a", passed=2), run_tests.Result("x", "b", failed=["no"])]
    read, write = os.pipe()
    saved = os.dup(1)
    sys.stdout.flush()
    os.dup2(write, 1)
    code = report.finish()
    os.dup2(saved, 1)
    os.close(write)
    text = os.read(read, 1 << 16).decode()
    assert code == 1 and text.splitlines()[-1] == "2 passed, 1 failed", text


if __name__ == "__main__":
    tap.main(globals())
