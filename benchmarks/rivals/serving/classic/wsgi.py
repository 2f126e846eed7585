"""The bring-your-own container that AWS's samples have shown since 2017: Flask, the model loaded at the first ping."""

from __future__ import annotations

import json

import flask
import networks

app = flask.Flask(__name__)


class ScoringService:
    """Holds the model of this worker."""

    model = None

    @classmethod
    def get_model(cls):
        if cls.model is None:
            cls.model = networks.load()
        return cls.model

    @classmethod
    def predict(cls, rows):
        return networks.answer(cls.get_model(), rows)


@app.route("/ping", methods=["GET"])
def ping():
    status = 200 if ScoringService.get_model() is not None else 404
    return flask.Response(response="\n", status=status, mimetype="application/json")


@app.route("/invocations", methods=["POST"])
def transformation():
    if flask.request.content_type != "application/json":
        return flask.Response(response="this predictor takes JSON", status=415, mimetype="text/plain")
    rows = json.loads(flask.request.data.decode("utf-8"))["instances"]
    result = json.dumps({"predictions": ScoringService.predict(rows)})
    return flask.Response(response=result, status=200, mimetype="application/json")
