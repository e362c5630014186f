"""The peer LitServe: one worker, one row a request. PEER_MODEL=FILE PEER_PORT=N peer_litserve.py"""

import os

import lightgbm
import litserve
import numpy as np


class Trees(litserve.LitAPI):
    def setup(self, device):
        self.booster = lightgbm.Booster(model_file=os.environ["PEER_MODEL"])

    def decode_request(self, request):
        return np.array(request["features"], dtype=np.float32).reshape(1, -1)

    def predict(self, x):
        return float(self.booster.predict(x, num_threads=1)[0])

    def encode_response(self, prediction):
        return {"prediction": prediction}


if __name__ == "__main__":
    server = litserve.LitServer(Trees(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PEER_PORT"]), num_api_servers=1, generate_client_file=False,
               log_level="warning", access_log=False)
