"""Who a request comes from, and what they may do: ministack's IAM, with its leniencies removed."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud import clients
from localcloud.config import Config

SESSION_LIFETIME = timedelta(hours=12)


class AccessDenied(Exception):
    """``message`` names the principal, the action and the resource, in AWS's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def register_sessions_in_turn() -> None:
    """ministack looks through all sessions for expired ones whenever it adds one, and here jobs and functions, each in
    a thread of its own, add theirs at once.
    """
    sts = importlib.import_module("ministack.services.sts")
    original, turn = sts.register_session, threading.Lock()

    def register(access_key: str, session: dict[str, Any]) -> None:
        with turn:
            original(access_key, session)

    sts.register_session = register


@dataclass(frozen=True)
class Caller:
    """Who signed a request that has been authenticated."""

    access_key_id: str
    arn: str


class Identity:
    """Hardens ministack's authentication when created, then answers questions about permissions."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._evaluator = importlib.import_module("ministack.core.iam_evaluator")
        self._actions = importlib.import_module("ministack.core.iam_actions")
        self._verify_root()
        self._refuse_anonymous()
        self._name_resources_in_denials()
        register_sessions_in_turn()

    def caller(self, headers: dict[str, str], query: dict[str, Any]) -> Caller:
        """The caller of the request being handled."""
        router = importlib.import_module("ministack.core.router")
        return Caller(router.extract_access_key_id(headers, query), self._evaluator.caller_arn())

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
            self._config.region,
            resource_arn=resource_arn,
            service_context=dict(context or {}),
        )
        if denied is None:
            return
        if isinstance(denied, self._evaluator.AuthError):
            raise AccessDenied(denied.message)
        explicit = denied.decision == "Deny"
        raise AccessDenied(self._actions.identity_denial_message(action, denied.principal_arn, resource_arn, explicit))

    def allows(self, caller: Caller, action: str, resource_arn: str, context: Mapping[str, str] | None = None) -> bool:
        """``authorize`` as a question."""
        try:
            self.authorize(caller, action, resource_arn, context)
        except AccessDenied:
            return False
        return True

    def role_allows(self, role_arn: str, action: str, resource_arn: str) -> bool:
        """Whether a role's own policies allow the action."""
        name = role_arn.rsplit("/", 1)[-1]
        context = self._evaluator.EvalContext(
            principal_arn=role_arn,
            principal_type="AssumedRole",
            principal_account=self._config.account,
            action=action,
            resource_arn=resource_arn,
            region=self._config.region,
        )
        iam = importlib.import_module("ministack.services.iam")
        policies = self._evaluator._gather_role_policies(name, self._config.account)
        limits = self._evaluator._permissions_boundary(iam._roles, name, self._config.account)
        return self._evaluator.evaluate(context, policies, *limits).decision == "Allow"

    def role_session(self, config: Config, role_arn: str, session_name: str, principal: str) -> clients.Credentials:
        """Assume a role as a service. Raises ``clients.AccessDenied``."""
        iam = importlib.import_module("ministack.services.iam")
        sts = importlib.import_module("ministack.services.sts")
        name, session = role_arn.rsplit("/", 1)[-1], session_name[:64]
        role = iam._roles.get_scoped(config.account, None, name)
        if role is None or role["Arn"] != role_arn:
            raise clients.AccessDenied(f"{principal} cannot assume {role_arn}: there is no such role")
        if not self._trusts(role["AssumeRolePolicyDocument"], principal, role_arn):
            raise clients.AccessDenied(
                f"{principal} cannot assume {role_arn}: the role's trust policy does not allow sts:AssumeRole to it"
            )
        credentials = clients.Credentials(
            access_key_id=iam._gen_session_access_key(),
            secret_access_key=iam._gen_secret(),
            session_token=iam._gen_session_token(),
            expiration=datetime.now(UTC) + SESSION_LIFETIME,
        )
        record = {
            "Arn": f"arn:aws:sts::{config.account}:assumed-role/{name}/{session}",
            "UserId": f"{role['RoleId']}:{session}",
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "Expiration": credentials.expiration.timestamp(),
            "AccountId": config.account,
            "PrincipalType": "AssumedRole",
        }
        sts.register_session(credentials.access_key_id, record)
        return credentials

    def _trusts(self, trust_policy: str | dict, principal: str, role_arn: str) -> bool:
        """Whether a role's trust policy lets a service assume it; ministack's own check takes any service."""
        context = self._evaluator.EvalContext(
            principal_arn=principal,
            principal_type="Service",
            principal_account=self._config.account,
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=self._config.region,
            service_context={"aws:sourceaccount": self._config.account},
        )
        document = trust_policy if isinstance(trust_policy, dict) else json.loads(trust_policy)
        statements = document.get("Statement", [])
        # A trust policy has no Resource, but the evaluator of resource policies wants one.
        statements = [
            {**statement, "Resource": "*"}
            for statement in (statements if isinstance(statements, list) else [statements])
        ]
        decision = self._evaluator.evaluate_resource_policy({"Statement": statements}, context, service=principal)
        return decision.decision == "Allow"

    def _verify_root(self) -> None:
        """ministack takes "test", any account number and the configured key for root, and checks no signature."""
        configured = self._config.access_key_id
        self._evaluator.is_root_access_key = lambda key: not key or key == configured
        self._evaluator._is_root_key = lambda key: not key

    def _refuse_anonymous(self) -> None:
        """ministack answers anonymous S3 requests as if root had sent them."""
        evaluator, original = self._evaluator, self._evaluator.enforce

        def enforce(access_key_id: str, iam_action: str, service: str, *rest: Any, **keywords: Any) -> Any:
            if service != "s3" or access_key_id or not evaluator._anonymous.get():
                return original(access_key_id, iam_action, service, *rest, **keywords)
            if self._public(iam_action, keywords.get("resource_arn", "*")):
                return None
            return evaluator.AuthError("MissingAuthenticationToken", "Access Denied")

        evaluator.enforce = enforce

    def _public(self, action: str, resource_arn: str) -> bool:
        found = self._evaluator._resource_policy("s3", resource_arn)
        context = self._evaluator.EvalContext(
            principal_arn="anonymous",
            principal_type="Anonymous",
            principal_account="anonymous",
            action=action,
            resource_arn=resource_arn,
            region=self._config.region,
        )
        return bool(found) and self._evaluator.evaluate_resource_policy(found[0], context).decision == "Allow"

    def _name_resources_in_denials(self) -> None:
        actions, original = self._actions, self._actions.access_denied_response

        def response(service: str, action: str, principal_arn: str, request_id: str, **keywords: Any) -> Any:
            own = not any(keywords.get(name) for name in ("error_code", "message", "resource_policy_arn"))
            if own:
                keywords["message"] = actions.identity_denial_message(
                    action, principal_arn, keywords.get("resource_arn", "*"), keywords.get("explicit_deny", False)
                )
            status, headers, body = original(service, action, principal_arn, request_id, **keywords)
            return status, {"x-amzn-requestid": request_id, **headers}, body

        actions.access_denied_response = response
