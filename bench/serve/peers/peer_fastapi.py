"""The peer FastAPI: one process of uvicorn with uvloop and httptools, no access log, JSON by orjson without pydantic,
which is the fastest way that FastAPI has. Model by ONNX Runtime (PEER_RUNTIME=onnx) or LightGBM, on one thread.

    PEER_MODEL=FILE PEER_RUNTIME=onnx|lightgbm PEER_PORT=N peer_fastapi.py
"""

import os

import fastapi
import numpy as np
import orjson
import uvicorn


def onnx_predict(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda x: float(session.run(["probabilities"], {"input": x})[0][0, 1])


def lightgbm_predict(path):
    import lightgbm
    booster = lightgbm.Booster(model_file=path)
    return lambda x: float(booster.predict(x, num_threads=1)[0])


predict = {"onnx": onnx_predict, "lightgbm": lightgbm_predict}[os.environ["PEER_RUNTIME"]](os.environ["PEER_MODEL"])
app = fastapi.FastAPI()


@app.post("/predict")
async def answer(request: fastapi.Request):
    x = np.array(orjson.loads(await request.body())["features"], dtype=np.float32).reshape(1, -1)
    return fastapi.Response(orjson.dumps({"prediction": predict(x)}), media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PEER_PORT"]), loop="uvloop", http="httptools",
                access_log=False, log_level="warning")
