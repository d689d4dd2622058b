"""How columns of the language's types are held in memory."""

import pyarrow as pa

from coterie.language.types import FLOAT, Kind, Type

_ARROW = {
    Kind.INTEGER: pa.int64(),
    Kind.MONEY: pa.decimal128(18, 4),
    Kind.FLOAT: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.DATE: pa.date32(),
    Kind.TIMESTAMP: pa.timestamp("us"),
}


def arrow_type(type_: Type, *, event: bool = False) -> pa.DataType:
    """How a column of a type is held; floats of events as exact decimals."""
    if type_.of is not None:
        return pa.list_(_ARROW[type_.of])
    return pa.decimal128(24, 9) if event and type_ == FLOAT else _ARROW[type_.kind]
