"""What a person at a terminal sees besides the words: colour, a bar for what takes longer than a second, and the way
out of it by an interrupt. Standard error is a pseudo-terminal here."""

import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tap

PROGRAM = tap.build_dir() / "app/tandem"
SHOP = ROOT / "tests/cli/data/shop"


def at_terminal(words, folder, columns=70, meanwhile=None, **env):
    """(exit code, what came to the terminal)"""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        raise tap.Skip(f"no pseudo-terminal here: {error}")
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([PROGRAM, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=slave, env={"PATH": os.environ["PATH"], **env},
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.close(slave)
    thread = threading.Thread(target=meanwhile or (lambda _: None), args=(child,))
    thread.start()
    shown = b""
    while True:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:      # the other end is closed
                break
        elif child.poll() is not None:
            break
    thread.join()
    os.close(master)
    return child.wait(), shown.decode()


def slow_rows(path, seconds):
    """A feeder of a pipe: rows for so many seconds, in pieces."""
    def feed(_):
        end, i = time.monotonic() + seconds, 0
        try:
            with open(path, "w") as pipe:
                pipe.write("customer,orders,since\n")
                while time.monotonic() < end:
                    pipe.write("".join(f"c{i}_{k},1,2013-01-24T00:00:00Z\n" for k in range(3000)))
                    i += 1
                    time.sleep(0.03)
        except BrokenPipeError:
            pass
    return feed


def shop(folder):
    subprocess.run([PROGRAM, "source", "add", SHOP / "sources.yaml"], cwd=folder, check=True, capture_output=True)
    os.mkfifo(folder / "rows")


def in_folder(test):
    def run():
        with tempfile.TemporaryDirectory(prefix="tandem-terminal-") as folder:
            test(pathlib.Path(folder))
    return run


@in_folder
def test_errors_are_red_unless_asked_not_to_be(folder):
    code, shown = at_terminal(["promot"], folder)
    assert code == 2 and shown.startswith("\x1b[1;31merror:\x1b[0m promot: "), shown
    assert "\x1b" not in at_terminal(["promot"], folder, NO_COLOR="1")[1]


@in_folder
def test_a_bar_after_a_second_and_no_trace_of_it(folder):
    shop(folder)
    code, shown = at_terminal(["load", "customers", "rows"], folder, meanwhile=slow_rows(folder / "rows", 2.5))
    drawn = [part for part in shown.split("\r") if part.startswith("customers load")]
    assert code == 0 and drawn and "rows, " in drawn[0] and "/s" in drawn[0], shown
    assert all(len(part.split("\x1b")[0]) <= 70 for part in drawn)
    after = shown.split("\r\x1b[K")[-1]
    assert after.startswith("tandem: customers version 1: ") and "\x1b" not in after, shown


@in_folder
def test_short_work_has_no_bar(folder):
    shop(folder)
    code, shown = at_terminal(["load", "customers", SHOP / "customers.csv"], folder)
    assert code == 0 and "\x1b" not in shown and "\r" not in shown.replace("\r\n", ""), shown


@in_folder
def test_an_interrupt_changes_nothing(folder):
    shop(folder)

    def feed_and_interrupt(child):
        threading.Timer(0.5, lambda: child.send_signal(signal.SIGINT)).start()
        slow_rows(folder / "rows", 10)(child)
    begin = time.monotonic()
    code, shown = at_terminal(["load", "customers", "rows"], folder, meanwhile=feed_and_interrupt)
    assert code == 5 and "cancelled; nothing was changed" in shown and time.monotonic() - begin < 8, shown
    listed = subprocess.run([PROGRAM, "source", "list"], cwd=folder, capture_output=True, text=True).stdout
    assert "never" in listed.splitlines()[1], listed


if __name__ == "__main__":
    tap.main(globals())
