"""The standards of the window over HTTP, for people and for tools: its health, its interface, and its catalogue."""

from pathlib import Path
from typing import Any

from singlewindow import clock, settings
from singlewindow.access import PUBLIC, Throttle
from singlewindow.caching import FRESH, cacheable
from singlewindow.capability import BINARY_TYPES, Answer, Capability, Request
from singlewindow.pages import html
from standards import asking, codes, contents, difference, matrix, registry, search, structure

app = Capability("standards")

_HERE = Path(__file__).parent
# A page searches at every key; files and examples are asked for now and then.
_OFTEN, _SELDOM = Throttle(rate=100, burst=200), Throttle(rate=20, burst=40)
_FILES = Throttle(rate=5, burst=10)
_JUDGED = Throttle(rate=20, burst=40)
_LINK_SECONDS = 900
_CACHED = ("If-None-Match",)


@app.route("/health", allow=PUBLIC, responses={200: "Health"})
def health(_: Request) -> dict[str, str]:
    """The window answers; it says nothing of what stands behind it."""
    return {"status": "ok", "at": clock.stamp()}


@app.route(
    "/openapi.json", allow=PUBLIC, headers=_CACHED, responses={200: "Interface", 304: None}, throttle=_SELDOM
)
def interface(request: Request) -> Answer:
    """This interface as OpenAPI 3.1."""
    # docs/ stands beside catalogue/, in the repository as in the layer.
    root = Path(settings.get("CATALOGUE", str(_HERE.parents[1] / "catalogue"))).parent
    return cacheable(request, (root / "docs/openapi.json").read_text(encoding="utf-8"))


@app.route("/docs", allow=PUBLIC, headers=_CACHED, responses={200: "text/html", 304: None}, throttle=_SELDOM)
def docs(request: Request) -> Answer:
    """This interface as a page, in Chinese and English; it loads nothing but `openapi.json` beside it."""
    return html(request, _HERE / "docs.html")


@app.route(
    "/standards", allow=PUBLIC, headers=_CACHED, responses={200: "text/html", 304: None}, throttle=_SELDOM
)
def catalogue_page(request: Request) -> Answer:
    """The catalogue as a page, in Chinese and English: everything below, and a tester of messages."""
    # What is too large for a request goes straight to the address that was granted, on the archive's host: its name
    # is not known before. The policy's hashes keep any script but the page's own from using that.
    return html(request, _HERE / "standards.html", connect="'self' https: http:")


# --- elements -------------------------------------------------------------------------------------------------


@app.route(
    "/standards/elements",
    allow=PUBLIC,
    query=("q", "document", "agency", "sensitivity", "status", "cursor", "limit"),
    headers=_CACHED,
    responses={200: "Elements", 304: None},
    throttle=_OFTEN,
)
def elements(request: Request) -> Answer:
    """Data elements by name, definition, id, tag or pinyin initials, in Chinese or English; best first."""
    today = clock.business_date()
    page = asking.page(request.query, usual=50, most=500)
    found = search.find(asking.words(request.query), search.filters(request.query, today), today)
    answer = page.cut(found)
    return cacheable(request, answer | {"items": [search.brief(one) for one in answer["items"]]})


@app.route(
    "/standards/elements/{id}",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Element", 304: None},
    throttle=_OFTEN,
)
def element(request: Request, id: str) -> Answer:
    """One data element: definition, where it is used, by whom asked, and its places in messages."""
    if id not in contents.elements():
        raise asking.unknown("数据元", "element", id, search.nearest(id))
    return cacheable(request, search.whole(contents.elements()[id], clock.business_date()))


# --- documents ------------------------------------------------------------------------------------------------


@app.route(
    "/standards/documents",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Documents", 304: None},
    throttle=_OFTEN,
)
def documents(request: Request) -> Answer:
    """The canonical documents, every version."""
    return cacheable(request, {"items": [structure.brief(*key) for key in contents.documents()]})


@app.route(
    "/standards/documents/{name}/{version}",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Document", 304: None},
    throttle=_OFTEN,
)
def document(request: Request, name: str, version: str) -> Answer:
    """One document: sections, fields, obligations with their conditions, and who takes what."""
    return cacheable(request, structure.whole(*_document(name, version), clock.business_date()))


@app.route(
    "/standards/documents/{name}/{version}/schema",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "application/schema+json", 304: None},
    throttle=_OFTEN,
)
def schema(request: Request, name: str, version: str) -> Answer:
    """The JSON Schema (2020-12) of a document."""
    return cacheable(request, structure.schema(*_document(name, version)), "application/schema+json")


