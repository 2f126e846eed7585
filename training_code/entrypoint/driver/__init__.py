"""The program that every training and processing container starts, on any image that has Python 3.9.

Standard library only.

    job.py           what SageMaker tells a training container in /opt/ml/input/config
    processing.py    what it tells a processing container in /opt/ml/config, and what the script gets of it
    archive.py       the zip of the channel (or input) `code` -> a folder
    requirements.py  requirements.txt -> installed, when it is not already
    environment.py   job -> SM_* variables and the script's arguments
    launch.py        the command, with torchrun when there is more than one process to start
    supervise.py     the running script: signals forwarded, the end of its standard error kept
    failure.py       how it ended -> /opt/ml/output/failure (of a processing job: message)
    run.py           the order of all that

Source of the layout: "How Amazon SageMaker AI provides training information"
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""
