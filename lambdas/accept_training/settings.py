"""What the stack tells this function."""

from dataclasses import dataclass

from shared.environment import require


@dataclass(frozen=True, kw_only=True)
class Settings:
    workloads_path: str

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(workloads_path=require("SLIPWAY_WORKLOADS_PATH"))
