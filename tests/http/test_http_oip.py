"""Open Inference Protocol v2 over REST, with requests written by hand: a bare model without a home, and releases.

The numbers that LightGBM models must give are LightGBM's own (tests/parity/data); those of linear models are computed
here. The list of malformed requests is the one that Triton tests itself with, and more.
"""

import csv
import gzip
import hashlib
import json
import math
import random
import re
import struct

import server
import tap
import wire
import fares

DATA = server.ROOT / "tests/parity/data"
FILES = {"reg": DATA / "regression-v4.txt", "soft": DATA / "multiclass-v4.txt"}
LINEAR = {"kind": "linear", "inputs": ["a", "b", "c"], "weights": [1, 1000, 0.1], "intercept": 0.5}

home = server.once(lambda: fares.FareHome())
served = server.once(lambda: server.Server(home()))


def start_bare():
    linear = server.temp_dir() / "lin.json"
    linear.write_text(json.dumps(LINEAR))
    FILES["lin"] = linear
    return server.Server(models=FILES)


bare = server.once(start_bare)
VERSION = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in FILES.items()}
WIDTH = {"BOOL": 1, "INT8": 1, "UINT8": 1, "INT16": 2, "UINT16": 2, "FP16": 2, "BF16": 2, "INT32": 4, "UINT32": 4,
         "FP32": 4, "INT64": 8, "UINT64": 8, "FP64": 8}
CODE = {"BOOL": "?", "INT8": "b", "UINT8": "B", "INT16": "h", "UINT16": "H", "INT32": "i", "UINT32": "I", "INT64": "q",
        "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d"}


def pack(kind, values):
    if kind == "BF16":      # the upper half of an FP32
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    if kind == "BYTES":
        return b"".join(struct.pack("<I", len(v)) + v for v in (x if isinstance(x, bytes) else x.encode() for x in values))
    return struct.pack(f"<{len(values)}{CODE[kind]}", *values)


def unpack(kind, data):
    return list(struct.unpack(f"<{len(data) // WIDTH[kind]}{CODE[kind]}", data))


def bits(values):
    return [struct.pack("<d", v).hex() if v == v else "nan" for v in values]


def table(name):
    """Rows of a catalogue model: inputs, and raw, prediction and leaf as LightGBM gave them."""
    read = lambda kind: list(csv.reader((DATA / f"{FILES[name].stem}.{kind}.csv").open()))
    number = lambda text: float.fromhex(text) if "x" in text else float(text)
    rows, (head, *expected) = [[number(t) for t in r] for r in read("rows")[1:]], read("expect")
    columns = {kind: [[number(t) for h, t in zip(head, r) if h.startswith(kind)] for r in expected]
               for kind in ("raw", "prediction", "leaf")}
    return rows, columns


def tensor(name, kind, shape, values=None, binary=None, **parameters):
    """A JSON tensor, or the head of a binary one of `binary` bytes."""
    made = {"name": name, "shape": shape, "datatype": kind}
    if values is not None:
        made["data"] = values
    if binary is not None:
        parameters["binary_data_size"] = binary
    return dict(made, parameters=parameters) if parameters else made


def body(inputs, **more):
    return dict({"inputs": inputs}, **more)


def infer(one, model, head, data=b"", fields=(), version=None, length=None):
    """The answer to an infer request; binary when there is data."""
    target = f"/v2/models/{model}" + (f"/versions/{version}" if version else "") + "/infer"
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    if data or length is not None:
        fields = list(fields) + [("Inference-Header-Content-Length", length if length is not None else len(head))]
    return one.ask("POST", target, head + data, fields)


def outputs(answer):
    """{name: (datatype, shape, values)}, from JSON or binary; checks that sizes fit."""
    assert answer.status == 200, answer
    data = answer.plain()
    length = answer.get("Inference-Header-Content-Length")
    head, rest = (wire.read_json(data), b"") if length is None else (wire.read_json(data[:int(length)]),
                                                                     data[int(length):])
    if length is None:
        assert answer.get("Content-Type") == "application/json", answer.fields
    else:
        assert answer.get("Content-Type") == "application/octet-stream", answer.fields
    found = {}
    for one in head["outputs"]:
        size = one.get("parameters", {}).get("binary_data_size")
        assert (size is None) == ("data" in one), one
        count = math.prod(one["shape"])
        if size is None:
            values = one["data"]
        elif one["datatype"] == "BYTES":
            values, part = [], rest[:size]
            while part:
                n = struct.unpack("<I", part[:4])[0]
                values.append(part[4:4 + n].decode())
                part = part[4 + n:]
        else:
            values = unpack(one["datatype"], rest[:size])
        rest = rest[size or 0:]
        assert len(values) == count, one
        assert one["name"] not in found, "an output stands twice"
        found[one["name"]] = (one["datatype"], one["shape"], values)
    assert not rest, f"{len(rest)} bytes that belong to nothing"
    return head, found


def refused(one, model, head, data=b"", status=400, text=None, **more):
    answer = infer(one, model, head, data, **more)
    assert answer.status == status, f"{status} is wanted for {str(head)[:300]}: {answer}"
    sentence = answer.sentence()
    assert text is None or re.search(text, sentence), f"{text!r} is wanted for {str(head)[:300]}: {sentence!r}"
    assert not answer.closes, answer
    return sentence


def all_refused(one, model, cases):
    wrong = []
    for case in cases:
        try:
            refused(one, model, *case[:-1], **case[-1])
        except (AssertionError, wire.Closed) as error:
            wrong.append(f"{type(error).__name__} {error}")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)
    alive(one)


