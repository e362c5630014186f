"""Asks a Tandem server for many flights with Triton's own Python client, unchanged: triton_ask.py ADDRESS AS_OF < KEYS.

Prints one JSON object: flight -> probability. Runs in an environment with requirements.txt beside this file.
"""
import json
import sys

import numpy as np
import tritonclient.http as triton


def main():
    address, as_of = sys.argv[1:3]
    keys = sys.stdin.read().split()
    client = triton.InferenceServerClient(address)
    if not (client.is_server_live() and client.is_server_ready() and client.is_model_ready("flight-delay")):
        sys.exit("the server is not ready")
    flights = triton.InferInput("flight_key", [len(keys)], "BYTES")
    flights.set_data_from_numpy(np.array(keys, dtype=object))       # binary tensors, as is this client's custom
    answer = client.infer("flight-delay", [flights], parameters={"as_of": as_of})
    late = answer.as_numpy("late")
    print(json.dumps(dict(zip(keys, late.tolist()))))
    client.close()


if __name__ == "__main__":
    main()
