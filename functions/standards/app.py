"""What the window is: its health, its interface as OpenAPI, and a page that shows it offline."""

from pathlib import Path

from singlewindow import clock, settings
from singlewindow.access import PUBLIC
from singlewindow.capability import Answer, Capability, Request

app = Capability("standards")

_HERE = Path(__file__).parent


@app.route("/health", allow=PUBLIC, responses={200: "Health"})
def health(_: Request) -> dict[str, str]:
    """The window answers; it says nothing of what stands behind it."""
    return {"status": "ok", "at": clock.stamp()}


@app.route("/openapi.json", allow=PUBLIC, responses={200: "Interface"})
def interface(_: Request) -> Answer:
    """This interface as OpenAPI 3.1."""
    # docs/ stands beside catalogue/, in the repository as in the layer.
    catalogue = Path(settings.get("CATALOGUE", str(_HERE.parents[1] / "catalogue")))
    text = (catalogue.parent / "docs/openapi.json").read_text(encoding="utf-8")
    return Answer(text, headers={"Cache-Control": "public, max-age=300"})


@app.route("/docs", allow=PUBLIC, responses={200: "text/html"})
def docs(_: Request) -> Answer:
    """This interface as a page, in Chinese and English; it loads nothing but `openapi.json` beside it."""
    text = (_HERE / "docs.html").read_text(encoding="utf-8")
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    }
    return Answer(text, headers=headers)