def alive(one):
    assert one.ask("GET", "/v2/health/ready").status == 200


def flat(rows):
    return [v for row in rows for v in row]


# ---------------------------------------------------------------- what there is

def test_server_metadata():
    for target in ("/v2", "/v2/"):
        about = bare().ask("GET", target).json()
        assert about["name"] == "tandem" and isinstance(about["version"], str) and about["version"]
        assert set(about["extensions"]) >= {"binary_tensor_data", "parameters", "statistics", "model_configuration",
                                            "schedule_policy"}, about
        assert any(e.startswith("model_repository") for e in about["extensions"])


def test_bare_model_metadata():
    for name, n, k, platform in (("reg", 6, 1, "tandem_lightgbm"), ("soft", None, 3, "tandem_lightgbm"),
                                 ("lin", 3, 1, "tandem_linear")):
        VERSION.setdefault(name, hashlib.sha256(FILES[name].read_bytes()).hexdigest())
        for target in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{VERSION[name]}",
                       f"/v2/models/{name}?x=1"):
            about = bare().ask("GET", target).json()
            assert (about["name"], about["versions"], about["platform"]) == (name, [VERSION[name]], platform), about
            assert [(i["name"], i["datatype"]) for i in about["inputs"]] == [("input", "FP64")], about
            assert about["inputs"][0]["shape"][0] == -1 and (n is None or about["inputs"][0]["shape"] == [-1, n]), about
            first = about["outputs"][0]
            assert (first["name"], first["datatype"]) == ("prediction", "FP64"), about
            assert first["shape"] == ([-1] if k == 1 else [-1, k]), about


def test_release_metadata():
    about = served().ask("GET", "/v2/models/fare").json()
    assert (about["name"], about["platform"], about["versions"]) == ("fare", "tandem_release", [home().a]), about
    kinds = {i["name"]: (i["datatype"], i["shape"]) for i in about["inputs"]}
    wanted = {"ride": "BYTES", "cabin": "BYTES", "seats": "INT64", "load": "FP64", "loyal": "BOOL", "booked": "BYTES",
              "price": "BYTES", "half": "FP32"}
    assert {name: kind for name, (kind, _) in kinds.items()} == wanted, kinds
    assert all(shape[0] == -1 and len(shape) in (1, 2) for _, shape in kinds.values()), kinds
    assert ("amount", "FP64") == (about["outputs"][0]["name"], about["outputs"][0]["datatype"])
    for prefix in (home().a, home().a[:8], home().a[:40]):
        assert served().ask("GET", f"/v2/models/fare/versions/{prefix}").json() == about
    assert {i["name"] for i in served().ask("GET", "/v2/models/strict").json()["inputs"]} >= {"x0", "x1", "x2"}


def test_unknown_models_and_versions():
    for target in ("/v2/models/none", "/v2/models/none/ready", "/v2/models/none/config", "/v2/models/none/stats",
                   "/v2/models/reg/versions/1", "/v2/models/reg/versions/1/ready", "/v2/models/reg/versions/1/stats",
                   f"/v2/models/reg/versions/{VERSION['soft']}", "/v2/models/%22"):
        answer = bare().ask("GET", target)
        assert answer.status == 404 and answer.sentence().startswith("Request for unknown model"), (target, answer)
    one = body([tensor("input", "FP64", [1, 6], [0] * 6)])
    assert infer(bare(), "none", one).sentence() == "Request for unknown model: 'none' is not found"
    for version in ("1", "0" * 64, VERSION["soft"]):
        answer = infer(bare(), "reg", one, version=version)
        assert answer.status == 404 and answer.sentence().startswith("Request for unknown model"), answer
    assert infer(bare(), "reg", one, version=VERSION["reg"]).status == 200
    assert infer(bare(), "r%65%67", one).status == 200
    for version in (home().b, home().a[:7], home().a + "0", "1"):     # B is packed, but not current
        answer = served().ask("GET", f"/v2/models/fare/versions/{version}")
        assert answer.status == 404 and answer.sentence().startswith("Request for unknown model"), (version, answer)
    for target in ("/v2/nothing", "/v2/models/reg/nothing", "/v2/models/reg/versions", "/v2/models/reg/infer/x"):
        answer = bare().ask("GET", target)
        assert answer.status == 404 and answer.sentence(), (target, answer)


def test_health():
    for one, name in ((bare(), "reg"), (served(), "fare")):
        assert one.ask("GET", "/v2/health/live").json() == {"live": True}
        assert one.ask("GET", "/v2/health/ready").json() == {"ready": True}
        assert one.ask("GET", f"/v2/models/{name}/ready").json() == {"name": name, "ready": True}
    assert bare().ask("GET", f"/v2/models/reg/versions/{VERSION['reg']}/ready").status == 200
    answer = bare().ask("POST", "/v2/health/ready", {})
    assert answer.status == 405 and "GET" in answer.get("Allow"), answer
    answer = bare().ask("GET", "/v2/models/reg/infer")
    assert answer.status == 405 and answer.get("Allow") and answer.sentence(), answer


def test_config():
    for one, name, inputs in ((bare(), "reg", {"input": ("TYPE_FP64", 6)}),
                              (served(), "fare", {"seats": ("TYPE_INT64", 1), "cabin": ("TYPE_STRING", 1),
                                                  "loyal": ("TYPE_BOOL", 1), "half": ("TYPE_FP32", 1)})):
        config = one.ask("GET", f"/v2/models/{name}/config").json()
        assert config["name"] == name and config["backend"] == "tandem" and config["platform"].startswith("tandem_")
        assert config["max_batch_size"] == 100_000, config
        assert all(set(t) >= {"name", "data_type", "dims"} for t in config["input"] + config["output"]), config
        found = {t["name"]: (t["data_type"], t["dims"][-1]) for t in config["input"]}
        assert {n: found[n] for n in inputs} == inputs, config
        assert config["output"][0]["data_type"] == "TYPE_FP64"


