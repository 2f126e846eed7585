"""Answers the same to everything."""


def predict_fn(data: list, model: None) -> list:
    return [0 for _ in data]
