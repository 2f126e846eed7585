"""Amazon SageMaker, as the embedded cloud answers it.

``api`` answers the control plane's operations on the resources of ``resources/``, kept in ``store``; ``jobs`` and
``endpoints`` run what they describe; ``runtime_api`` answers InvokeEndpoint.
"""