def test_repository_index():
    wanted = {name: (VERSION[name], "READY") for name in ("reg", "soft")}
    for sent in (b"", b"{}", {"ready": True}, {"ready": False}):
        listed = bare().ask("POST", "/v2/repository/index", sent).json()
        found = {m["name"]: (m["version"], m["state"]) for m in listed}
        assert set(found) == {"reg", "soft", "lin"} and {n: found[n] for n in wanted} == wanted, listed
    assert {m["name"] for m in served().ask("POST", "/v2/repository/index", b"").json()} == \
           {"fare", "plain", "strict", "aged"}
    for action in ("load", "unload"):
        answer = bare().ask("POST", f"/v2/repository/models/reg/{action}", b"{}")
        assert answer.status == 400 and "promote" in answer.sentence(), answer
    assert bare().ask("POST", "/v2/repository/index", b"{").status == 400


def stats(one, name):
    found = one.ask("GET", f"/v2/models/{name}/stats").json()["model_stats"]
    assert len(found) == 1 and found[0]["name"] == name, found
    return found[0]


def test_statistics():
    before = stats(bare(), "reg")
    infer(bare(), "reg", body([tensor("input", "FP64", [5, 6], [0] * 30)]))
    infer(bare(), "reg", body([tensor("input", "FP64", [1, 6], [0] * 6)]))
    refused(bare(), "reg", body([tensor("input", "FP64", [1, 7], [0] * 7)]))
    after = stats(bare(), "reg")
    assert after["version"] == VERSION["reg"], after
    grown = lambda *path: count(after, path) - count(before, path)
    assert grown("inference_count") == 6 and grown("execution_count") == 2, (before, after)
    assert grown("inference_stats", "success", "count") == 2 and grown("inference_stats", "fail", "count") == 1
    assert grown("inference_stats", "success", "ns") > 0
    assert set(after["inference_stats"]) >= {"success", "fail", "queue", "compute_input", "compute_infer",
                                             "compute_output"}, after
    assert after["last_inference"] > 1_700_000_000_000
    everything = bare().ask("GET", "/v2/models/stats").json()["model_stats"]
    assert {m["name"] for m in everything} == {"reg", "soft", "lin"}
    assert len(bare().ask("GET", f"/v2/models/reg/versions/{VERSION['reg']}/stats").json()["model_stats"]) == 1


def count(tree, path):
    for name in path:
        tree = tree[name]
    return tree


def test_a_server_without_a_home():
    about = bare().ask("GET", "/v1/status").json()["server"]
    assert {(m["name"], m["sha256"]) for m in about["models"]} >= {(name, VERSION[name]) for name in ("reg", "soft")}
    assert all(set(m) >= {"name", "file", "kind", "sha256"} for m in about["models"]), about
    answer = bare().ask("POST", "/v1/decide/reg", {"features": {}})
    assert answer.status == 404 and answer.code() == "not_found", answer
    assert bare().ask("GET", "/metrics").status == 200
    assert not list(bare().cwd.glob("tandem-home*")), "a home was made"


# ---------------------------------------------------------------- a bare model, to the bit

def test_lightgbm_to_the_bit():
    for name in ("reg", "soft"):
        rows, expected = table(name)
        n, width, k = len(rows), len(rows[0]), len(expected["prediction"][0])
        data = pack("FP64", flat(rows))
        head = body([tensor("anything", "FP64", [n, width], binary=len(data))], id="q-1",
                    outputs=[{"name": x} for x in ("prediction", "raw", "leaf")],
                    parameters={"binary_data_output": True})
        told, found = outputs(infer(bare(), name, head, data))
        assert (told["model_name"], told["model_version"], told["id"]) == (name, VERSION[name], "q-1"), told
        shape = [n] if k == 1 else [n, k]
        assert list(found) == ["prediction", "raw", "leaf"]
        for kind in ("prediction", "raw"):
            assert found[kind][:2] == ("FP64", shape), (kind, found[kind][:2])
        assert found["raw"][2] and bits(found["raw"][2]) == bits(flat(expected["raw"]))
        trees = len(expected["leaf"][0])
        assert found["leaf"][:2] == ("INT64", [n, trees])
        assert found["leaf"][2] == [int(v) for v in flat(expected["leaf"])]
        for mine, its in zip(found["prediction"][2], flat(expected["prediction"])):
            assert mine == its or abs(mine - its) <= math.ulp(its), (mine, its)
        by_json = [None if v != v else v for v in flat(rows)]      # Python writes Infinity for infinities
        told, again = outputs(infer(bare(), name, body([tensor("input", "FP64", [n, width], by_json)])))
        assert "id" not in told and list(again) == ["prediction"]
        assert bits(again["prediction"][2]) == bits(found["prediction"][2])
        nested = [by_json[i:i + width] for i in range(0, len(by_json), width)]
        assert outputs(infer(bare(), name, body([tensor("input", "FP64", [n, width], nested)])))[1] == again
        named = [math.nan if v is None else v for v in by_json]     # ... and NaN for NaN
        assert outputs(infer(bare(), name, body([tensor("input", "FP64", [n, width], named)])))[1] == again
        packed = gzip.compress(json.dumps(head).encode() + data)
        answer = bare().ask("POST", f"/v2/models/{name}/infer", packed, [
            ("Content-Encoding", "gzip"), ("Accept-Encoding", "deflate"),
            ("Inference-Header-Content-Length", len(json.dumps(head)))])
        assert answer.get("Content-Encoding") == "deflate", answer.fields
        assert bits(outputs(answer)[1]["raw"][2]) == bits(flat(expected["raw"]))


