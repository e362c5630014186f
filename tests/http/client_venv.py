"""The environment of test_http_clients.py: build/http-venv, made on first use from requirements.txt.

`enter()` returns inside that environment: it starts the program anew with that Python. Where pip cannot fetch, the
program says so as a skipped plan and ends. The list of packages is whole and pinned, so nothing is resolved.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import tap

HERE = pathlib.Path(__file__).resolve().parent
PLACE = tap.build_dir().parent / "http-venv"
PIP_S = 300


def wanted():
    """What the environment must have been made from."""
    text = (HERE / "requirements.txt").read_bytes() + sys.version.encode()
    return hashlib.sha256(text).hexdigest()


def make():
    """None, or why it cannot be made."""
    shutil.rmtree(PLACE, ignore_errors=True)
    venv.create(PLACE, with_pip=False)
    argv = [sys.executable, "-m", "pip", "--python", PLACE / "bin/python", "install", "--quiet", "--no-deps",
            "--no-compile", "--only-binary", ":all:", "--retries", "1", "--timeout", "20", "-r",
            HERE / "requirements.txt"]
    try:
        done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=PIP_S)
    except subprocess.TimeoutExpired:
        return f"pip did not end within {PIP_S} s"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        return f"pip cannot fetch the clients: {lines[-1] if lines else done.returncode}"
    (PLACE / "made-from").write_text(wanted())
    return None


def ready():
    try:
        return (PLACE / "made-from").read_text() == wanted()
    except OSError:
        return False


def enter():
    if pathlib.Path(sys.prefix).resolve() == PLACE.resolve():
        return
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    with open(PLACE.parent / "http-venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trouble = None if ready() else make()
    if trouble:
        print(f"1..0 # SKIP {trouble}")
        sys.exit(0)
    # Compiled once and kept in there: importing these packages from their sources takes seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(PLACE / "pycache")
    sys.stdout.flush()
    python = str(PLACE / "bin/python")
    os.execv(python, [python] + sys.argv)
