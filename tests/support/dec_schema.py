"""The published XSD of DecMessage, as it is and mended."""

from functools import cache
from typing import Any

from lxml import etree

from tests.support.sample_documents import ROOT

DATA = ROOT.parent / "shared" / "data"
XSD = DATA / "schema-cn" / "dec-2018" / "DecMessage_ImportSave_V1.0.xsd"
OFFICIAL = DATA / "samples-cn-dec" / "dec-2018-import.xml"
XS = "{http://www.w3.org/2001/XMLSchema}"

# Facets that admit no sensible value (domain A.15): an empty pattern refuses every text, and these patterns want
# their letters literally.
EMPTY_PATTERNS = (
    "FeeCurr", "InsurCurr", "InsurCurr", "OtherCurr", "TradeCurr", "SeqNo", "AgentCode", "DistinatePort", "FeeCurr",
    "InsurCurr", "OtherCurr", "TradeCode", "TradeCountry", "OriginCountry", "TradeCurr", "UseTo", "ContainerMd",
    "OperType",
)  # fmt: skip
LITERAL_PATTERNS = {
    "IEDate": "yyyyMMdd",
    "PDate": "yyyyMMdd",
    "SignDate": "yyyyMMddHH",
    "ValidTime": "yyyyMMdd",
    "SignTime": "yyyyMMdd hh:ss:mm",
}
# Facets that the official sample itself breaks with a value, each against its own documentation.
CONTRADICTED = {
    ("SignTime", "length"): "14, where the format that it documents has 17 characters",
    ("CertType", "length"): "3, where the list that it quotes has the one letter Y",
    ("EcoCertNo", "length"): "64, meant as the most: no number of a proof is that long",
    ("UseOrgPersonTel", "maxLength"): "5, for a telephone number",
    ("CopCode", "pattern"): ".{18} in the signature block, where organisation codes have nine characters",
}


def published() -> Any:
    return etree.parse(XSD)


@cache
def mended() -> Any:
    """The XSD without the facets named above, compiled."""
    tree = published()
    for facet in broken(tree):
        facet.getparent().remove(facet)
    return etree.XMLSchema(tree)


def broken(tree: Any) -> list[Any]:
    return [
        facet for facet in tree.iter(f"{XS}pattern", f"{XS}length", f"{XS}maxLength") if _is_broken(facet)
    ]


def owner(facet: Any) -> str:
    """The name of the element that a facet restricts."""
    return str(next(facet.iterancestors(f"{XS}element")).get("name"))


def _is_broken(facet: Any) -> bool:
    name, kind, value = owner(facet), etree.QName(facet).localname, facet.get("value")
    if kind == "pattern" and (value == "" or value == LITERAL_PATTERNS.get(name)):
        return True
    return (name, kind) in CONTRADICTED and not (name == "CopCode" and value != ".{18}")


def errors(message: bytes) -> list[str]:
    schema = mended()
    schema.validate(etree.fromstring(message))
    return [f"{error.line}: {error.message}" for error in schema.error_log]