def linear(a, b, c):
    total = LINEAR["intercept"]
    for weight, value in zip(LINEAR["weights"], (a, b, c)):
        total += float(weight) * float(value)
    return total


def predicted(answer):
    return outputs(answer)[1]["prediction"][2]


def test_every_datatype():
    rows = {"BOOL": [[True, False, True]], "FP16": [[0.1, -2, 65504]], "BF16": [[1.5, -2, 0.0078125]],
            "FP32": [[0.1, 3.4e38, 1e-45]], "FP64": [[0.1, 1e300, 5e-324]]}
    for size in (8, 16, 32):
        rows[f"INT{size}"] = [[-2 ** (size - 1), 2 ** (size - 1) - 1, 3], [0, 1, -1]]
        rows[f"UINT{size}"] = [[0, 2 ** size - 1, 3]]
    rows["INT64"], rows["UINT64"] = [[-2 ** 53, 2 ** 53, 7]], [[2 ** 53, 2 ** 60, 7]]
    for kind, given in rows.items():
        exact = [v for v in flat(given)]
        if kind in ("FP16", "FP32"):
            exact = unpack(kind, pack(kind, exact))
        wanted = [linear(*exact[i:i + 3]) for i in range(0, len(exact), 3)]
        data = pack(kind, flat(given))
        head = body([tensor("input", kind, [len(given), 3], binary=len(data))])
        assert predicted(infer(bare(), "lin", head, data)) == wanted, kind
        if kind not in ("FP16", "BF16"):
            assert predicted(infer(bare(), "lin", body([tensor("input", kind, [len(given), 3], flat(given))]))) == \
                   wanted, kind
    by_name = [tensor("a", "FP16", [2], binary=4), tensor("b", "INT8", [2, 1], [[3], [-4]]),
               tensor("c", "FP64", [2], binary=16)]
    found = predicted(infer(bare(), "lin", body(by_name), pack("FP16", [0.5, 1.5]) + pack("FP64", [0.1, -0.2])))
    assert found == [linear(0.5, 3, 0.1), linear(1.5, -4, -0.2)]


def test_integers_that_doubles_cannot_hold():
    for kind, value in (("INT64", 2**53 + 1), ("INT64", -2**53 - 1), ("UINT64", 2**64 - 1)):
        data = pack(kind, [0, value, 0])
        refused(bare(), "lin", body([tensor("input", kind, [1, 3], binary=24)]), data)
        refused(bare(), "lin", body([tensor("input", kind, [1, 3], [0, value, 0])]))


def test_a_tensor_for_each_feature():
    rows, expected = table("reg")
    names = [f"Column_{i}" for i in range(6)]
    n = len(rows)
    tensors = [tensor(name, "FP64", [n] if i % 2 else [n, 1], binary=8 * n) for i, name in enumerate(names)]
    data = b"".join(pack("FP64", [row[i] for row in rows]) for i in range(6))
    reordered = tensors[::-1]
    back = b"".join(pack("FP64", [row[i] for row in rows]) for i in range(5, -1, -1))
    for head, sent in ((tensors, data), (reordered, back)):
        found = outputs(infer(bare(), "reg", body(head, outputs=[{"name": "raw", "parameters": {"binary_data": True}}]),
                              sent))[1]
        assert bits(found["raw"][2]) == bits(flat(expected["raw"]))
    whole = predicted(infer(bare(), "reg", body([tensor("x", "FP64", [1, 6], [1.5] + [None] * 5)])))
    assert predicted(infer(bare(), "reg", body([tensor("Column_0", "FP32", [1], [1.5])]))) == whole


def test_numbers_that_are_not_finite():
    """JSON says null; binary gives the bits. A missing input of this model makes the output NaN."""
    given = body([tensor("input", "FP64", [3, 3], [1, 2, None, 1, 2, 3, math.inf, 0, 0])])
    assert predicted(infer(bare(), "lin", given)) == [None, linear(1, 2, 3), None]
    found = predicted(infer(bare(), "lin", dict(given, parameters={"binary_data_output": True})))
    assert math.isnan(found[0]) and found[1] == linear(1, 2, 3) and found[2] == math.inf
    data = pack("FP64", [-math.inf, 0, 0])
    assert predicted(infer(bare(), "lin", body([tensor("input", "FP64", [1, 3], binary=24)],
                                               outputs=[{"name": "prediction", "parameters": {"binary_data": True}}]),
                           data)) == [-math.inf]
    for token in ("nan", "inf", "+Infinity", "-NaN", "Inf", "Infinit", '"NaN"', "undefined"):
        text = json.dumps(body([tensor("input", "FP64", [1, 3], [1, 2, "@"])])).replace('"@"', token)
        refused(bare(), "lin", text.encode())
    for text in ('{"id":NaN,"inputs":[]}', '{"inputs":[{"name":"input","shape":[NaN,3],"datatype":"FP64","data":[]}]}',
                 '{"parameters":{"x":Infinity},"inputs":[]}'):
        refused(bare(), "lin", text.encode())


