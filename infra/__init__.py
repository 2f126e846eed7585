"""The stack as code: settings and manifests in, CloudFormation out.

Synthesis is a pure function of its inputs: nothing here calls AWS, reads the clock, the network or git.
Code folders (`lambdas/`, `training_code/`, `inference_code/`) are asset paths, never imports.
"""