@app.route(
    "/standards/documents/{name}/{version}/form",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Form", 304: None},
    throttle=_OFTEN,
)
def form(request: Request, name: str, version: str) -> Answer:
    """The form of a document for an application: labels, help, inputs, codes, and who needs each field why."""
    from standards import forms

    return cacheable(request, forms.form(*_document(name, version), clock.business_date()))


@app.route(
    "/standards/documents/{name}/{version}/example",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: {"type": "object", "description": "a document that is valid by its schema"}, 304: None},
    throttle=_SELDOM,
)
def example(request: Request, name: str, version: str) -> Answer:
    """A complete example of a document, valid by its schema and by the code lists of today."""
    from standards import example as generated

    return cacheable(request, generated.example(*_document(name, version), clock.business_date()))


def _document(name: str, version: str) -> tuple[str, int]:
    """The key of a document; 404 names those that may be meant."""
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 5 else 0
    if (name, number) in contents.documents() and version == str(number):
        return name, number
    versions = [f"{known}/{has}" for known, has in contents.documents() if known == name]
    near = versions or asking.nearest(f"{name}/{version}", (f"{a}/{b}" for a, b in contents.documents()))
    raise asking.unknown("单证", "document", f"{name}/{version}", near)


# --- code lists -----------------------------------------------------------------------------------------------


@app.route(
    "/standards/codelists",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "CodeLists", 304: None},
    throttle=_OFTEN,
)
def codelists(request: Request) -> Answer:
    """The code lists, with their sources and crosswalks to other code sets."""
    return cacheable(request, {"items": codes.heads(clock.business_date())})


@app.route(
    "/standards/codelists/{id}",
    allow=PUBLIC,
    query=("as_at", "q", "cursor", "limit"),
    headers=_CACHED,
    responses={200: "CodeList", 304: None},
    throttle=_OFTEN,
)
def codelist(request: Request, id: str) -> Answer:
    """One code list as at a date; a retired code is answered with what took its place, and when."""
    if id not in contents.codelists():
        raise asking.unknown("代码表", "code list", id, asking.nearest(id, contents.codelists()))
    as_at, words = asking.day(request.query), asking.words(request.query)
    page = asking.page(request.query, usual=100, most=1000)
    standing, retired = codes.rows(id, words, as_at)
    near = codes.nearest(id, words) if words and not (standing or retired) else []
    found = {"as_at": as_at.isoformat(), "not_in_force": retired, "nearest": near}
    return cacheable(request, codes.head(id, as_at) | found | page.cut(standing))


# --- rules ----------------------------------------------------------------------------------------------------


@app.route(
    "/standards/rules",
    allow=PUBLIC,
    query=("as_at", "pack", "document", "q", "cursor", "limit"),
    headers=_CACHED,
    responses={200: "Rules", 304: None},
    throttle=_OFTEN,
)
def rules(request: Request) -> Answer:
    """The rules and parameters in force at a date, with their sources, and whether they can be judged."""
    as_at = asking.day(request.query)
    page = asking.page(request.query, usual=50, most=200)
    answer = page.cut(registry.find(request.query, as_at))
    items = [registry.shown(one, as_at) for one in answer["items"]]
    return cacheable(
        request, answer | {"as_at": as_at.isoformat(), "packs": registry.heads(), "items": items}
    )


# --- messages -------------------------------------------------------------------------------------------------


@app.route(
    "/standards/messages",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Messages", 304: None},
    throttle=_OFTEN,
)
def messages(request: Request) -> Answer:
    """The messages that we read, write or judge, in XML and EDIFACT."""
    ids = (*contents.messages(), *contents.interchanges())
    return cacheable(request, {"items": [structure.message_brief(id) for id in ids]})


@app.route(
    "/standards/messages/{id}",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Message", 304: None},
    throttle=_OFTEN,
)
def message(request: Request, id: str) -> Answer:
    """One message: the tree of its tags with their forms and elements, or its segments."""
    return cacheable(request, structure.message_whole(_message(id)))


@app.route(
    "/standards/messages/{id}/xsd",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "application/xsd+xml", 304: None},
    throttle=_SELDOM,
)
def xsd(request: Request, id: str) -> Answer:
    """The XML Schema of a message, by the code lists of today."""
    if _message(id) not in contents.messages():
        raise asking.unknown(
            "XML 报文（EDIFACT 报文没有 XSD）", "message in XML (EDIFACT has no XSD)", id, ()
        )
    from standards.xsd import xsd as written  # lxml takes 10 ms to import

    # Not application/xml: the gateway hands that on as bytes to those alone who ask for it by name.
    return cacheable(request, written(id).decode(), "application/xsd+xml")


def _message(id: str) -> str:
    known = (*contents.messages(), *contents.interchanges())
    if id not in known:
        raise asking.unknown("报文", "message", id, asking.nearest(id, known))
    return id


