"""Images without a container engine: a Python environment plus files at container paths (see docs/adr/0006).

registry.py      URI -> Image; build, tag, push                 (what the rest of the embedded cloud uses)
image.py         what a container is started from
managed.py       the table of AWS's managed and the public base images (managed.toml, requirements/)
dockerfile/      Dockerfile -> file tree and configuration
store.py         the images built here, content-addressed
environments.py  Python environments, built once for each content and shared
ecr.py           the embedded ECR
docker.py        the `docker` and `aws` commands that builds see
"""

from localcloud.images.errors import ImageNotFound
from localcloud.images.image import Image
from localcloud.images.registry import ImageRegistry

__all__ = ["Image", "ImageNotFound", "ImageRegistry"]
