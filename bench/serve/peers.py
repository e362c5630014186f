#!/usr/bin/env python3
"""The servers that ours is compared with: installed, started, and right before they are timed.

    peers.py install        what is missing: a venv for each in build/bench/venv-NAME, the Go program, the models
    peers.py check [NAME]   starts each and compares its answers with LightGBM's

Versions are pinned: peers/requirements-*.txt, peers/peer_go/go.mod. All run one process of one worker with one row a
request, which is what one core can hold, and each takes its own natural request. What cannot be installed is told and
left out.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "job"))

from measure import Failed, ROOT
import request_files
import servers

BENCH, PEERS = ROOT / "build/bench", HERE / "peers"
VENVS = ["models", "fastapi", "mlserver", "litserve", "bentoml"]
TOLERANCE = {"FastAPI, ONNX Runtime": 1e-4}       # it adds the trees in f32
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "true",
         "BENTOML_HOME": str(BENCH / "serve/bentoml"), "PYTHONPATH": str(PEERS), "PYTHONDONTWRITEBYTECODE": "1"}


def venv(name, program="python"):
    return BENCH / f"venv-{name}/bin/{program}"


def fastapi(runtime, file):
    def make(name, folder, port):
        return servers.Server(name, [venv("fastapi"), PEERS / "peer_fastapi.py"], QUIET | {
            "PEER_RUNTIME": runtime, "PEER_MODEL": str(folder / file), "PEER_PORT": str(port)}, port=port)
    return make


def litserve(name, folder, port):
    return servers.Server(name, [venv("litserve"), PEERS / "peer_litserve.py"],
                          QUIET | {"PEER_MODEL": str(folder / "model.txt"), "PEER_PORT": str(port)}, port=port)


def bentoml(name, folder, port):
    return servers.Server(name, [venv("bentoml", "bentoml"), "serve", "peer_bentoml:Trees", "--host", "127.0.0.1",
                                 "--port", port, "--working-dir", PEERS],
                          QUIET | {"PEER_MODEL": str(folder / "model.txt")}, cwd=PEERS, port=port)


def mlserver(name, folder, port):
    home = BENCH / f"serve/mlserver-{port}"
    (home / "m").mkdir(parents=True, exist_ok=True)
    grpc, metrics = servers.free_port(), servers.free_port()
    (home / "settings.json").write_text(json.dumps({
        "host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0,
        "debug": False, "access_log_enabled": False}))
    (home / "m/model-settings.json").write_text(json.dumps({
        "name": "m", "implementation": "peer_mlserver.Trees", "parameters": {"uri": str(folder / "model.txt")}}))
    return servers.Server(name, [venv("mlserver", "mlserver"), "start", home], QUIET, cwd=home, port=port, scratch=home)


def go(library):
    def make(name, folder, port):
        return servers.Server(name, [BENCH / "serve/peer_go"], {
            "PEER_JSON": library, "PEER_MODEL": str(folder / "model-v3.txt"), "PEER_PORT": str(port)}, port=port)
    return make


# name: (what must be there, how it is made, its request, whether it is Python)
ALL = {
    "FastAPI, ONNX Runtime": (venv("fastapi"), fastapi("onnx", "model.onnx"), request_files.plain_json, True),
    "FastAPI, LightGBM": (venv("fastapi"), fastapi("lightgbm", "model.txt"), request_files.plain_json, True),
    "MLServer": (venv("mlserver", "mlserver"), mlserver, request_files.oip_json, True),
    "LitServe": (venv("litserve"), litserve, request_files.plain_json, True),
    "BentoML": (venv("bentoml", "bentoml"), bentoml, request_files.plain_json, True),
    "Go, leaves, encoding/json": (BENCH / "serve/peer_go", go("std"), request_files.plain_json, False),
    "Go, leaves, goccy/go-json": (BENCH / "serve/peer_go", go("goccy"), request_files.plain_json, False),
}


def present():
    return [name for name, (needed, *_) in ALL.items() if needed.exists()]


def make(name, folder):
    return ALL[name][1](name, folder, servers.free_port())


def model(size):
    """(folder, rows, predictions) of a trained model; None where it is not trained."""
    folder = BENCH / "serve" / size
    if not (folder / "rows.json").exists():
        return None
    known = json.loads((folder / "rows.json").read_text())
    return folder, known["rows"], known["predictions"]


def attempt(what, words, **more):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        print(f"{what} failed, it is left out:\n" + "\n".join(done.stdout.splitlines()[-6:]), flush=True)
    return done.returncode == 0


def install():
    (BENCH / "serve").mkdir(parents=True, exist_ok=True)
    for name in VENVS:
        made = BENCH / f"venv-{name}/installed"
        wanted = (PEERS / f"requirements-{name}.txt").read_text()
        if made.exists() and made.read_text() == wanted:
            continue
        print(f"installing {name}", flush=True)
        shutil.rmtree(made.parent, ignore_errors=True)
        if attempt(f"the venv of {name}", [sys.executable, "-m", "venv", made.parent]) and \
           attempt(f"the packages of {name}", [
               venv(name), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r",
               PEERS / f"requirements-{name}.txt"]):
            made.write_text(wanted)
        else:
            shutil.rmtree(made.parent, ignore_errors=True)
    if not (BENCH / "serve/peer_go").exists():
        if shutil.which("go"):
            attempt("the Go program", ["go", "build", "-o", BENCH / "serve/peer_go", "."], cwd=PEERS / "peer_go",
                    env=dict(os.environ, GOFLAGS="-buildvcs=false"))
        else:
            print("go is missing: the Go peers are left out")
    if not (model("big") and model("small")) and venv("models").exists():
        print("training the models", flush=True)
        attempt("training", [venv("models"), HERE / "train_models.py", BENCH / "serve"])


def check(names):
    for size in ("big", "small"):
        known = model(size)
        if not known:
            raise Failed("the models are missing: peers.py install")
        folder, rows, predictions = known
        for name in names:
            files = request_files.Files(BENCH / "serve/requests", "check", [ALL[name][2](row) for row in rows])
            with make(name, folder) as server:
                server.start(files.requests[0])
                servers.right(server, files, predictions, TOLERANCE.get(name, 1e-12))
            print(f"{name}, {size}: {len(rows)} answers are right", flush=True)


def main():
    try:
        if sys.argv[1:2] == ["install"]:
            install()
        elif sys.argv[1:2] == ["check"]:
            check(sys.argv[2:] or present())
        else:
            print(__doc__)
            return 2
    except Failed as failed:
        print(failed)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
