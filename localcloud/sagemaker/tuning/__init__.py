"""Hyperparameter tuning jobs: which training jobs to launch, when to stop one early, and when the search is over.

checks.py      what of a request SageMaker refuses
space.py       parameter ranges and their scales
autotune.py    ranges from example values
search.py      the next combination: grid, random and Hyperband's random draws
bayesian.py    the next combination from the results so far, by Optuna's TPE
stopping.py    the rules of early stopping: the median rule, and Hyperband's successive halving
hyperband.py   HyperbandStrategyConfig
early_stopping.py  which running training jobs those rules end
trial.py       one training job of a tuning job: its summary and its part in the counters
warm_start.py  the results of parent tuning jobs
warm_start_checks.py  what of a WarmStartConfig SageMaker refuses
definition.py  the training job definitions, each with its objective and its space
request.py     the training job that a combination becomes
completion.py  whether, and why, the search is over
launcher.py    decides on the next training job, and creates it
tuner.py       one running tuning job
supervisor.py  starts, stops and resumes tuning jobs: one thread each

All that a search has decided is in the store, and every decision follows from it and the seed: a tuning job goes on
where it was when the embedded cloud is started again.
"""
