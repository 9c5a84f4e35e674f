"""The column ``vote_distribution`` of a manifest: the share of each class in a photo's votes.

It is a struct with a number for each class, in the order of the manifest's classes, and not a list:
a few bytes of a file from others could encode a list of any length, but a struct has as many
numbers as its type says. Manifests have it since version 3, and only if their data set has it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

DISTRIBUTION = "vote_distribution"
_ROUNDING = 1e-6


def distribution_field(classes: Sequence[str]) -> pa.Field:
    """Return the column of a manifest with these classes."""
    shares = [pa.field(name, pa.float64(), nullable=False) for name in classes]
    return pa.field(DISTRIBUTION, pa.struct(shares))


def dictionary_paths(schema: pa.Schema) -> list[str]:
    """Return the column's parts as Parquet names them; none in a schema without it."""
    if DISTRIBUTION not in schema.names:
        return []
    return [f"{DISTRIBUTION}.{field.name}" for field in schema.field(DISTRIBUTION).type]


def shares_of(column: pa.Array) -> npt.NDArray[np.float64]:
    """Return the column's numbers, (rows, classes); a null has zeros."""
    columns = [pc.fill_null(it, 0.0).to_numpy(zero_copy_only=False) for it in column.flatten()]
    return np.stack(columns, axis=1)


def as_struct(lists: pa.Array, field: pa.Field) -> pa.Array:
    """Return lists of shares, as shards hold them, as the column ``field``.

    Raises ``ValueError`` if one has not as many numbers as there are classes.
    """
    classes = field.type.num_fields
    if pc.any(pc.not_equal(pc.list_value_length(lists), classes)).as_py():
        raise ValueError(f"a {DISTRIBUTION} has not {classes} numbers")
    there = lists.is_valid()
    numbers = np.zeros((len(lists), classes))
    held = lists.drop_null().flatten().to_numpy(zero_copy_only=False)
    numbers[there.to_numpy(zero_copy_only=False)] = held.reshape(-1, classes)
    columns = [pa.array(column) for column in numbers.T]
    return pa.StructArray.from_arrays(columns, fields=list(field.type), mask=pc.invert(there))


def are_shares(column: pa.Array) -> pa.Array:
    """Return whether each row is null, or has numbers from 0 whose sum is 1."""
    shares = shares_of(column)
    # A comparison with NaN is false.
    whole = (shares >= 0).all(1) & (np.abs(shares.sum(1) - 1) <= _ROUNDING)
    return pc.or_(pa.array(whole), column.is_null())


def unequal_shares(a: pa.RecordBatch, b: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return which rows of two manifests differ in it; one without this column has only nulls."""
    shares = [shares_of(it[DISTRIBUTION]) for it in (a, b) if DISTRIBUTION in it.schema.names]
    if not shares:
        return np.zeros(a.num_rows, bool)
    differs: npt.NDArray[np.bool_]
    if len(shares) == 2 and a.schema.field(DISTRIBUTION) == b.schema.field(DISTRIBUTION):
        differs = (shares[0] != shares[1]).any(1)
    else:
        differs = np.logical_or.reduce([it.any(1) for it in shares])  # a null has zeros
    return differs
