"""What searches and forms look up is what the catalogue and the code say now."""

from pathlib import Path
from typing import Any

import pytest

from infra import pinyin, touched


@pytest.mark.parametrize("writer", [pinyin, touched])
def test_the_file_is_what_it_would_be_written_as(writer: Any) -> None:
    assert writer.main(check=True) == 0


@pytest.mark.parametrize("writer", [pinyin, touched])
def test_a_stale_file_is_noticed_and_written_anew(writer: Any, tmp_path: Path) -> None:
    path = tmp_path / "written.json"
    path.write_text("{}")
    assert writer.main(check=True, path=path) == 1
    assert writer.main(check=False, path=path) == 0
    assert path.read_text() == writer.text()


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("净重（千克）", "jzqk"), ("征税率", "zsl"), ("车辆识别代码（VIN）", "clsbdmvin"), ("重复次数", "cfcs"),
        ("银行账号", "yhzh"), ("行邮税号", "xysh"), ("单耗", "dh"), ("校验码", "jym"), ("调整", "tz"),
    ],
)  # fmt: skip
def test_a_character_of_several_readings_is_read_as_its_phrase_has_it(name: str, initials: str) -> None:
    assert pinyin.initials({"one": name}) == {"one": initials}


def test_a_rule_touches_what_its_function_its_helpers_and_its_parameters_name() -> None:
    fields = touched.touched()["declaration"]
    assert "WEIGHT-NET-GROSS" in fields["net_weight"] and "WEIGHT-NET-GROSS" in fields["gross_weight"]
    assert "QUANTITY-SCALE" in fields["first_quantity"]  # through a helper of its module
    assert "CERTIFICATE-FIELDS" in fields["goods_name_en"]  # in its parameters
    assert "WEIGHT-NET-GROSS" not in fields["hs_code"]
