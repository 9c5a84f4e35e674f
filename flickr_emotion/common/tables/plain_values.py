"""Columns of Arrow's types as plain Python values.

Programs write the same column in different types: categories, views of strings, decimals, UUIDs,
numbers as floats because one is absent. Their readers must see the same values.
"""

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 2**53
"""Floating-point numbers hold all whole numbers up to this one."""


def plain_values(column: "pa.Array", classes: Sequence[str] | None = None) -> list[Any]:
    """Return a column's values: strings, whole and other numbers, bytes, lists, dictionaries.

    Whole numbers are ``int`` in whatever type they are stored; NaN is absent. With ``classes``,
    numbers are names of this list; -1, Hugging Face's mark of a missing label, is absent.
    """
    import pyarrow as pa

    kind = column.type
    if classes is None and (pa.types.is_string(kind) or pa.types.is_integer(kind)):
        found: list[Any] = column.to_pylist()  # most columns
        return found
    values = [plain_value(value) for value in column.to_pylist()]
    if classes is not None:
        return [_class(value, classes) for value in values]
    return values


def plain_value(value: Any) -> Any:
    """Return a value in a plain type."""
    if isinstance(value, (str, bytes, bool, int)) or value is None:
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    if isinstance(value, Decimal):
        if value.is_nan():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list):
        return [plain_value(entry) for entry in value]
    if isinstance(value, dict):
        return {key: plain_value(entry) for key, entry in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _class(value: Any, classes: Sequence[str]) -> Any:
    if not isinstance(value, int) or value == -1:
        return value if value != -1 else None
    return classes[value] if 0 <= value < len(classes) else value
