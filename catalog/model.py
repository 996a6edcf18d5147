"""The words that the catalogue's tables share."""

import json
import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

CpuQuantity = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]*m|[1-9][0-9]*)$")]
"""CPU as Kubernetes writes it: cores, or thousandths with an m."""
MemoryQuantity = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(Mi|Gi)$")]

_MIB_PER_GIB = 1024


class Model(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_M = TypeVar("_M", bound=Model)


def read(model: type[_M], path: Path) -> _M:
    """A YAML file as a model.

    Errors:
        pydantic.ValidationError: it is not of that shape.
    """
    # By way of JSON, where a strict model takes a text for an enum and a list for a tuple, and nothing else.
    return model.model_validate_json(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8"))))


class Zone(StrEnum):
    """Where a pod may run (Z1-Z4)."""

    HPC = "hpc"
    DATA = "data"
    EDGE = "edge"
    GENERAL = "general"


class Amounts(Model):
    """CPU and memory as Kubernetes quantities."""

    cpu: CpuQuantity
    memory: MemoryQuantity

    @property
    def cpu_m(self) -> int:
        """CPU in thousandths of a core."""
        return cpu_m(self.cpu)

    @property
    def memory_mib(self) -> int:
        """Memory in MiB."""
        return memory_mib(self.memory)


class Resources(Model):
    """What a pod is promised, and what it may take at most."""

    requests: Amounts
    limits: Amounts


class Replicas(Model):
    """How many pods, and between what bounds a setting may move that."""

    default: int = Field(ge=1)
    min: int = Field(ge=1)
    max: int = Field(ge=1)


def cpu_m(quantity: str) -> int:
    """A CPU quantity in thousandths of a core."""
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def memory_mib(quantity: str) -> int:
    """A memory quantity in MiB."""
    return int(quantity[:-2]) * (_MIB_PER_GIB if quantity.endswith("Gi") else 1)


def scaled_cpu(quantity: str, scale: float) -> str:
    """A CPU request on a machine that is `scale` times as large as planned; never nothing."""
    return f"{max(1, math.ceil(cpu_m(quantity) * scale))}m" if scale != 1 else quantity
