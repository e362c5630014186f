"""The peer MLServer's model: a runtime of our own, because mlserver-lightgbm predicts with every thread of the machine.
Its settings, with no parallel workers, are written by peers.py."""

import lightgbm
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Trees(MLModel):
    async def load(self):
        self.booster = lightgbm.Booster(model_file=self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        x = NumpyCodec.decode_input(payload.inputs[0])
        out = self.booster.predict(x, num_threads=1)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("prediction", out)])
