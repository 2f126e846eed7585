"""ministack, with our services in it. The only module that touches ministack's inside.

ministack keeps its settings and its state in module variables, read from the environment at import: one process is
one cloud. ``Gateway`` sets that environment, imports ministack, and changes it in the ways listed here; the contract
tests of ``tests/integration/localcloud`` pin each of them.

- Requests on loopback count as secure transport, unless the client says otherwise itself.
- Root requests are verified like everybody else's, by signature; the well-known test keys are not root.
- Requests without credentials reach an S3 object only when the bucket's policy lets everybody in.
- SageMaker is a service among the others, behind the same authentication and IAM evaluation.
- Denials name the resource.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud import authorization, clients
from localcloud.config import HOST, Config

Response = tuple[int, dict[str, str], Any]
SESSION_LIFETIME = timedelta(hours=12)
# Administration without credentials: any web page could reset the cloud by a cross-site form.
_CLOSED_PATHS = ("/_ministack/reset", "/_ministack/config")


class AccessDenied(Exception):
    """``message`` names the principal, the action and the resource, in AWS's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Caller:
    """Who signed a request that has been authenticated."""

    access_key_id: str
    arn: str


ControlPlane = Callable[[str, bytes, Caller], Response]
Runtime = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Response]]


class Gateway:
    """The ASGI application. Create it once a process, before anything imports ministack."""

    def __init__(self, config: Config) -> None:
        self.config = config
        _prepare_environment(config)
        self._app = importlib.import_module("ministack.app")
        self._evaluator = importlib.import_module("ministack.core.iam_evaluator")
        self._actions = importlib.import_module("ministack.core.iam_actions")
        self._verify_root()
        self._refuse_anonymous()
        self._name_resources_in_denials()
        clients.use_role_sessions(self._role_session)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"].startswith(_CLOSED_PATHS):
                await _not_found(send)
                return
            # ministack derives x-forwarded-proto from the scheme, where the client sent none.
            scope = {**scope, "scheme": "https"}
        await self._app.app(scope, receive, send)

    # -- SageMaker -----------------------------------------------------------------------------------------------

    def add_sagemaker(self, control_plane: ControlPlane, runtime: Runtime) -> None:
        """Register both APIs. ``control_plane`` is called in a thread, ``runtime`` on the event loop."""
        router = importlib.import_module("ministack.core.router")
        router.SERVICE_PATTERNS["sagemaker"] = {
            "target_prefixes": ["SageMaker."],
            "host_patterns": [r"sagemaker\.", r"runtime\.sagemaker\."],
        }
        self._actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
        self._actions._BOTOCORE_SERVICE_MAP["sagemaker"] = ["sagemaker", "sagemaker-runtime"]
        self._map_sagemaker_actions()

        async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
            operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
            if operation is None:
                return self._sagemaker_error(400, "UnknownOperationException", f"no operation {method} {path}")
            caller = Caller(self._access_key(headers, query), self._evaluator.caller_arn())
            try:
                self._authorize_secondary(operation, path, body, caller)
            except AccessDenied as denied:
                return self._sagemaker_error(403 if operation.runtime else 400, "AccessDeniedException", denied.message)
            if operation.runtime:
                return await runtime(method, path, headers, body)
            return await asyncio.to_thread(control_plane, operation.name, body, caller)

        self._app.SERVICE_HANDLERS["sagemaker"] = handle

    def _map_sagemaker_actions(self) -> None:
        original_action, original_arn = self._actions.extract_iam_action, self._actions.extract_resource_arn

        def action(service: str, method: str, path: str, headers: dict, body: bytes, query: dict) -> str | None:
            if service != "sagemaker":
                return original_action(service, method, path, headers, body, query)
            operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
            return operation.action if operation else None

        def arn(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
            if service != "sagemaker":
                return original_arn(service, method, path, headers, body, *rest)
            operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
            return self._sagemaker_resources(operation, path, body)[0] if operation else "*"

        self._actions.extract_iam_action, self._actions.extract_resource_arn = action, arn

    def _sagemaker_resources(self, operation: authorization.Operation, path: str, body: bytes) -> list[str]:
        region, account = self.config.region, self.config.account
        return authorization.resources(operation, path=path, body=body, region=region, account=account)

    def _authorize_secondary(self, operation: authorization.Operation, path: str, body: bytes, caller: Caller) -> None:
        """What ministack's router does not check: an operation's further resources, and tags given on creation."""
        found = self._sagemaker_resources(operation, path, body)
        for arn in found[1:]:
            self.authorize(caller, operation.action, arn)
        if authorization.tags_on_creation(operation, body):
            self.authorize(caller, "sagemaker:AddTags", found[0])

    @staticmethod
    def _sagemaker_error(status: int, code: str, message: str) -> Response:
        body = json.dumps({"__type": code, "message": message}).encode()
        return status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}, body

    # -- IAM -----------------------------------------------------------------------------------------------------

    def authorize(
        self, caller: Caller, action: str, resource_arn: str, context: Mapping[str, str] | None = None
    ) -> None:
        """A check besides the request's own, such as ``iam:PassRole``. Raises AccessDenied.

        ``context`` holds condition keys, for example ``{"iam:PassedToService": "sagemaker.amazonaws.com"}``.
        """
        denied = self._evaluator.enforce(
            caller.access_key_id,
            action,
            action.partition(":")[0],
            self.config.region,
            resource_arn=resource_arn,
            service_context=dict(context or {}),
        )
        if denied is None:
            return
        if isinstance(denied, self._evaluator.AuthError):
            raise AccessDenied(denied.message)
        explicit = denied.decision == "Deny"
        raise AccessDenied(self._actions.identity_denial_message(action, denied.principal_arn, resource_arn, explicit))

    def _role_session(self, config: Config, role_arn: str, session_name: str, principal: str) -> clients.Credentials:
        iam = importlib.import_module("ministack.services.iam")
        sts = importlib.import_module("ministack.services.sts")
        name = role_arn.rsplit("/", 1)[-1]
        role = iam._roles.get_scoped(config.account, None, name)
        if role is None or role["Arn"] != role_arn:
            raise clients.AccessDenied(f"{principal} cannot assume {role_arn}: there is no such role")
        if not self._trusts(role["AssumeRolePolicyDocument"], principal, role_arn):
            raise clients.AccessDenied(
                f"{principal} cannot assume {role_arn}: the role's trust policy does not allow sts:AssumeRole to it"
            )
        expiration = datetime.now(UTC) + SESSION_LIFETIME
        credentials = clients.Credentials(
            access_key_id=iam._gen_session_access_key(),
            secret_access_key=iam._gen_secret(),
            session_token=iam._gen_session_token(),
            expiration=expiration,
        )
        session = session_name[:64]
        sts.register_session(
            credentials.access_key_id,
            {
                "Arn": f"arn:aws:sts::{config.account}:assumed-role/{name}/{session}",
                "UserId": f"{role['RoleId']}:{session}",
                "SecretAccessKey": credentials.secret_access_key,
                "SessionToken": credentials.session_token,
                "Expiration": expiration.timestamp(),
                "AccountId": config.account,
                "PrincipalType": "AssumedRole",
            },
        )
        return credentials

    def _trusts(self, trust_policy: str | dict, principal: str, role_arn: str) -> bool:
        """Whether a role's trust policy lets a service assume it; ministack's own check takes any service."""
        context = self._evaluator.EvalContext(
            principal_arn=principal,
            principal_type="Service",
            principal_account=self.config.account,
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=self.config.region,
            service_context={"aws:sourceaccount": self.config.account, "aws:principalservicename": principal},
        )
        document = trust_policy if isinstance(trust_policy, dict) else json.loads(trust_policy)
        statements = document.get("Statement", [])
        # A trust policy has no Resource; the evaluator of resource policies wants one.
        statements = [
            {**statement, "Resource": "*"}
            for statement in (statements if isinstance(statements, list) else [statements])
            if statement.get("Principal") != "*"
        ]
        decision = self._evaluator.evaluate_resource_policy({"Statement": statements}, context, service=principal)
        return decision.decision == "Allow"

    def _access_key(self, headers: dict, query: dict) -> str:
        router = importlib.import_module("ministack.core.router")
        return router.extract_access_key_id(headers, query)

    def _verify_root(self) -> None:
        """ministack takes "test", any account number and the configured key for root, and checks no signature."""
        configured = self.config.access_key_id
        self._evaluator.is_root_access_key = lambda key: not key or key == configured
        self._evaluator._is_root_key = lambda key: not key

    def _refuse_anonymous(self) -> None:
        evaluator, original = self._evaluator, self._evaluator.enforce

        def enforce(access_key_id: str, iam_action: str, service: str, *rest: Any, **keywords: Any) -> Any:
            if service != "s3" or access_key_id or not evaluator._anonymous.get():
                return original(access_key_id, iam_action, service, *rest, **keywords)
            resource = keywords.get("resource_arn", "*")
            context = evaluator.EvalContext(
                principal_arn="anonymous",
                principal_type="Anonymous",
                principal_account="anonymous",
                action=iam_action,
                resource_arn=resource,
                region=self.config.region,
            )
            found = evaluator._resource_policy("s3", resource)
            if found and evaluator.evaluate_resource_policy(found[0], context).decision == "Allow":
                return None
            return evaluator.AuthError("MissingAuthenticationToken", "Access Denied")

        evaluator.enforce = enforce

    def _name_resources_in_denials(self) -> None:
        actions, original = self._actions, self._actions.access_denied_response

        def response(service: str, action: str, principal_arn: str, request_id: str, **keywords: Any) -> Response:
            identity = not (
                keywords.get("error_code") or keywords.get("message") or keywords.get("resource_policy_arn")
            )
            if identity:
                keywords["message"] = actions.identity_denial_message(
                    action, principal_arn, keywords.get("resource_arn", "*"), keywords.get("explicit_deny", False)
                )
            status, headers, body = original(service, action, principal_arn, request_id, **keywords)
            if service == "sagemaker" and identity and (keywords.get("headers") or {}).get("x-amz-target"):
                status, headers = 400, {**headers, "Content-Type": "application/x-amz-json-1.1"}
            return status, headers, body

        actions.access_denied_response = response


def _prepare_environment(config: Config) -> None:
    data = config.state_dir / "ministack"
    data.mkdir(parents=True, exist_ok=True)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "SERVICES", "USE_SSL", "LAMBDA_EXECUTOR"):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "AUTH": "true",
            "GATEWAY_PORT": str(config.port),
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": config.region,
            "MINISTACK_ACCOUNT_ID": config.account,
            "AWS_ACCESS_KEY_ID": config.access_key_id,
            "AWS_SECRET_ACCESS_KEY": config.secret_access_key,
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            # Snapshots are taken by us (see snapshot.py); object bodies go to disk as they arrive.
            "PERSIST_STATE": "0",
            "STATE_DIR": str(data),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": os.environ.get("LOCALCLOUD_LOG_LEVEL", "WARNING"),
            "DOCKER_HOST": "unix:///nonexistent/localcloud-uses-no-docker.sock",
            "NO_PROXY": ",".join(filter(None, [HOST, "localhost", os.environ.get("NO_PROXY", "")])),
        }
    )
    os.environ["no_proxy"] = os.environ["NO_PROXY"]


async def _not_found(send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
