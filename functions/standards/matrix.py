"""The harmonisation matrix, element × document × agency, and what a single submission saves."""

from collections.abc import Iterable, Mapping
from datetime import date

from standards import asking, contents, usage
from standards.contents import Json

METHOD_ZH = (
    "“合并前”：假设每个部门各自设表，逐单证、逐部门统计其所取数据元（同一部门在同一单证内重复出现的数据元计一次），求和；"
    "“合并后”：单一申报中至少被一个部门取用的不同数据元数，总计行跨单证去重（同一数据元在多个单证中只填报一次）；"
    "复用率 = 送达数 ÷ 填报数，其中送达数即合并前总数、填报数即合并后总数；无部门取用的数据元不计入两者，单列。"
    "各部门在各自触发条件成立时才实际取数，且一票货物一般不会涉及全部单证，故总计为上限口径。"
    "报关单的取用范围来自各部门当日有效的报文投影，其他单证来自单证定义中的取用部门。"
)
METHOD_EN = (
    "Before: as if each agency had a form of its own, the elements that it takes of each document, summed over agencies"
    " and documents (an element that stands twice in one document counts once there). After: the distinct elements that"
    " at least one agency takes of the single submission; overall, an element of several documents is typed once."
    " Re-use ratio: delivered / typed, where delivered is the sum before and typed the number after. Elements that no"
    " agency takes are in neither, and counted apart. An agency takes its part only where its triggers hold, and hardly"
    " a consignment needs every document: the overall figures are an upper bound. Who takes what of the declaration"
    " follows from the agencies' projections in force today, of other documents from the documents themselves."
)


def rows(query: Mapping[str, str], as_at: date) -> list[Json]:
    """One row a field; 400 names a document or agency that is none. `agency` keeps the fields that it takes."""
    document = asking.choice(query, "document", contents.document_names())
    agency = asking.choice(query, "agency", agencies(as_at))
    found = []
    for place in contents.all_places():
        if document not in (None, place.document):
            continue
        asked = usage.asked_by(place, as_at)
        if agency and asked.get(agency, "–") == "–":
            continue
        element = contents.elements()[place.element]
        found.append(
            {
                "element": place.element,
                "name": element["name"],
                "name_zh": element["name_zh"],
                "name_en": element["name_en"],
                "document": place.document,
                "version": place.version,
                "place": place.pointer,
                "obligation": place.obligation,
                "condition": place.condition,
                "agencies": {agency: asked[agency]} if agency else asked,
            }
        )
    return found


def agencies(as_at: date) -> list[str]:
    """Whoever takes anything of any document, customs first."""
    every = {agency for key in contents.documents() for agency in contents.takers(*key, as_at)}
    return sorted(every, key=lambda one: (not contents.agencies().get(one, {}).get("releases"), one))


def reduction(as_at: date) -> Json:
    """Elements asked before and after, per document and overall; only the newest version of a document counts."""
    newest = dict(sorted(contents.documents()))
    by_document = {name: _taken(name, version, as_at) for name, version in newest.items()}
    documents = [
        {"document": name, "version": version, "by_agency": _sizes(by_document[name])}
        | _figures(by_document[name].values(), _elements(name, version))
        for name, version in newest.items()
    ]
    taken = [elements for one in by_document.values() for elements in one.values()]
    everything = frozenset().union(*(_elements(name, version) for name, version in newest.items()))
    return {"documents": documents, "overall": _figures(taken, everything)}


def _figures(taken: Iterable[frozenset[str]], defined: frozenset[str]) -> Json:
    taken = list(taken)
    delivered, typed = sum(map(len, taken)), len(frozenset().union(*taken))
    return {
        "before": delivered,
        "after": typed,
        "saved": delivered - typed,
        "reuse_ratio": f"{delivered / typed:.2f}" if typed else None,
        "not_taken": len(defined) - typed,
    }


def _taken(name: str, version: int, as_at: date) -> dict[str, frozenset[str]]:
    """Agency to the elements that it takes of a document."""
    element = {place.pointer: place.element for place in contents.places(name, version)}
    return {
        agency: frozenset(element[pointer] for pointer in taken)
        for agency, taken in contents.takers(name, version, as_at).items()
    }


def _elements(name: str, version: int) -> frozenset[str]:
    return frozenset(place.element for place in contents.places(name, version))


def _sizes(taken: Mapping[str, frozenset[str]]) -> Json:
    return {agency: len(elements) for agency, elements in taken.items()}
