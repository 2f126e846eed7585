"""botocore's models, read before a function's process is forked (standard library and the runtime's packages only).

Reading one costs more than most calls that are made with it. What was read here is given out once in each process, to
whoever asks for that file first, as the very object that reading would have given; then the file is read again.
"""

import os

import boto3
from botocore import loaders

# IAM's name of a service, where that is not botocore's of all that belong to it.
_NAMES = {"states": ["stepfunctions"], "sagemaker": ["sagemaker", "sagemaker-runtime"], "monitoring": ["cloudwatch"]}
# Allowed to nearly every role, and called by other services, seldom by functions.
_NOT_CALLED = ("logs", "kms", "xray", "ec2")
_EVERY_CLIENT = ("endpoints", "partitions", "sdk-default-configuration", "_retry")
_EVERY_SERVICE = ("service-2", "endpoint-rule-set-1")
_SOME_SERVICES = ("paginators-1", "waiters-2")
_DATA = loaders.Loader.BUILTIN_DATA_PATH

_read, _list = loaders.JSONFileLoader.load_file, loaders.Loader.list_available_services
_files = {}
_listed = {}


def install():
    """Reads what every client needs, and lets botocore's loaders look here first."""
    _read_files(os.path.join(_DATA, name) for name in _EVERY_CLIENT)
    usual = _usual()
    _listed.update({_question(usual, kind): _list(usual, kind) for kind in (*_EVERY_SERVICE, *_SOME_SERVICES)})

    def load_file(self, file_path):
        found = _files.pop(file_path, None)
        return _read(self, file_path) if found is None else found

    def list_available_services(self, type_name):
        found = _listed.get(_question(self, type_name))
        return _list(self, type_name) if found is None else list(found)

    loaders.JSONFileLoader.load_file = load_file
    loaders.Loader.list_available_services = list_available_services


def services(namespaces):
    """Reads the models of these services, called by the prefix of their actions in IAM; leaves out those that it does
    not know.
    """
    loader = loaders.Loader()
    called = sorted(set(namespaces).difference(_NOT_CALLED))
    names = {name for namespace in called for name in _NAMES.get(namespace, [namespace])}
    for name in sorted(names.intersection(_listed[_question(_usual(), "service-2")])):
        version = loader.determine_latest_version(name, "service-2")
        _read_files(os.path.join(_DATA, name, version, kind) for kind in _EVERY_SERVICE)


def _usual():
    """A loader as a session of boto3 has it: botocore's folder, then boto3's."""
    loader = loaders.Loader()
    loader.search_paths.append(os.path.join(os.path.dirname(boto3.__file__), "data"))
    return loader


def _read_files(paths):
    loader = loaders.JSONFileLoader()
    _files.update({path: _read(loader, path) for path in paths if path not in _files})


def _question(loader, kind):
    """All that the answer depends on, the packages' own files aside."""
    return type(loader.file_loader), tuple(loader._potential_locations()), kind
