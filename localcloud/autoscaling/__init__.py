"""Application Auto Scaling for SageMaker endpoints: the API, and the loop that scales.

https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html

api.py         one JSON 1.1 request in, one answer out
targets.py     scalable targets and their tags
policies.py    scaling policies and the alarms that target tracking makes
schedules.py   scheduled actions
cron.py        at(), rate() and cron() expressions
activities.py  the record of what was scaled
alarms.py      alarm definitions, and their evaluation on datapoints
capacity.py    what a policy wants the capacity to be: pure functions
variants.py    the capacity of a production variant, through SageMaker's API
metrics.py     datapoints and alarms, through CloudWatch's API
scaler.py      the loop
"""