def test_the_form_of_outputs():
    given = [tensor("input", "FP64", [2, 3], [1, 2, 3, 4, 5, 6])]
    wanted = [linear(1, 2, 3), linear(4, 5, 6)]
    def forms(**more):
        answer = infer(bare(), "lin", body(given, **more))
        head, found = outputs(answer)
        return {o["name"]: "data" not in o for o in head["outputs"]}, found
    assert forms()[0] == {"prediction": False}
    assert forms(parameters={"binary_data_output": True})[0] == {"prediction": True}
    assert forms(parameters={"binary_data_output": False})[0] == {"prediction": False}
    asked = [{"name": "raw", "parameters": {"binary_data": True}}, {"name": "prediction"}]
    form, found = forms(outputs=asked)
    assert form == {"raw": True, "prediction": False} and list(form) == ["raw", "prediction"]
    assert found["prediction"][2] == wanted and found["raw"][2] == wanted
    asked = [{"name": "raw", "parameters": {"binary_data": False}}, {"name": "prediction"}]
    assert forms(outputs=asked, parameters={"binary_data_output": True})[0] == {"raw": False, "prediction": True}
    answer = infer(bare(), "lin", body(given))
    assert answer.get("Inference-Header-Content-Length") is None, answer.fields


def test_the_raw_binary_request():
    for kind, fields in (("FP64", [("Content-Type", "application/octet-stream")]), ("FP32", [])):
        values = unpack(kind, pack(kind, [0.1, 2, 3]))
        answer = infer(bare(), "lin", b"", pack(kind, values), fields, length=0)
        head, found = outputs(answer)
        assert found["prediction"] == ("FP64", [1], [linear(*values)]), (kind, answer)
        assert "binary_data_size" in head["outputs"][0]["parameters"], head
    for n in (0, 1, 11, 13, 23, 25, 48):
        refused(bare(), "lin", b"", bytes(n), length=0)


# ---------------------------------------------------------------- malformed requests

def test_shapes_and_sizes():
    def one(shape, values=(1, 2, 3), kind="FP64"):
        return body([tensor("input", kind, shape, list(values))])
    huge = [[2**31, 2**33, 3], [2**63, 3], [2**64 + 1, 3], [3074457345618258603, 6], [2**62, 4], [10**30, 3]]
    all_refused(bare(), "lin", [
        (one([1, 4], [1, 2, 3, 4]), {}), (one([1, 2], [1, 2]), {}), (one([2, 3]), {}), (one([3]), {}),
        (one([1, 1, 3]), {}), (one([]), {}), (one([0, 3], []), {}), (one([1, 3], [1, 2, 3, 4]), {}),
        (one([1, 3], []), {}), (one([-1, 3]), {}), (one([-1, -3]), {}), (one([1, -3]), {}), (one(["1", 3]), {}),
        (one([1.0, 3]), {}), (one([1.5, 3]), {}), (one([None, 3]), {}), (one([True, 3]), {}), (one("1,3"), {}),
        (one({"a": 1}), {}), (one([[1, 3]]), {}), (one([1, 3], [[1, 2], [3]]), {}), (one([1, 3], [[[1, 2, 3]]]), {}),
        (one([2, 3], [[1, 2, 3], [1, 2]]), {}), (one([2, 3], [[1, 2, 3], 1, 2, 3]), {}),
        (one([1, 3], [1, 2, {"a": 1}]), {}), (one([1, 3], [1, 2, "3"]), {}), (one([1, 3], [1, 2, True]), {}),
        (one([1] * 100 + [3]), {}), (one([1] * 100_000), {}),
    ] + [(one(shape), {}) for shape in huge])
    binary = lambda shape, size: body([tensor("input", "FP64", shape, binary=size)])
    all_refused(bare(), "lin", [(binary(shape, 24), bytes(24), {}) for shape in huge + [[-1, 3], [0, 3], [2, 3]]] + [
        (binary([1, 3], 23), bytes(23), {}), (binary([1, 3], 25), bytes(25), {}), (binary([1, 3], 24), bytes(23), {}),
        (binary([1, 3], 24), bytes(25), {}), (binary([1, 3], -24), bytes(24), {}), (binary([1, 3], 2**63), bytes(24), {}),
        (binary([1, 3], 2**64 + 24), bytes(24), {}), (binary([1, 3], "24"), bytes(24), {}),
        (binary([1, 3], 24.0), bytes(24), {}), (binary([1, 3], None), bytes(24), {}), (binary([1, 3], 24), b"", {}),
        (body([dict(tensor("input", "FP64", [1, 3], [1, 2, 3]), parameters={"binary_data_size": 24})]), bytes(24), {}),
        (one([1, 3]), bytes(8), {}),
    ])


def test_header_lengths():
    head = json.dumps(body([tensor("input", "FP64", [1, 3], binary=24)])).encode()
    data = pack("FP64", [1, 2, 3])
    assert predicted(infer(bare(), "lin", head, data)) == [linear(1, 2, 3)]
    all_refused(bare(), "lin", [(head, data, dict(length=text)) for text in (
        len(head) - 1, len(head) + 1, len(head) + len(data), len(head) + len(data) + 1, 2**31, 2**63, 2**64 + len(head),
        -1, "x", "", "0x10", "1e2", "5 5", f"{len(head)}.0", "9" * 60)])
    twice = infer(bare(), "lin", head, data, fields=[("Inference-Header-Content-Length", len(head))])
    assert twice.status == 400, twice
    # The whole body is JSON when all of it is the header.
    whole = json.dumps(body([tensor("input", "FP64", [1, 3], [1, 2, 3])])).encode()
    assert predicted(infer(bare(), "lin", whole, length=len(whole))) == [linear(1, 2, 3)]