# --- harmonisation and change ---------------------------------------------------------------------------------


@app.route(
    "/standards/matrix",
    allow=PUBLIC,
    query=("document", "agency", "cursor", "limit"),
    headers=_CACHED,
    responses={200: "Matrix", 304: None},
    throttle=_OFTEN,
)
def harmonisation(request: Request) -> Answer:
    """Element × document × agency, and what a single submission saves, with how it is counted."""
    today = clock.business_date()
    page = asking.page(request.query, usual=100, most=1000)
    answer: dict[str, Any] = {
        "as_at": today.isoformat(),
        "agencies": [contents.agency_name(one) for one in matrix.agencies(today)],
        "reduction": matrix.reduction(today),
        "method_zh": matrix.METHOD_ZH,
        "method_en": matrix.METHOD_EN,
    }
    return cacheable(request, answer | page.cut(matrix.rows(request.query, today)))


@app.route(
    "/standards/diff",
    allow=PUBLIC,
    query=("from", "to", "kind", "cursor", "limit"),
    headers=_CACHED,
    responses={200: "Changes", 304: None},
    throttle=_OFTEN,
)
def diff(request: Request) -> Answer:
    """What changed between two dates: codes, rules, parameters, elements, documents, agencies."""
    asking.needed(request.query, "from")
    since, until = asking.day(request.query, "from"), asking.day(request.query, "to")
    if since > until:
        raise asking.bad("from", "not after `to`", "不得晚于 to")
    kind = asking.choice(request.query, "kind", difference.KINDS)
    page = asking.page(request.query, usual=100, most=500)
    changes = difference.between(since, until, kind)
    answer = page.cut(changes)
    return cacheable(
        request,
        answer
        | {
            "from": since.isoformat(),
            "to": until.isoformat(),
            "counts": difference.counts(changes),
            "items": [one.as_json() for one in answer["items"]],
        },
    )


# --- files ----------------------------------------------------------------------------------------------------


@app.route(
    "/standards/downloads",
    allow=PUBLIC,
    headers=_CACHED,
    responses={200: "Downloads", 304: None},
    throttle=_OFTEN,
)
def downloads(request: Request) -> Answer:
    """The files that the catalogue can be had as."""
    from standards import downloads as files

    return cacheable(request, {"items": files.listing()})


@app.route("/standards/downloads/{file}", allow=PUBLIC, responses={303: None}, throttle=_FILES)
def download(_: Request, file: str) -> Answer:
    """One file: to an address in the archive that is good for a quarter of an hour."""
    from singlewindow.aws import archive  # botocore takes longer to import than all of the catalogue to read
    from standards import downloads as files

    known = [one["file"] for one in files.listing()]
    if file not in known:
        raise asking.unknown("文件", "file", file, asking.nearest(file, known))
    key = archive.keep_once(files.build(file, clock.business_date()), files.media_type(file))
    address = archive.link(key, file, files.media_type(file), _LINK_SECONDS)
    return Answer({"location": address}, 303, {"Location": address, "Cache-Control": FRESH})


# --- conformance ----------------------------------------------------------------------------------------------


@app.route(
    "/standards/conformance",
    methods=("POST",),
    allow=PUBLIC,
    consumes=("application/json", *BINARY_TYPES),
    query=("as_at",),
    request={"description": "a message in JSON, XML or EDIFACT, as it is"},
    responses={200: "ConformanceReport"},
    larger="POST /standards/conformance/uploads",
    throttle=_JUDGED,
)
def conformance(request: Request) -> dict[str, Any]:
    """What a message is and where it departs from the standard: every deviation, with its place and how to mend it."""
    from standards.conformance import report  # lxml and the messages: no other route needs them

    return report(request.body, asking.day(request.query)).as_json()


@app.route(
    "/standards/conformance/uploads",
    methods=("POST",),
    allow=PUBLIC,
    request="command:standards.upload.Upload",
    responses={201: "UploadAddress"},
    throttle=_FILES,
)
def upload(request: Request) -> Answer:
    """An address for one message of more than 1 MB, and the one where its report will be."""
    from singlewindow import commands  # pydantic takes longer to import than all of this
    from standards.upload import Upload, granted

    answer = granted(commands.parse(Upload, request.json()))
    return Answer(answer, 201, {"Location": answer["report"]})


@app.route(
    "/standards/conformance/uploads/{id}",
    allow=PUBLIC,
    query=("as_at",),
    responses={200: "ConformanceReport"},
    throttle=_FILES,
)
def uploaded(request: Request, id: str) -> dict[str, Any]:
    """The report on what was uploaded; 404 until it has come, and after a day."""
    from standards.conformance import report
    from standards.upload import received

    return report(received(id), asking.day(request.query)).as_json()
