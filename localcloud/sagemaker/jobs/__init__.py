"""Training and processing jobs as supervised processes.

supervisor.py  starts, stops and recovers jobs: one thread a job
training.py    the life of a training job        processing.py  the life of a processing job
record.py      what the job writes into its document: states, transitions, times, the reason of a failure
failures.py    the reasons, in SageMaker's wording
inputs.py      the input data of a job's hosts: files placed, pipes fed
data_source.py a channel or a processing input: its mode, its order, a host's part of it
channels.py    which S3 objects a prefix or a manifest means, and where they land
augmented_manifest.py, recordio.py, object_reader.py, stream.py, pipe.py    Pipe mode
instances.py   hosts and instance groups
transfer.py    moving files from and to S3 with the job's role
code_requirements.py  requirements.txt, installed ahead
folder_sync.py, open_files.py    a folder that is kept in S3 while containers write to it
synced_folders.py  the folders of a training job for which that is asked
time_limits.py how long a job may run and wait
disruption.py  spot interruptions and lost instances
warm_pools.py  what ended jobs keep for the next that match
artifacts.py   a training job's output in S3
archive.py     model.tar.gz and output.tar.gz
layout.py      /opt/ml: its folders and the files of input/config
group.py       the containers of one job, one an instance
metrics.py     MetricDefinitions
metric_history.py  their values while the jobs run, for early stopping
role.py        the job's role: its clients and its containers' credentials
"""
