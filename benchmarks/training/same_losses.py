"""Whether two trainings have the same loss curve: the proof of a change that is to change nothing.

    git worktree add ../older main
    python ../older/cli.py train D --out /tmp/older --seed 0 --device cpu
    python cli.py train D --out /tmp/newer --seed 0 --device cpu
    python -m benchmarks.training.same_losses /tmp/older /tmp/newer [--tolerance 1e-4]

It prints training and validation losses epoch by epoch and ends with exit code 1 where two differ,
by more than the tolerance, or where one run has more epochs. On one machine and device the same
seed gives the same losses to the last bit, so the tolerance is 0 unless the change reorders sums.
"""

import argparse
import json
import sys
from pathlib import Path

LOSSES = ("train_loss", "validation_loss")


def main() -> None:
    """Print a line for each epoch; exit with 1 where the curves differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("older", type=Path)
    parser.add_argument("newer", type=Path)
    parser.add_argument("--tolerance", type=float, default=0.0)
    arguments = parser.parse_args()
    older, newer = curve(arguments.older), curve(arguments.newer)
    largest = 0.0
    for number, (before, after) in enumerate(zip(older, newer, strict=False), 1):
        difference = max(abs(b - a) for b, a in zip(before, after, strict=True))
        largest = max(largest, difference)
        losses = "  ".join(f"{b:.6f} {a:.6f}" for b, a in zip(before, after, strict=True))
        print(f"epoch {number:2}  {losses}  difference {difference:.2g}")
    if len(older) != len(newer):
        sys.exit(f"the older run has {len(older)} epochs, the newer one {len(newer)}")
    if largest > arguments.tolerance:
        sys.exit(f"the curves differ by up to {largest:.2g}")
    print(f"the same over {len(older)} epochs")


def curve(run: Path) -> list[list[float]]:
    """Return the losses of a run's epochs, training before validation."""
    lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [[float(epoch[loss]) for loss in LOSSES] for epoch in map(json.loads, lines)]


if __name__ == "__main__":
    main()
