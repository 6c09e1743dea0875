"""The kinds of field a recipe or a certificate is made of: exact numbers, names, dates.  No model here."""

import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

SIZE_DECADES_MAX = 12  # a setpoint outside 1e-12 .. 1e12 is a slip of the pen, and would cost digits


_LIMIT_WORDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}


class Table(BaseModel):
    """One table of a recipe or certificate: no other keys than these, never changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The limits of our exact numbers in the words of JSON Schema, which pydantic leaves in its own."""
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            for place in (field, *field.get("anyOf", ())):
                for word in _LIMIT_WORDS.keys() & place.keys():
                    place[_LIMIT_WORDS[word]] = place.pop(word)
        return schema


def _exact_number(written: object, told: ValidationInfo) -> Decimal:
    """The number as it is written, never by way of a float.  ValueError names what may stand there."""
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal | str):
        raise ValueError("must be a number")
    if isinstance(written, str) and told.mode != "json":  # our own JSON writes decimals as text
        raise ValueError("must be a number, written without quotation marks")
    try:
        number = Decimal(repr(written)) if isinstance(written, float) else Decimal(written)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite():
        raise ValueError("must be a finite number; nan and inf are refused")
    if number and abs(number.adjusted()) > SIZE_DECADES_MAX:
        raise ValueError(f"must be between 1e-{SIZE_DECADES_MAX} and 1e{SIZE_DECADES_MAX} in size")
    return number


Number = Annotated[Decimal, BeforeValidator(_exact_number, json_schema_input_type=float)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Share = Annotated[Number, Field(gt=0, le=1)]
Day = Annotated[datetime.date, Strict()]  # a number is no date
Celsius = Annotated[Number, Field(ge=-100, le=500)]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
"""One line of words: no control characters, because it is printed on consoles."""
