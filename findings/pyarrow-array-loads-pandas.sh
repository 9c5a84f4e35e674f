#!/usr/bin/env bash
# pyarrow 26.0.1 with pandas 3.1.1: `pa.array` of plain Python numbers imports pandas.
#
# Usual guess: pyarrow needs pandas only for `to_pandas` and `from_pandas`; a program that reads and
#   writes Arrow alone starts without it.
# Seen: `import pyarrow` and a schema do not load pandas, but the first `pa.array([1])` does, and so
#   does `pa.scalar(1)`, wherever pandas is installed. With one such array as a constant of a module,
#   importing that module imports pandas.
# So: a command that must start fast builds no Arrow array while its modules are imported. In this
#   project one constant made every crawl load pandas, a quarter of its start.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1
cat > "$folder/loads.py" <<'PYTHON'
import sys
from importlib.metadata import version

import pyarrow as pa

print("pyarrow", pa.__version__, "pandas", version("pandas"))
pa.schema([pa.field("a", pa.int64())])
before = "pandas" in sys.modules
if sys.argv[1] == "array":
    pa.array([1])
else:
    pa.scalar(1)
after = "pandas" in sys.modules
print(f"pandas is loaded before and after the first {sys.argv[1]}:", before, after)
assert (before, after) == (False, True)
PYTHON
for what in array scalar; do
    "$folder/venv/bin/python" "$folder/loads.py" "$what"
done
