"""The peer BentoML: one worker, one row a request. PEER_MODEL=FILE bentoml serve peer_bentoml:Trees"""

import os
import typing

import bentoml
import lightgbm
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}},
                 metrics={"enabled": False})
class Trees:
    def __init__(self):
        self.booster = lightgbm.Booster(model_file=os.environ["PEER_MODEL"])

    @bentoml.api
    def predict(self, features: typing.List[float]) -> float:
        return float(self.booster.predict(np.array(features, dtype=np.float32).reshape(1, -1), num_threads=1)[0])
