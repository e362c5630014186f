"""Triton's own Python client and KServe's own, unchanged: what their users call must work.

They come from an environment of their own (client_venv.py). The expected numbers are those of test_http_oip.py's
oracles: Python's arithmetic for linear models and releases, LightGBM's for its own.
"""

import asyncio
import hashlib
import json

import server
import tap
import client_venv
import fares

client_venv.enter()

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
import httpx

LINEAR = {"kind": "linear", "inputs": ["a", "b", "c"], "weights": [1, 1000, 0.1], "intercept": 0.5}
WEIGHTS = np.array(LINEAR["weights"], dtype=np.float64)
FULL = [q for q in fares.QUESTIONS if None not in q.values()]
AMOUNTS = np.array([fares.amount(q) for q in FULL])


def start():
    home = fares.FareHome()
    file = home.write("lin.json", json.dumps(LINEAR))
    one = server.Server(home, models={"lin": file, "soft": server.ROOT / "tests/parity/data/multiclass-v4.txt"})
    one.version = hashlib.sha256(file.read_bytes()).hexdigest()
    return one


served = server.once(start)


def url():
    return f"127.0.0.1:{served().port}"


def client(**more):
    return triton.InferenceServerClient(url(), **more)


def linear(rows):
    """In the model's order, each step rounded."""
    total = np.full(len(rows), LINEAR["intercept"])
    for column, weight in enumerate(WEIGHTS):
        total = total + weight * np.asarray(rows, dtype=np.float64)[:, column]
    return total


def same(found, wanted):
    assert found is not None and found.dtype == np.float64 and found.shape == wanted.shape, (found, wanted)
    assert found.tobytes() == wanted.tobytes(), (found, wanted)


def matrix(dtype, n=5):
    return (np.arange(3 * n).reshape(n, 3) / 7).astype(dtype)


def triton_input(name, array, kind, binary=True):
    made = triton.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def fare_inputs(make, binary=True):
    """The release's inputs as numpy arrays."""
    texts = lambda name: np.array([str(q[name]).encode() for q in FULL], dtype=np.object_)
    return [make("ride", texts("ride"), "BYTES", binary), make("cabin", texts("cabin"), "BYTES", binary),
            make("seats", np.array([q["seats"] for q in FULL], dtype=np.int64), "INT64", binary),
            make("load", np.array([q["load"] for q in FULL], dtype=np.float64), "FP64", binary),
            make("loyal", np.array([q["loyal"] for q in FULL], dtype=np.bool_), "BOOL", binary),
            make("booked", texts("booked"), "BYTES", binary), make("price", texts("price"), "BYTES", binary),
            make("half", np.array([q["half"] for q in FULL], dtype=np.float32), "FP32", binary)]


# ---------------------------------------------------------------- Triton

def test_triton_health_and_metadata():
    with client() as c:
        assert c.is_server_live() and c.is_server_ready() and c.is_model_ready("lin")
        assert c.is_model_ready("fare", served().home.a) and not c.is_model_ready("none")
        assert c.is_server_live(query_params={"test_1": 1, "test_2": 2})
        about = c.get_server_metadata(headers={"test": "1"})
        assert about["name"] == "tandem" and "binary_tensor_data" in about["extensions"]
        about = c.get_model_metadata("lin")
        assert about["versions"] == [served().version] and about["inputs"][0]["datatype"] == "FP64"
        assert c.get_model_metadata("lin", served().version) == about
        config = c.get_model_config("lin")
        assert config["name"] == "lin" and config["input"][0]["data_type"] == "TYPE_FP64"
        assert {m["name"] for m in c.get_model_repository_index()} >= {"lin", "soft", "fare"}
        before = c.get_inference_statistics("lin")["model_stats"][0]["inference_count"]
        c.infer("lin", [triton_input("input", matrix(np.float64), "FP64")])
        assert c.get_inference_statistics("lin")["model_stats"][0]["inference_count"] == before + 5
        assert len(c.get_inference_statistics()["model_stats"]) >= 3


def test_triton_matrices():
    with client() as c:
        for dtype, kind in ((np.float64, "FP64"), (np.float32, "FP32"), (np.int32, "INT32"), (np.int64, "INT64"),
                            (np.uint8, "UINT8"), (np.float16, "FP16"), (np.bool_, "BOOL")):
            rows = matrix(dtype)
            for binary in (True, False):
                if kind == "FP16" and not binary:
                    continue
                result = c.infer("lin", [triton_input("input", rows, kind, binary)], request_id="q")
                same(result.as_numpy("prediction"), linear(rows))
                told = result.get_response()
                assert (told["model_name"], told["model_version"], told["id"]) == ("lin", served().version, "q")


