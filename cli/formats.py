"""What a model can be exported as."""

from enum import StrEnum


class Format(StrEnum):
    """`ARTIFACT` is model.tar.gz as it is registered; a SavedModel is a folder."""

    ARTIFACT = "artifact"
    ONNX = "onnx"
    TORCH = "torch"
    SAVEDMODEL = "savedmodel"
    KERAS = "keras"
