"""A folder of model files and inference.py -> a model that answers.

loading.py      both together
hooks.py        inference.py -> its functions, with defaults for the missing ones
predictor.py    a model and its hooks: parse, infer, encode
fingerprint.py  whether the model is the one that was evaluated
"""
