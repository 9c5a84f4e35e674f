#!/usr/bin/env bash
# pyarrow 26.0.1: `data_page_size` does not limit a page of large values, such as pictures.
#
# Usual guess: with data_page_size of 1 MiB (the default) a Parquet column of pictures has a page for
#   every picture or so, and a reader that streams `iter_batches(batch_size=1)` needs little memory.
# Seen: the writer looks at the size of a page only after each `write_batch_size` rows, 1,024 by
#   default. 200 values of 1 MB are one page of 200 MB, and reading the first row takes more than all
#   of them. With write_batch_size=1 the same file is read in less than a tenth of the memory.
# So: shards of pictures want a small write_batch_size or small row groups, and who reads the files of
#   others must not expect that small batches bound the memory.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > "$folder/pages.py" <<'PYTHON'
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

what, path, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what == "write":
    table = pa.table({"picture": [os.urandom(1_000_000) for _ in range(200)]})
    pq.write_table(
        table,
        path,
        use_dictionary=False,
        compression="none",
        data_page_size=2**20,
        write_batch_size=batch,
    )
else:
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
        first = next(file.iter_batches(batch_size=1, use_threads=False))
    assert first.num_rows == 1
    print(pa.default_memory_pool().max_memory() // 1_000_000)
PYTHON
"$folder/venv/bin/python" -c "import pyarrow; print('pyarrow', pyarrow.__version__)"
for batch in 1024 1; do
    "$folder/venv/bin/python" "$folder/pages.py" write "$folder/$batch.parquet" "$batch"
    peak[$batch]=$("$folder/venv/bin/python" "$folder/pages.py" read "$folder/$batch.parquet" "$batch")
    echo "write_batch_size $batch: the first row of 200 MB takes ${peak[$batch]} MB"
done
[ "${peak[1024]}" -ge 200 ]
[ "${peak[1]}" -le 20 ]
