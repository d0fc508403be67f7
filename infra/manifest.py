"""The manifest: `chalicefile.json`, the only place where a capability is declared."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from infra import ROOT

# "<resource>:<verb>", where a resource may have a name of its own: "workflow:clearance:start".
Use = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*(:[a-z]+(-[a-z]+)*){1,2}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Defaults(_Entry):
    """What every function gets: memory in MB, timeout in seconds (the gateway waits 29 at most)."""

    memory: int = Field(ge=128, le=10240)
    timeout: int = Field(ge=1, le=900)


class Tuning(_Entry):
    """What one handler gets instead; `concurrency` reserves that many executions, and bounds them."""

    memory: int | None = Field(default=None, ge=128, le=10240)
    timeout: int | None = Field(default=None, ge=1, le=900)
    concurrency: int | None = Field(default=None, ge=1)


class Declared(_Entry):
    """One capability: its name in both languages, the system of the plan it answers, what it may touch."""

    title_en: str
    title_zh: str
    plan: str
    uses: tuple[Use, ...]
    tuning: dict[str, Tuning] = {}


class Manifest(_Entry):
    stack: Name
    runtime: str = Field(pattern=r"^python3\.\d+$")
    architecture: str = Field(pattern=r"^(arm64|x86_64)$")
    defaults: Defaults
    capabilities: dict[Name, Declared]

    def tuned(self, capability: str, handler: str) -> Tuning:
        """What `handler` runs with: its tuning over the defaults."""
        own = self.capabilities[capability].tuning.get(handler, Tuning())
        return Tuning(**self.defaults.model_dump() | own.model_dump(exclude_none=True))


def load(path: Path = ROOT / "chalicefile.json") -> Manifest:
    """The manifest at `path`; raises pydantic's `ValidationError` naming what is wrong in it."""
    return Manifest.model_validate_json(path.read_bytes())
