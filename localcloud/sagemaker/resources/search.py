"""Search: the resources of one kind that an expression selects.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.pagination import Page, decode_token, encode_token
from localcloud.sagemaker.pipelines import parameters
from localcloud.sagemaker.resources.resource import Call, Document, Operation

_DEFAULT_PAGE = 10
# Value of Resource -> store kind, member of SearchRecord.
_SEARCHED = {
    "TrainingJob": ("training-job", "TrainingJob"),
    "HyperParameterTuningJob": ("hyper-parameter-tuning-job", "HyperParameterTuningJob"),
    "Experiment": ("experiment", "Experiment"),
    "ExperimentTrial": ("experiment-trial", "Trial"),
    "ExperimentTrialComponent": ("experiment-trial-component", "TrialComponent"),
    "Endpoint": ("endpoint", "Endpoint"),
    "Model": ("model", "Model"),
    "Pipeline": ("pipeline", "Pipeline"),
    "PipelineExecution": ("pipeline-execution", "PipelineExecution"),
    "ModelPackage": ("model-package", "ModelPackage"),
    "ModelPackageGroup": ("model-package-group", "ModelPackageGroup"),
}
Matches = Callable[[Any, str], bool]


def _search(call: Call, request: Document) -> Document:
    if request["Resource"] not in _SEARCHED:
        raise ValidationException(f"The embedded cloud does not cover Search of {request['Resource']}")
    kind, member = _SEARCHED[request["Resource"]]
    expression = request.get("SearchExpression", {})
    found = [document for document in map(_record, call.store.list(kind)) if _selected(document, expression)]
    by = request.get("SortBy", "LastModifiedTime")
    descending = request.get("SortOrder", "Descending") == "Descending"
    found.sort(key=lambda document: _sort_key(_property(document, by)), reverse=descending)
    return _page(request, found, member)


def _record(document: Document) -> Document:
    """The document as it is searched and answered: with its tags, and a time of change even if nothing changed it."""
    changed = document.get("LastModifiedTime", document["CreationTime"])
    found = document | {"Tags": document.get("_Tags", []), "LastModifiedTime": changed}
    if "_Parameters" in document:
        found["PipelineParameters"] = parameters.listed(document["_Parameters"])
    return found


def _page(request: Document, found: list[Document], member: str) -> Document:
    scope = ["Search", {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}]
    start = decode_token(request.get("NextToken"), scope=scope) or 0
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    token = encode_token(end, scope=scope) if end < len(found) else None
    # A model is found inside of what the model dashboard shows of it.
    items = [{member: {member: one} if member == "Model" else one} for one in found[start:end]]
    hits = {"Value": len(found), "Relation": "EqualTo"}
    return Page(member="Results", items=items, next_token=token).answer() | {"TotalHits": hits}


def _selected(document: Document, expression: Document) -> bool:
    verdicts = [_passes(document, chosen) for chosen in expression.get("Filters", [])]
    for nested in expression.get("NestedFilters", []):
        prefix = f"{nested['NestedPropertyName']}."
        items = _property(document, nested["NestedPropertyName"]) or []
        filters = [{**chosen, "Name": chosen["Name"].removeprefix(prefix)} for chosen in nested["Filters"]]
        verdicts.append(any(all(_passes(item, chosen) for chosen in filters) for item in items))
    verdicts += [_selected(document, inner) for inner in expression.get("SubExpressions", [])]
    return any(verdicts) if expression.get("Operator") == "Or" and verdicts else all(verdicts)


def _passes(document: Document, chosen: Document) -> bool:
    operator = chosen.get("Operator", "Equals")
    value = _property(document, chosen["Name"])
    if operator in ("Exists", "NotExists"):
        return (value is not None) == (operator == "Exists")
    if "Value" not in chosen:
        raise ValidationException(f"The filter on {chosen['Name']} with the operator {operator} needs a Value")
    return _OPERATORS[operator](value, chosen["Value"])


def _property(document: Document, path: str) -> Any:
    """``TrainingJobName``, ``HyperParameters.epochs``, ``Metrics.accuracy`` and ``Tags.team`` alike."""
    if path.startswith("Metrics."):
        named = {metric["MetricName"]: metric["Value"] for metric in document.get("FinalMetricDataList", [])}
        return named.get(path.removeprefix("Metrics."))
    if path.startswith("Tags."):
        return next((tag["Value"] for tag in document["Tags"] if tag["Key"] == path.removeprefix("Tags.")), None)
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _sort_key(value: Any) -> tuple[int, Any]:
    """Numbers before texts, and what has no such property at one end."""
    number = _number(value)
    if number is not None:
        return (1, number)
    return (2, str(value)) if value is not None else (0, 0)


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        return None


def _equal(value: Any, wanted: str) -> bool:
    left, right = _number(value), _number(wanted)
    if left is not None and right is not None:
        return left == right
    return value is not None and (str(value).lower() if isinstance(value, bool) else str(value)) == wanted


def _compared(holds: Callable[[float, float], bool]) -> Matches:
    def matches(value: Any, wanted: str) -> bool:
        left, right = _number(value), _number(wanted)
        return left is not None and right is not None and holds(left, right)

    return matches


_OPERATORS: dict[str, Matches] = {
    "Equals": _equal,
    "NotEquals": lambda value, wanted: not _equal(value, wanted),
    "Contains": lambda value, wanted: value is not None and wanted in str(value),
    "In": lambda value, wanted: any(_equal(value, one.strip()) for one in wanted.split(",")),
    "GreaterThan": _compared(lambda left, right: left > right),
    "GreaterThanOrEqualTo": _compared(lambda left, right: left >= right),
    "LessThan": _compared(lambda left, right: left < right),
    "LessThanOrEqualTo": _compared(lambda left, right: left <= right),
}

OPERATIONS: dict[str, Operation] = {"Search": _search}
