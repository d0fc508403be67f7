"""Conveyance, voyage and bill, by mode of transport. Which modes a rule is about stands in its scope."""

import re
from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.ids import is_awb, is_imo
from singlewindow.rules import Params, Violation, add, replace, rule

_SHIP_BY_NUMBER = re.compile(r"UN(\d{7})", re.ASCII).fullmatch
_MASTER = re.compile(r"\d{3}-?\d{8}", re.ASCII).match


@rule("BILL-AIR-STYLE")
def bill_air_style(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Master air waybill, and `_` before a house waybill."""
    bill = declaration.head.get("bill_no")
    if bill is None or re.fullmatch(params["pattern"], bill):
        return
    pointer = declaration.head.at("bill_no")
    master = _MASTER(bill)
    house = re.sub(r"^[^0-9A-Za-z]+", "", bill[master.end() :]) if master else ""
    mended = f"{master[0]}_{house}" if master and house and re.fullmatch(r"[0-9A-Za-z-]+", house) else None
    yield Violation(
        pointer,
        given=bill,
        expected=mended or params["style"],
        fix=(replace(pointer, mended),) if mended else (),
    )


@rule("BILL-AIR-CHECK-DIGIT")
def bill_air_check_digit(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The last digit of an air waybill is its serial number modulo 7."""
    bill = declaration.head.get("bill_no") or ""
    master = _MASTER(bill)
    if master and not is_awb(master[0]):
        digit = str(int(master[0][-8:-1]) % 7)
        right = master[0][:-1] + digit
        yield Violation(declaration.head.at("bill_no"), given=bill, expected=right + bill[master.end() :])


@rule("BILL-SEA-STYLE")
def bill_sea_style(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Bill of lading, and `*` before a house bill."""
    bill = declaration.head.get("bill_no")
    if bill is None or re.fullmatch(params["pattern"], bill):
        return
    pointer = declaration.head.at("bill_no")
    mended = bill.replace("_", "*")
    fixes = (replace(pointer, mended),) if re.fullmatch(params["pattern"], mended) else ()
    yield Violation(pointer, given=bill, expected=mended if fixes else params["style"], fix=fixes)


@rule("BILL-ONE")
def bill_one(declaration: Sound, params: Params) -> Iterator[Violation]:
    """One declaration, one bill."""
    bill = declaration.head.get("bill_no")
    if bill is not None and re.search(params["separators"], bill):
        yield Violation(declaration.head.at("bill_no"), given=bill)


@rule("BILL-MISSING")
def bill_missing(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods that cross the border travel on a bill; early transit and periodic filing aside."""
    head = declaration.head
    if (
        head.absent("bill_no")
        and not declaration.in_transit
        and head.get("transport_name") not in params["periodic"]
    ):
        yield Violation(head.at("bill_no"))


@rule("TRANSPORT-NAME-MISSING")
def transport_name_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    if declaration.head.absent("transport_name") and not declaration.in_transit:
        yield Violation(declaration.head.at("transport_name"))


@rule("TRANSIT-NUMBER")
def transit_number(declaration: Sound, params: Params) -> Iterator[Violation]:
    """转关提前: `@` and the transit declaration's pre-entry number stand for the conveyance."""
    head = declaration.head
    if not declaration.in_transit:
        return
    if head.absent("transport_name"):
        yield Violation(head.at("transport_name"), expected=params["style"])
    name = head.get("transport_name")
    if name is not None and not re.fullmatch(params["patterns"].get(head.get("ie_flag") or "", ".*"), name):
        yield Violation(head.at("transport_name"), given=name, expected=params["style"])


@rule("TRANSIT-FLAG")
def transit_flag(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A transit number without the transit flag."""
    head = declaration.head
    name = head.get("transport_name")
    if name is None or not re.fullmatch(params["pattern"], name):
        return
    pointer = head.at("transit_flag")
    if head.get("transit_flag") == "0":
        yield Violation(pointer, given="0", expected="1", fix=(replace(pointer, "1"),), says={"name": name})
    elif head.absent("transit_flag"):
        yield Violation(pointer, expected="1", fix=(add(pointer, "1"),), says={"name": name})


@rule("VOYAGE-MISSING")
def voyage_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    if declaration.free_text.absent("voyage_no") and not declaration.in_transit:
        yield Violation(declaration.free_text.at("voyage_no"))


@rule("VOYAGE-DATE")
def voyage_date(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Trains and mail have no voyage number but the day of crossing, 8 digits."""
    voyage = declaration.free_text.get("voyage_no")
    if voyage is not None and not re.fullmatch(params["pattern"], voyage):
        yield Violation(declaration.free_text.at("voyage_no"), given=voyage, expected="YYYYMMDD")


@rule("SHIP-IMO")
def ship_imo(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A ship filed by number, `UN` and seven digits, has an IMO number with its check digit."""
    name = declaration.head.get("transport_name") or ""
    match = _SHIP_BY_NUMBER(name)
    if match and not is_imo(match[1]):
        yield Violation(declaration.head.at("transport_name"), given=name)


@rule("FLIGHT-NUMBER")
def flight_number(declaration: Sound, params: Params) -> Iterator[Violation]:
    name = declaration.head.get("transport_name")
    if name is None or declaration.in_transit or name in params["also"]:
        return
    if not re.fullmatch(params["pattern"], name):
        yield Violation(declaration.head.at("transport_name"), given=name, expected="CA428")


@rule("DELIVERY-ORDER-AIR")
def delivery_order_air(declaration: Sound, _: Params) -> Iterator[Violation]:
    """By air there is no delivery order to name."""
    number = declaration.head.get("delivery_order_no")
    if number is not None:
        yield Violation(declaration.head.at("delivery_order_no"), given=number)


@rule("DOMESTIC-COUNTRY")
def domestic_country(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods that don't cross the border come from, or go to, China."""
    country = declaration.head.get("trade_country")
    if country is not None and country != params["country"]:
        pointer = declaration.head.at("trade_country")
        fix = (replace(pointer, params["country"]),)
        yield Violation(pointer, given=country, expected=params["country"], fix=fix)


@rule("TRADE-COUNTRY-PORT")
def trade_country_port(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The country of departure (or arrival) is that of a port on the way."""
    head = declaration.head
    country = head.get("trade_country")
    names = params["ports"].get(head.get("ie_flag") or "", ())
    ports = [port for name in names if (port := head.get(name))]
    if country is None or not ports or len(ports) < len(names):
        return
    if all(port[:3] != country for port in ports):
        yield Violation(
            head.at("trade_country"), given=country, expected=" / ".join(sorted({p[:3] for p in ports}))
        )


@rule("DESTINATION-DIRECTION")
def destination_direction(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Imports end in China, exports elsewhere. Exports are often swapped: DecMessage swaps the tags."""
    home = params["country"]
    imports = declaration.head.get("ie_flag") == "I"
    for line in declaration.lines:
        destination = line.get("destination_country")
        if destination is None or (destination == home) == imports:
            continue
        pointer, origin = line.at("destination_country"), line.get("origin_country")
        swapped = origin is not None and (origin == home) == imports
        fix = (replace(pointer, origin), replace(line.at("origin_country"), destination)) if swapped else ()
        expected = origin if swapped else (home if imports else f"!= {home}")
        yield Violation(pointer, given=destination, expected=expected, fix=fix, says={"line": line.index + 1})
