#!/usr/bin/env bash
# DuckDB 2.0.1: the sum of an integer column is a DOUBLE in the Parquet file that COPY writes.
#
# Usual guess: sums of integers are integers in Parquet, as counts are.
# Seen: sum() of an INTEGER column is HUGEINT in DuckDB, a type that Parquet lacks, and COPY writes
#   it as DOUBLE without a word. count(*) in the same file stays int64.
# So: a table of votes that was aggregated by DuckDB has floats where a reader expects int32 votes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import pyarrow
import pyarrow.parquet as pq

print("DuckDB", duckdb.__version__, "pyarrow", pyarrow.__version__)
query = """
    SELECT photo_id, sum(votes) AS votes, count(*) AS rows
    FROM (VALUES ('1', 3), ('1', 2), ('2', 5)) AS posts (photo_id, votes)
    GROUP BY photo_id ORDER BY photo_id
"""
types = dict(zip(*(duckdb.sql(query).columns, map(str, duckdb.sql(query).types)), strict=True))
duckdb.sql(f"COPY ({query}) TO 'votes.parquet'")
written = {field.name: str(field.type) for field in pq.read_schema("votes.parquet")}
print("in DuckDB:", types)
print("in Parquet:", written)
assert types["votes"] == "HUGEINT"
assert written == {"photo_id": "string", "votes": "double", "rows": "int64"}
PYTHON
