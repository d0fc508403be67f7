"""`python -m infra.pinyin` writes catalogue/pinyin.json, what elements are found by when somebody types initials.

境内收发货人 is found by `jnsfhr`. Characters that are read in more than one way are read as the phrase that they stand
in has them. `--check` says whether the file is what the elements' names say, and fails where it is not.
"""

import json
import sys
from pathlib import Path
from typing import Any

from infra import ROOT
from infra.generated import settle

PATH = ROOT / "catalogue/pinyin.json"
# Phrases that the dictionary does not have, and reads character by character: 行 is a line here, and 长 a length.
_PHRASES = {
    "行次": "háng cì", "行号": "háng hào", "行数": "háng shù", "行项": "háng xiàng", "商品行": "shāng pǐn háng",
    "长宽高": "cháng kuān gāo", "调离": "diào lí", "调出": "diào chū", "调入": "diào rù",
}  # fmt: skip


def initials(names: dict[str, str]) -> dict[str, str]:
    """Small initials and digits of each name; Latin letters in it stay as they are."""
    from pypinyin import Style, lazy_pinyin, load_phrases_dict

    load_phrases_dict({phrase: [[one] for one in read.split()] for phrase, read in _PHRASES.items()})
    return {
        id: "".join(
            part
            for text in lazy_pinyin(name, style=Style.FIRST_LETTER)
            for part in text.casefold()
            if part.isascii() and part.isalnum()
        )
        for id, name in names.items()
    }


def text() -> str:
    """The file as the elements of now make it, one a line."""
    names: dict[str, str] = {}
    for path in sorted((ROOT / "catalogue/elements").glob("*.json")):
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names |= {one["id"]: one["name_zh"] for one in raw["elements"]}
    found = initials(dict(sorted(names.items())))
    rows = ",\n".join(f"  {json.dumps(id)}: {json.dumps(letters)}" for id, letters in found.items())
    return f'{{\n "written_by": "python -m infra.pinyin",\n "initials": {{\n{rows}\n }}\n}}\n'


def main(check: bool, path: Path = PATH) -> int:
    return settle({path: text()}, check=check)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
