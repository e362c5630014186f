"""The harness of the CLI tests: it passes what is right, and finds a wrong line, stream and exit code."""

import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/cli")]
import run_cli
import tap


def difference(script, **expected):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "case.sh")
        file.write_text(script)
        for part, text in expected.items():
            file.with_suffix("." + part).write_text(text)
        return run_cli.compare(file)


def test_what_is_right_passes():
    assert difference("true") == ""
    assert difference("echo a; echo b >&2; exit 3", out="a\n", err="b\n", exit="3\n") == ""


def test_what_is_wrong_is_found():
    assert "-a\n+b" in difference("echo b", out="a\n")
    assert "+oops" in difference("echo oops >&2")
    assert "-0\n+1" in difference("exit 1")
    assert "+" in difference("printf a", out="a\n")


def test_each_test_has_a_fresh_folder_and_no_home():
    assert difference('ls -A; echo "${TANDEM_HOME-none}"; touch here', out="none\n") == ""


def test_volatile_parts():
    script = ('echo "$PWD/x $ROOT/y"; echo 2031-05-06T07:08:09.123456Z 2013-06-14T06:00:00Z; echo in 12.5 ms, 5ms;'
              'echo 1200 rows/s; echo \'{"id":"0123456789abcdef","scored_us":12.5}\'; echo pid 77')
    assert difference(script, out="<dir>/x <root>/y\n<now> 2013-06-14T06:00:00Z\nin <duration>, 5ms\n<rate> rows/s\n"
                                  '{"id":"<id>","scored_us":<duration>}\npid <pid>\n') == ""


def test_record_then_compare():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "case.sh")
        file.write_text("echo a; exit 2")
        file.with_suffix(".err").write_text("old\n")
        run_cli.record(file)
        assert file.with_suffix(".exit").read_text() == "2\n" and not file.with_suffix(".err").exists()
        assert run_cli.compare(file) == ""


def test_no_test_at_all_is_a_failure():
    with tempfile.TemporaryDirectory() as folder:
        assert run_cli.scripts(pathlib.Path(folder), "") == []
    assert [name for name, _ in [run_cli.case(pathlib.Path("a/b.sh"))]] == ["b"]


if __name__ == "__main__":
    tap.main(globals())