def test_members():
    good = tensor("input", "FP64", [1, 3], [1, 2, 3])
    without = lambda name: {k: v for k, v in good.items() if k != name}
    all_refused(bare(), "lin", [
        (b"", {}), (b"{}", {}), (b"[]", {}), (b"null", {}), (b"{", {}), (b"\0", {}), (b'{"inputs":[', {}),
        (body([]), {}), (body(None), {}), (body({}), {}), (body("x"), {}), (body([1]), {}), (body([None]), {}),
        (body([without("name")]), {}), (body([without("shape")]), {}), (body([without("datatype")]), {}),
        (body([without("data")]), {}), (body([dict(good, datatype="FP65")]), {}), (body([dict(good, datatype="fp64")]), {}),
        (body([dict(good, datatype=7)]), {}), (body([dict(good, datatype="BYTES", data=["1", "2", "3"])]), {}),
        (body([dict(good, datatype="FP16")]), {}), (body([dict(good, datatype="BF16")]), {}),
        (body([dict(good, name=7)]), {}), (body([dict(good, name=None)]), {}), (body([dict(good, data=7)]), {}),
        (body([dict(good, data="123")]), {}), (body([dict(good, data=None)]), {}), (body([dict(good, parameters=[])]), {}),
        (body([good, good]), {}), (body([good, tensor("b", "FP64", [1], [1])]), {}),
        (body([tensor("a", "FP64", [1], [1]), tensor("a", "FP64", [1], [1])]), {}),
        (body([tensor("a", "FP64", [1], [1]), tensor("d", "FP64", [1], [1])]), dict(text="d")),
        (body([tensor("a", "FP64", [1], [1]), tensor("b", "FP64", [2], [1, 2])]), {}),
        (body([tensor("a", "FP64", [1, 2], [1, 2])]), {}),
        (body([good], outputs=[{"name": "nothing"}]), dict(text="nothing")), (body([good], outputs=[{}]), {}),
        (body([good], outputs=[{"name": "raw"}, {"name": "raw"}]), {}), (body([good], outputs=[{"name": 3}]), {}),
        (body([good], outputs="raw"), {}), (body([good], outputs=[{"name": "raw", "parameters": {"binary_data": 3}}]), {}),
        (body([good], id=7), {}), (body([good], parameters=[]), {}),
        (body([good], parameters={"binary_data_output": "yes"}), {}), (body([good], parameters={"timeout": -1}), {}),
        (body([good], parameters={"timeout": "x"}), {}),
        (json.dumps(body([good])).encode() + b"x", {}), (json.dumps(body([good])).encode()[:-1], {}),
        (b'{"inputs":[],"inputs":[]}', {}), (json.dumps(body([dict(good, name="in\0put")])).encode().replace(
            b"\\u0000", b"\0"), {}),
        (json.dumps(body([good], id="@")).encode().replace(b"@", b"\xff"), {}),
        (json.dumps(body([good], id="@")).encode().replace(b"@", b"\\ud800"), {}),
        (body([dict(good, datatype="UINT8", data=[1, 2, 256])]), {}), (body([dict(good, datatype="INT8", data=[1, 2, -129])]), {}),
        (body([dict(good, datatype="INT32", data=[1, 2, 3.5])]), {}), (body([dict(good, datatype="INT64", data=[1, 2, 10**30])]), {}),
        (body([dict(good, datatype="UINT32", data=[1, 2, -1])]), {}), (body([dict(good, datatype="BOOL", data=[1, 0, 2])]), {}),
        (body([dict(good, datatype="BOOL", data=["true", True, True])]), {}),
        (json.dumps(body([dict(good, data=[1, 2, "@"])])).replace('"@"', "1e400").encode(), {}),
        (body([dict(good, datatype="FP32", data=[1, 2, 1e39])]), {}),
    ])
    refused(bare(), "lin", body([tensor("input", "BOOL", [1, 3], binary=3)]), b"\1\0\2")


def test_members_that_do_no_harm():
    good = [tensor("input", "FP64", [1, 3], [1, 2, 3], anything=7)]
    for more in ({"model_name": "other"}, {"parameters": {"priority": 1}}, {"parameters": {"timeout": 60_000_000}},
                 {"parameters": {"mine": "x", "deep": {"a": [1, 2, {}]}}}, {"outputs": []}, {"id": ""}, {"unknown": 1},
                 {"parameters": {f"p{i}": "x" * 1000 for i in range(500)}}, {"id": "x" * 200},
                 {"id": "tab\tquote\"slash\\ü🚀\x01"}):
        head, found = outputs(infer(bare(), "lin", body(good, **more)))
        assert found["prediction"][2] == [linear(1, 2, 3)], more
        assert "id" not in more or more["id"] == "" or head["id"] == more["id"], head


def test_depth_and_size():
    deep = lambda n: b'{"inputs":[{"name":"input","shape":[1,3],"datatype":"FP64","data":' + b"[" * n + b"]" * n + b"}]}"
    all_refused(bare(), "lin", [(deep(n), {}) for n in (33, 101, 1000, 200_000)] +
                [(b'{"inputs":' + b"[" * 1_000_000, {})] +
                [(b'{"parameters":' + b'{"a":' * n + b"1" + b"}" * n + b',"inputs":[]}', {}) for n in (101, 100_000)])
    many = [tensor(f"t{i}", "FP64", [1], [1]) for i in range(20_000)]
    all_refused(bare(), "lin", [(body(many), {})])
    rows = 100_000
    data = pack("FP32", [1, 2, 3]) * rows
    found = predicted(infer(bare(), "lin", body([tensor("input", "FP32", [rows, 3], binary=len(data))],
                                                parameters={"binary_data_output": True}), data))
    assert found == [linear(1, 2, 3)] * rows
    data += pack("FP32", [1, 2, 3])
    answer = infer(bare(), "lin", body([tensor("input", "FP32", [rows + 1, 3], binary=len(data))]), data)
    assert answer.status == 413 and answer.sentence(), answer


