#!/usr/bin/env bash
# SQLite 3.40 (of Debian 12, and of pysqlite3-binary 0.5.0): integrity_check names NULL values in an
# intact WITHOUT ROWID table.
#
# Usual guess: a line of `PRAGMA integrity_check` or `quick_check` means that the file is damaged.
# Seen: a table of three NOT NULL columns whose primary key is the first and the third reports "NULL
#   value in" the second for each row, although every value is there and is read. With the columns of
#   the key first, or in SQLite 3.43, the same rows are ok.
# So: columns of the primary key of such a table come first, or a check of received files refuses
#   intact ones on some machines only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/check.py" <<'PYTHON'
from pysqlite3 import dbapi2 as sqlite3

found = []
for columns in ("a TEXT NOT NULL, b TEXT NOT NULL, c INTEGER NOT NULL",
                "a TEXT NOT NULL, c INTEGER NOT NULL, b TEXT NOT NULL"):
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({columns}, PRIMARY KEY (a, c)) WITHOUT ROWID")
    connection.execute("INSERT INTO t (a, b, c) VALUES ('x', 'y', 1)")
    assert connection.execute("SELECT a, b, c FROM t").fetchall() == [("x", "y", 1)]
    found.append(connection.execute("PRAGMA integrity_check").fetchone()[0])
print(f"SQLite {sqlite3.sqlite_version}: {found[0]}, with the key's columns first: {found[1]}")
PYTHON
for version in 0.5.0 0.5.2; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check pysqlite3-binary==$version
    "$folder/$version/bin/python" "$folder/check.py" | tee "$folder/$version.txt"
done
grep -qx "SQLite 3.40.0: NULL value in t.b, with the key's columns first: ok" "$folder/0.5.0.txt"
grep -qx "SQLite 3.43.1: ok, with the key's columns first: ok" "$folder/0.5.2.txt"
