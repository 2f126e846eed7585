"""A folder of model files and inference.py -> a model that answers.

loading.py      both together
hooks.py        inference.py -> its functions, with defaults for the missing ones
predictor.py    a model and its hooks: parse, infer, encode
torch_module.py the predict_fn of a workload that has none and whose model is a torch.nn.Module
cuda_graphs.py  such a model on a GPU
fingerprint.py  whether the model is the one that was evaluated
"""
