"""The `jsonschema` package as the reference validator, with the one place mended where it is no reference.

JSON Schema's patterns are ECMA 262's, where `$` is the end of the text; Python's `$` also stands before a line end
there, so the package takes `0\\n` for a number. The canonical form never ends so; a mutated text may.
"""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Reference = extend(Draft202012Validator, {"pattern": _pattern})