def test_triton_requested_outputs():
    rows = matrix(np.float64)
    with client() as c:
        for binary in (True, False):
            wanted = [triton.InferRequestedOutput("raw", binary_data=binary),
                      triton.InferRequestedOutput("prediction", binary_data=not binary)]
            result = c.infer("lin", [triton_input("input", rows, "FP64")], outputs=wanted)
            same(result.as_numpy("raw"), linear(rows))
            same(result.as_numpy("prediction"), linear(rows))
            assert result.as_numpy("leaf") is None
        result = c.infer("soft", [triton_input("x", np.zeros((4, width(c))), "FP64")],
                         outputs=[triton.InferRequestedOutput(n) for n in ("prediction", "leaf")])
        assert result.as_numpy("prediction").shape == (4, 3) and np.allclose(result.as_numpy("prediction").sum(1), 1)
        assert result.as_numpy("leaf").dtype == np.int64 and result.as_numpy("leaf").shape == (4, 9)


def width(c):
    return c.get_model_metadata("soft")["inputs"][0]["shape"][1]


def test_triton_a_tensor_for_each_feature():
    rows = matrix(np.float64)
    with client() as c:
        inputs = [triton_input("a", rows[:, 0].copy(), "FP64", False), triton_input("b", rows[:, 1:2].copy(), "FP64"),
                  triton_input("c", rows[:, 2].astype(np.float32), "FP32")]
        rounded = rows.copy()
        rounded[:, 2] = rounded[:, 2].astype(np.float32)
        same(c.infer("lin", inputs).as_numpy("prediction"), linear(rounded))


def test_triton_numbers_that_are_not_finite():
    rows = np.array([[np.nan, 1, 1], [np.inf, 1, 1], [-np.inf, 1, 1]])
    with client() as c:
        for binary in (True, False):
            found = c.infer("lin", [triton_input("input", rows, "FP64", binary)]).as_numpy("prediction")
            assert np.isnan(found[0]) and found[1] == np.inf and found[2] == -np.inf, found


def test_triton_compression():
    rows = matrix(np.float64, 500)
    with client() as c:
        for there in (None, "gzip", "deflate"):
            for back in (None, "gzip", "deflate"):
                for binary in (True, False):
                    result = c.infer("lin", [triton_input("input", rows, "FP64", binary)],
                                     request_compression_algorithm=there, response_compression_algorithm=back)
                    same(result.as_numpy("prediction"), linear(rows))


def test_triton_async():
    with client(concurrency=4) as c:
        waiting = [(n, c.async_infer("lin", [triton_input("input", matrix(np.float32, n), "FP32")], request_id=str(n)))
                   for n in range(1, 30)]
        for n, one in waiting:
            result = one.get_result()
            assert result.get_response()["id"] == str(n)
            same(result.as_numpy("prediction"), linear(matrix(np.float32, n)))


def test_triton_aio():
    async def ask():
        async with triton_aio.InferenceServerClient(url()) as c:
            assert await c.is_server_live() and await c.is_server_ready() and await c.is_model_ready("lin")
            assert (await c.get_model_metadata("lin"))["name"] == "lin"
            async def one(n):
                made = triton_aio.InferInput("input", [n, 3], "FP64")
                made.set_data_from_numpy(matrix(np.float64, n), binary_data=bool(n % 2))
                result = await c.infer("lin", [made], response_compression_algorithm="gzip")
                same(result.as_numpy("prediction"), linear(matrix(np.float64, n)))
            await asyncio.gather(*(one(n) for n in range(1, 30)))
            try:
                await c.infer("none", [])
            except InferenceServerException as error:
                assert error.message().startswith("Request for unknown model"), error
            else:
                assert False, "an unknown model is answered"
    asyncio.run(ask())