def test_a_question_that_is_late():
    good = body([tensor("input", "FP64", [1, 3], [1, 2, 3])])
    sent = wire.request("POST", "/v2/models/lin/infer", dict(good, parameters={"timeout": 50_000}))
    with bare().connect() as connection:
        connection.send(sent[:-1])
        connection.must_be_quiet(0.25)
        connection.send(sent[-1:])
        answer = connection.answer()
        assert answer.status == 504 and answer.sentence(), answer
    assert infer(bare(), "lin", good, fields=[("Tandem-Deadline-Ms", "x")]).status == 400


# ---------------------------------------------------------------- releases

FULL = [q for q in fares.QUESTIONS if None not in q.values()]
KINDS = {"ride": "BYTES", "cabin": "BYTES", "seats": "INT64", "load": "FP64", "loyal": "BOOL", "booked": "BYTES",
         "price": "BYTES", "half": "FP32"}


def question(questions=fares.QUESTIONS, kinds=KINDS, **more):
    n = len(questions)
    tensors = [tensor(name, kind, [n], [q[name] for q in questions]) for name, kind in kinds.items()]
    return body(tensors, **dict({"parameters": {"as_of": fares.AS_OF}}, **more))


def test_a_release_by_json():
    head, found = outputs(infer(served(), "fare", question(id="q")))
    assert (head["model_name"], head["model_version"], head["id"]) == ("fare", home().a, "q"), head
    assert head["parameters"] == {"epoch": 4, "rung": "defaulted", "as_of": fares.AS_OF}, head
    assert found == {"amount": ("FP64", [len(fares.QUESTIONS)], [fares.amount(q) for q in fares.QUESTIONS])}
    asked = [{"name": "amount"}, {"name": "rung"}]
    head, found = outputs(infer(served(), "fare", question(outputs=asked)))
    assert found["rung"] == ("BYTES", [len(fares.QUESTIONS)], [fares.rung(q) for q in fares.QUESTIONS])
    head, found = outputs(infer(served(), "fare", question(outputs=asked, parameters={
        "as_of": fares.AS_OF, "binary_data_output": True}), version=home().a))
    assert found["rung"][2] == [fares.rung(q) for q in fares.QUESTIONS]
    assert found["amount"][2] == [fares.amount(q) for q in fares.QUESTIONS]
    answer = infer(served(), "fare", question())
    assert answer.get("Tandem-Epoch") in (None, "4")


def test_a_release_by_binary_and_mixed():
    n = len(FULL)
    wanted = [fares.amount(q) for q in FULL]
    for binary in (set(KINDS), {"ride", "load"}, {"half"}):
        tensors, data = [], b""
        for name, kind in KINDS.items():
            values = [q[name] for q in FULL]
            if name in binary:
                part = pack(kind, values)
                tensors.append(tensor(name, kind, [n, 1], binary=len(part)))
                data += part
            else:
                tensors.append(tensor(name, kind, [n], values))
        head = body(tensors, parameters={"as_of": fares.AS_OF, "binary_data_output": True})
        assert outputs(infer(served(), "fare", head, data))[1]["amount"][2] == wanted, binary


def test_a_release_by_other_types():
    wanted = [fares.amount(q) for q in FULL]
    for change in ({"seats": "INT32"}, {"seats": "UINT64"}, {"load": "FP64"}):
        some = [q for q in FULL if q["seats"] >= 0] if "seats" in change else FULL
        found = outputs(infer(served(), "fare", question(some, dict(KINDS, **change))))[1]
        assert found["amount"][2] == [fares.amount(q) for q in some], change
    instants = [dict(q, booked=fares.instant_us(q["booked"])) for q in FULL]
    assert outputs(infer(served(), "fare", question(instants, dict(KINDS, booked="INT64"))))[1]["amount"][2] == wanted
    rounded = [dict(q, load=fares.f32(q["load"])) for q in FULL]
    found = outputs(infer(served(), "fare", question(rounded, dict(KINDS, load="FP32"))))[1]
    assert found["amount"][2] == [fares.amount(q) for q in rounded]
    whole = [dict(q, load=3) for q in FULL]
    found = outputs(infer(served(), "fare", question(whole, dict(KINDS, load="INT16"))))[1]
    assert found["amount"][2] == [fares.amount(q) for q in whole]
    entity = {("ride_id" if name == "ride" else name): kind for name, kind in KINDS.items()}
    named = [dict(q, ride_id=q["ride"]) for q in FULL]
    assert outputs(infer(served(), "fare", question(named, entity)))[1]["amount"][2] == wanted


