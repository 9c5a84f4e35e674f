"""The choice of ``--engine``: which encoder is run by ONNX Runtime, and which by torch.

torch is the reference, and the only one that trains. ONNX Runtime answers with the same numbers but
for rounding (1e-5 of a feature), on a CPU in a third to two thirds of the time, from a graph that
is made of torch's module (``model/engines/kept_graphs.py``). So features have the same keys and
names on disk, whatever computed them.
"""

from dataclasses import dataclass
from importlib.util import find_spec

from flickr_emotion.common.printing import say
from flickr_emotion.model.config import ONNXRUNTIME, TORCH
from flickr_emotion.model.engines.kept_graphs import KeptGraph, Write
from flickr_emotion.model.errors import ModelError

_RUNS, _MAKES = ("onnxruntime",), ("onnx", "onnxscript")
_REFUSED: set[str] = set()
"""The digests of encoders whose graphs cannot be made: not tried, nor said, twice in a process."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A frozen encoder, as far as the choice needs to know it."""

    name: str
    """As the user named it, with the option."""
    digest: str
    """Covers all that decides the features."""
    write: Write
    """Makes the graph. What is raised says that it cannot be made."""
    worthwhile: int
    """From how many inputs on, making a graph takes less time than it saves."""


def graph_for(
    encoder: Encoder, engine: str, *, inputs: int, device: str = "cpu"
) -> KeptGraph | None:
    """Return the graph that is to run an encoder; None where torch is to run it.

    ``inputs``: how many pictures or texts are to be read now. With ``auto`` a graph that is kept is
    used, and one is made only for many inputs. A fallback to torch is said in one line if another
    engine was asked for, or if a graph was tried. Raises ``ModelError`` if ``onnxruntime`` was
    asked for and is not installed.
    """
    if engine == TORCH:
        return None
    if device != "cpu":
        if engine == ONNXRUNTIME:
            say(f"torch runs {encoder.name} on {device}: onnxruntime runs encoders on CPUs")
        return None
    if not is_installed(_RUNS, engine):
        return None
    if encoder.digest in _REFUSED:
        return None
    graph = KeptGraph(encoder.digest)
    if graph.about() is not None:
        return graph
    is_worthwhile = engine == ONNXRUNTIME or inputs >= encoder.worthwhile
    if not is_worthwhile or not is_installed(_MAKES, engine):
        return None
    return graph if _is_made(graph, encoder) else None


def is_installed(packages: tuple[str, ...], engine: str) -> bool:
    """Return whether packages are there; raises ``ModelError`` if ``engine`` insists on them."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing and engine == ONNXRUNTIME:
        raise ModelError(
            f"--engine onnxruntime needs the package {missing[0]}: pip install "
            f"{' '.join((*_RUNS, *_MAKES))}, or give --engine torch"
        )
    return not missing


def _is_made(graph: KeptGraph, encoder: Encoder) -> bool:
    say(f"making a graph of {encoder.name} for onnxruntime, once: {graph.folder}")
    try:
        return graph.make(encoder.write)
    # What is raised depends on the encoder: there are hundreds.
    except Exception as error:
        _REFUSED.add(encoder.digest)
        lines = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        say(f"torch runs {encoder.name}: onnxruntime cannot ({lines[0][:200]})")
        return False


def check_equal(largest_difference: float, largest: float) -> None:
    """Raise ``ValueError`` if a graph's features are not those of its module.

    ``largest``: the largest feature; float32 has seven digits of it.
    """
    if not largest_difference <= 1e-5 * max(1.0, largest):
        raise ValueError(f"its features differ from torch's by {largest_difference:.1g}")
