"""Types of the fields of commands. pydantic takes its time to import: `command.py` modules alone import this."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from singlewindow.ids import is_uscc


def _sound(party: str) -> str:
    if not is_uscc(party):
        raise PydanticCustomError(
            "uscc", "no unified social credit code: 18 characters with the right check character"
        )
    return party


Uscc = Annotated[str, AfterValidator(_sound)]