def test_a_matrix_of_request_features():
    rows = [[1.5, 2, -3, 4], [0.1, -0.0, 1e10, 7], [None, 1, 2, 3]]
    wanted = [fares.plain_value(r) for r in rows]
    def ask(kind, given, values):
        return outputs(infer(served(), "plain", body([tensor("input", kind, [len(given), 4], values)])))[1]["prediction"]
    assert ask("FP64", rows, flat(rows)) == ("FP64", [3], wanted)
    assert ask("FP64", rows, rows)[2] == wanted
    ints = [[1, 2, 3, 4]]
    assert ask("INT32", ints, ints)[2] == [fares.plain_value(ints[0])]
    data = pack("FP32", [0.1, 2, 3, 4])
    found = outputs(infer(served(), "plain", body([tensor("input", "FP32", [1, 4], binary=16)]), data))[1]
    assert found["prediction"][2] == [fares.plain_value(unpack("FP32", data))]
    with_keys = body([tensor("row", "BYTES", [1], ["k"]), tensor("input", "FP64", [1, 4], [1, 2, 3, 4])])
    assert outputs(infer(served(), "plain", with_keys))[1]["prediction"][2] == [fares.plain_value([1, 2, 3, 4])]
    single = body([tensor("x1", "FP64", [1], [2])])
    assert outputs(infer(served(), "plain", single))[1]["prediction"][2] == [fares.plain_value([None, 2, None, None])]
    mixed = body([tensor("input", "FP64", [2, 3], [0.5, 2, 1, 1, 1, 0])])       # f64, i64, bool
    assert outputs(infer(served(), "strict", mixed))[1]["y"][2] == [fares.strict_value(0.5, 2, 1),
                                                                    fares.strict_value(1, 1, 0)]
    keyed = body([tensor("spot", "BYTES", [1], ["a|b"]), tensor("x0", "FP64", [1], [1]), tensor("x1", "INT64", [1], [2]),
                  tensor("x2", "BOOL", [1], [True])])
    assert outputs(infer(served(), "strict", keyed))[1]["y"][2] == [fares.strict_value(1, 2, 1)]


def test_what_a_release_refuses():
    def having(name, values, kind=None):
        made = question(FULL[:2])
        made["inputs"] = [i if i["name"] != name else tensor(name, kind or i["datatype"], [2], values)
                          for i in made["inputs"]]
        return made
    lone = question(FULL[:1])
    lone["inputs"] = [i for i in lone["inputs"] if i["name"] != "ride"]
    unknown = question(FULL[:1])
    unknown["inputs"].append(tensor("speed", "FP64", [1], [1]))
    all_refused(served(), "fare", [
        (lone, dict(text="ride")), (unknown, dict(text="speed")),
        (having("seats", [1, None]), dict(text="seats")), (having("seats", [1, 2.5]), dict(text="seats")),
        (having("seats", ["1", "2"], "BYTES"), dict(text="seats")), (having("loyal", [1, 0], "INT8"), dict(text="loyal")),
        (having("cabin", [1, 2], "INT64"), dict(text="cabin")), (having("ride", [1, 2], "INT64"), dict(text="ride")),
        (having("ride", ["r1", None]), dict(text="ride")), (having("booked", ["r1", "2013-06-01T00:00:00Z"]), dict(text="booked")),
        (having("price", ["1.00", "x"]), dict(text="price")), (having("seats", [1, 2**64 - 1], "UINT64"), dict(text="seats")),
        (question(FULL[:1], parameters={"as_of": "never"}), dict(text="as_of")),
        (question(FULL[:1], parameters={"as_of": 7}), dict(text="as_of")),
        (question(FULL[:1], outputs=[{"name": "late"}]), dict(text="late")),
        (body([tensor("ride", "BYTES", [1], ["r1"]), tensor("input", "FP64", [1, 7], [0] * 7)]), {}),
    ])
    text = b"\xff\xfe"
    head = body([tensor("ride", "BYTES", [1], binary=6), tensor("seats", "INT64", [1], [1]),
                 tensor("loyal", "BOOL", [1], [True])])
    refused(served(), "fare", head, struct.pack("<I", 2) + text)
    for part in (struct.pack("<I", 3) + b"ab", struct.pack("<I", 1) + b"ab", struct.pack("<I", 2**32 - 1) + b"ab",
                 b"abcdef"):
        refused(served(), "fare", head, part)


def test_one_row_that_cannot_be_answered_fails_the_request():
    def ask(rows):
        return body([tensor("x0", "FP64", [len(rows)], [r[0] for r in rows]),
                     tensor("x1", "INT64", [len(rows)], [r[1] for r in rows]),
                     tensor("x2", "BOOL", [len(rows)], [r[2] for r in rows])])
    good = (0.5, 1, True)
    assert outputs(infer(served(), "strict", ask([good] * 3)))[1]["y"][2] == [fares.strict_value(0.5, 1, 1)] * 3
    refused(served(), "strict", ask([good, good, good, (0, 10**6, False)]), status=422, text="^row 3: ")
    refused(served(), "strict", ask([good, (None, 1, True)]), status=400, text="^row 1: ")
    refused(served(), "strict", ask([good, (0.5, 1, None)]), status=422, text="^row 1: ")
    refused(served(), "aged", body([tensor("x1", "FP64", [1], [1])]), text="x1")


def test_damaged_requests_never_hang():
    """Any one byte changed, or any end cut off: some answer, and the server lives."""
    rng = random.Random(11)
    head = json.dumps(body([tensor("input", "FP64", [2, 3], binary=48)], outputs=[{"name": "raw"}], id="x")).encode()
    whole = head + pack("FP64", [1, 2, 3, 4, 5, 6])
    with bare().connect() as connection:
        for i in range(600):
            at = rng.randrange(len(whole))
            sent = whole[:at] if i % 4 == 0 else whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1:]
            answer = connection.ask("POST", "/v2/models/lin/infer", sent,
                                    [("Inference-Header-Content-Length", min(len(head), len(sent)))])
            assert answer.status in (200, 400), (sent, answer)
            assert answer.status == 200 or answer.sentence()


def test_zz_the_servers_stop_cleanly():
    bare().stop()
    served().stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
