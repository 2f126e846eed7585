"""One of AWS's managed images, as the stack refers to it."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, CfnMapping, Fn, Stack
from constructs import Construct

from infra.images.table import managed_image
from infra.manifest_fields import FrameworkImage


class ManagedImage(Construct):
    """The managed image for `image` on instances of `instance_type`, in a `section` of the manifest.

    The account that owns it differs by region, so the URI looks it up in a mapping by `AWS::Region`:
    that keeps the stack free of a region.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, image: FrameworkImage, instance_type: str, section: str
    ) -> None:
        super().__init__(scope, construct_id)
        row = managed_image(
            framework=image.framework, version=image.version, instance_type=instance_type, section=section
        )
        mapping = {region: {"account": account} for region, account in row.accounts.items()}
        account = CfnMapping(self, "Accounts", mapping=mapping).find_in_map(Aws.REGION, "account")
        host = Fn.join(".", [account, "dkr.ecr", Aws.REGION, Aws.URL_SUFFIX])
        self.uri = Fn.join("", [host, f"/{row.repository}:{row.tag}"])
        self.repository_arn = Stack.of(self).format_arn(
            service="ecr",
            account=account,
            resource="repository",
            resource_name=row.repository,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
