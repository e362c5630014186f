"""Requests as files: all bytes as they go over the wire, for serve_load and for a check of the answer beforehand.

A form says where a request goes and how a row becomes a body; all forms carry the same f32 values.
"""

import json
import struct


def numbers(row):
    return ",".join(repr(x) for x in row)


def post(path, body, **headers):
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def infer_path(model):
    return f"/v2/models/{model}/infer"


def oip_json(row, model="m"):
    """Open Inference Protocol, JSON."""
    body = f'{{"inputs":[{{"name":"input","shape":[1,{len(row)}],"datatype":"FP32","data":[{numbers(row)}]}}]}}'
    return post(infer_path(model), body.encode(), Content_Type="application/json")


def oip_binary(row, model="m"):
    """Open Inference Protocol, a JSON header and a binary tensor; binary answers, as Triton's client asks for them."""
    head = json.dumps({"inputs": [{"name": "input", "shape": [1, len(row)], "datatype": "FP32",
                                   "parameters": {"binary_data_size": 4 * len(row)}}],
                       "parameters": {"binary_data_output": True}}, separators=(",", ":")).encode()
    return post(infer_path(model), head + struct.pack(f"<{len(row)}f", *row), Content_Type="application/octet-stream",
                Inference_Header_Content_Length=len(head))


def oip_raw(row, model="m"):
    """Nothing but the tensor: 400 bytes for 100 features."""
    return post(infer_path(model), struct.pack(f"<{len(row)}f", *row), Content_Type="application/octet-stream",
                Inference_Header_Content_Length=0)


def plain_json(row):
    """What the peers of no protocol take."""
    return post("/predict", f'{{"features":[{numbers(row)}]}}'.encode(), Content_Type="application/json")


def body_size(request):
    return len(request) - request.index(b"\r\n\r\n") - 4


def prediction(head, body):
    """The one number of an answer, whichever form it has; `head` has lower-case names."""
    if "inference-header-content-length" in head:
        size = int(head["inference-header-content-length"])
        output = next(o for o in json.loads(body[:size])["outputs"] if o["name"] == "prediction")
        return struct.unpack({"FP64": "<d", "FP32": "<f"}[output["datatype"]], body[size:])[0]
    value = json.loads(body)
    if isinstance(value, dict):
        value = value["prediction"] if "prediction" in value else value["outputs"][0]["data"][0]
    return float(value)


class Files:
    """The requests of a form for some rows, and with each the body that must come back, once that is known."""

    def __init__(self, folder, name, requests):
        self.requests = requests
        self.paths = [folder / f"{name}-{i}.request" for i in range(len(requests))]
        self.expected = [None] * len(requests)
        folder.mkdir(parents=True, exist_ok=True)
        for path, request in zip(self.paths, requests):
            path.write_bytes(request)

    def expect(self, bodies):
        """From now on answers must be these to the byte."""
        for i, (path, body) in enumerate(zip(self.paths, bodies)):
            self.expected[i] = path.with_suffix(".body")
            self.expected[i].write_bytes(body)

    def arguments(self):
        return [word for path, body in zip(self.paths, self.expected)
                for word in ("--request", f"{path}={body}" if body else str(path))]
