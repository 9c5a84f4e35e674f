"""Programs that run with the modules of either build, wherever these lie in it.

Each prints as its last line ``{"seconds": .., "cpu": ..}`` of the part that counts.
"""

_FIND = """
import inspect, json, shutil, sys, tempfile, time
from importlib import import_module
from pathlib import Path

def find(name, *homes):
    for home in homes:
        try:
            return getattr(import_module(home), name)
        except (ImportError, AttributeError):
            pass
    raise SystemExit(f"this build has no {name} in any of {homes}")

def counted(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"seconds": wall, "cpu": cpu}))

def options(function, **wanted):
    return {n: v for n, v in wanted.items() if n in inspect.signature(function).parameters}
"""

PICTURE_FEATURES = (
    _FIND
    + """
import pyarrow.parquet as pq
import torch

data, encoder, weights, count, scratch = sys.argv[1:]
open_dataset = find(
    "open_dataset", "flickr_emotion.datasets.folder.reading", "datasets.reading"
)
read_posts = find("read_posts", "flickr_emotion.model.posts.posts", "model.posts")
Encoding = find("Encoding", "flickr_emotion.model.posts.posts", "model.posts")
load_backbone = find(
    "load_backbone", "flickr_emotion.model.features.backbone_weights", "model.image_backbones"
)
frozen_features = find(
    "frozen_features", "flickr_emotion.model.features.image_features", "model.features"
)
from tests.model.dataset_folder import StoredPost, write_dataset

column = pq.read_table(data, columns=["image"])["image"]
pictures = [content for content in column.to_pylist() if content][: int(count)]
posts = [StoredPost(photo_id=str(n), label="awe", image=it) for n, it in enumerate(pictures)]
folder = write_dataset(
    Path(tempfile.mkdtemp(dir=scratch)) / "d", {"train": posts, "validation": [], "test": []}
)
dataset = open_dataset(folder)
numbers = {"train": read_posts(dataset, "train", Encoding.of(dataset))}
torch.manual_seed(0)
backbone = load_backbone(encoder, weights)
chosen = options(frozen_features, engine="onnxruntime")

def features():
    frozen_features(
        dataset, backbone, numbers, run_folder=folder, device=torch.device("cpu"), **chosen
    )

features()  # a graph is made
shutil.rmtree(folder / "features")
counted(features)
"""
)

TEXT_FEATURES = (
    _FIND
    + """
import pyarrow.parquet as pq

data, count = sys.argv[1:]
homes = ("flickr_emotion.model.features.texts", "model.text_readers")
open_readers = find("open_readers", f"{homes[0]}.readers", homes[1])
try:
    most = find("POSTS_PER_READ", f"{homes[0]}.text_features")
except SystemExit:
    most = find("POSTS_TO_A_READ", "model.text_features")
cells = pq.read_table(data, columns=["description"])["description"].to_pylist()
texts = [" ".join(it.split()[:150]) for it in cells if it and len(it.split()) >= 5][: int(count)]
chosen = options(open_readers, engine="onnxruntime")
(reader,) = open_readers(["minilm"] if chosen else ["sentences"], **chosen)
reader.features(texts[:most])  # a graph is made

def features():
    for at in range(0, len(texts), most):
        reader.features(texts[at : at + most])

counted(features)
"""
)

HARVEST = (
    _FIND
    + """
data, count, with_pictures, out = sys.argv[1:]
homes = ("benchmarks.build.scale", "benchmarks.build_scale")
posts = find("RealPosts", *homes)(Path(data), with_pictures == "True")
find("write_harvest", *homes)(posts.draw(int(count)), Path(out))
"""
)

CHANGE_POSTS = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as ledger:
    ledger.execute(
        "UPDATE photos SET title = title || ' again' WHERE photos.rowid % 100 = ?",
        (int(sys.argv[2]) % 100,),
    )
"""

CRAWL = (
    _FIND
    + """
count, folder = sys.argv[1:]
homes = ("benchmarks.crawl.images", "benchmarks.images")
ours, serving = find("ours", *homes), find("serving", *homes)
# Removed only at the end: after many removals, ext4 creates files slowly for minutes.
scratch = Path(tempfile.mkdtemp(dir=folder))
with serving() as url:
    run = ours(url, int(count), scratch / "ours")
    assert run.files == int(count), run.files
print(json.dumps({"seconds": run.seconds, "cpu": run.cpu}))
"""
)
