"""One family of errors; RFC 9457 problem bodies."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from singlewindow.findings import Finding

PROBLEM_JSON = "application/problem+json"


class WindowError(Exception):
    """Something the caller must know: `status` is HTTP's, `code` a stable kebab-case name, `detail` a sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        detail_zh: str = "",
        findings: Iterable[Finding] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.detail_zh = detail_zh
        self.findings = tuple(findings)
        self.headers = dict(headers or {})
        self.members = members

    def problem(self, instance: str, correlation_id: str) -> dict[str, Any]:
        """The RFC 9457 body; extension members: code, detail_zh, correlation_id, findings and the error's own."""
        body: dict[str, Any] = {
            "type": f"urn:singlewindow:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "correlation_id": correlation_id,
        }
        if self.detail_zh:
            body["detail_zh"] = self.detail_zh
        if self.findings:
            body["findings"] = [finding.as_json() for finding in self.findings]
        return body | self.members


def not_found(what: str) -> WindowError:
    """404: also for what exists but is not the caller's to know of."""
    return WindowError(404, "not-found", f"{what} is not known", detail_zh="未找到")


def conflict(code: str, detail: str, detail_zh: str = "", **members: Any) -> WindowError:
    return WindowError(409, code, detail, detail_zh=detail_zh, **members)
