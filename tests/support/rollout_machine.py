"""The state machine "rollout" of a workload named digits, for tests that walk it."""

from infra.rollout.state_machine import RolloutStates

DEFINITION = RolloutStates(
    partition="aws",
    workload="digits",
    plan_function_arn="arn:plan",
    check_function_arn="arn:check",
    compare_function_arn="arn:compare",
    retire_function_arn="arn:retire",
    alerts_topic_arn="arn:topic",
).definition()