def test_triton_releases():
    with client() as c:
        for binary in (True, False):
            result = c.infer("fare", fare_inputs(triton_input, binary), parameters={"as_of": fares.AS_OF},
                             outputs=[triton.InferRequestedOutput(n) for n in ("amount", "rung")])
            same(result.as_numpy("amount"), AMOUNTS)
            assert list(result.as_numpy("rung")) == [fares.rung(q).encode() for q in FULL]
            told = result.get_response()
            assert told["parameters"]["epoch"] == 4 and told["model_version"] == served().home.a
        by_default = c.infer("fare", fare_inputs(triton_input), parameters={"as_of": fares.AS_OF},
                             model_version=served().home.a[:12], priority=1, timeout=10_000_000)
        same(by_default.as_numpy("amount"), AMOUNTS)
        rows = np.array([[1.0, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]])
        same(c.infer("plain", [triton_input("input", rows, "FP64")]).as_numpy("prediction"),
             np.array([fares.plain_value(r) for r in rows]))


def test_triton_is_told_what_is_wrong():
    rows = matrix(np.float64)
    with client() as c:
        for model, inputs, status, text in (
                ("none", [triton_input("input", rows, "FP64")], "404", "Request for unknown model"),
                ("lin", [triton_input("input", rows[:, :2].copy(), "FP64")], "400", ""),
                ("lin", [triton_input("d", rows[:, 0].copy(), "FP64")], "400", ""),
                ("lin", [triton_input("input", np.array([[b"a", b"b", b"c"]], dtype=np.object_), "BYTES")], "400", ""),
                ("fare", fare_inputs(triton_input)[1:], "400", "ride")):
            try:
                c.infer(model, inputs)
            except InferenceServerException as error:
                assert error.status() == status and text in error.message(), error
            else:
                assert False, f"{model} is answered"
        for call in (c.get_model_metadata, c.get_model_config, c.get_inference_statistics):
            try:
                call("none")
            except InferenceServerException as error:
                assert error.message().startswith("Request for unknown model"), error
            else:
                assert False, "an unknown model is answered"
        try:
            c.load_model("lin")
        except InferenceServerException as error:
            assert error.status() == "400" and error.message(), error
        else:
            assert False, "a model is loaded"
        same(c.infer("lin", [triton_input("input", rows, "FP64")]).as_numpy("prediction"), linear(rows))


# ---------------------------------------------------------------- KServe

def kserve_input(name, array, kind, binary=True):
    made = InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def kserve(ask):
    async def run():
        async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0)) as c:
            await ask(c, f"http://{url()}")
    asyncio.run(run())


def values(response, name):
    output = next(o for o in response.outputs if o.name == name)
    return np.asarray(output.as_numpy(), dtype=np.float64).reshape(output.shape)


def test_kserve_health():
    async def ask(c, base):
        assert await c.is_server_live(base) is True and await c.is_server_ready(base) is True
        assert await c.is_model_ready(base, "lin") is True and await c.is_model_ready(base, "none") is False
    kserve(ask)


def test_kserve_matrices():
    async def ask(c, base):
        for dtype, kind in ((np.float64, "FP64"), (np.float32, "FP32"), (np.int32, "INT32")):
            rows = matrix(dtype)
            for binary in (True, False):
                for back in (True, False):
                    request = InferRequest("lin", [kserve_input("input", rows, kind, binary)], request_id="q",
                                           parameters={"binary_data_output": back})
                    response = await c.infer(base, request, model_name="lin")
                    same(values(response, "prediction"), linear(rows))
                    assert response.model_name == "lin" and response.id == "q"
        response = await c.infer(base, {"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP64",
                                                    "data": [[1, 2, 3]]}]}, model_name="lin")
        same(values(response, "prediction"), linear([[1, 2, 3]]))
    kserve(ask)


def test_kserve_releases():
    async def ask(c, base):
        for binary in (True, False):
            request = InferRequest("fare", fare_inputs(kserve_input, binary), parameters={"as_of": fares.AS_OF})
            response = await c.infer(base, request, model_name="fare", headers={"accept-encoding": "gzip"})
            same(values(response, "amount"), AMOUNTS)
            assert response.parameters["epoch"] == 4
    kserve(ask)


def test_kserve_is_told_what_is_wrong():
    async def ask(c, base):
        for model, rows, status in (("none", matrix(np.float64), 404), ("lin", matrix(np.float64)[:, :2].copy(), 400)):
            try:
                await c.infer(base, InferRequest(model, [kserve_input("input", rows, "FP64")]), model_name=model)
            except httpx.HTTPStatusError as error:
                assert error.response.status_code == status, error
                assert status != 404 or "Request for unknown model" in str(error), error
            else:
                assert False, f"{model} is answered"
    kserve(ask)


def test_zz_the_server_stops_cleanly():
    served().stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
