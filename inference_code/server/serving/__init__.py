"""What a worker serves.

models.py       one model
multi_model.py  or many, which come and go
service.py      a model as a worker serves it
parsing.py      a body -> what predict_fn gets
"""
