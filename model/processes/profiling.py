"""Profiles training steps for ``train --profile``.

The first steps are skipped: they load libraries, choose algorithms and compile. The trace opens in
Perfetto (ui.perfetto.dev) or Chrome (chrome://tracing). Our own parts are named in it: ``batch``
(waiting for the next batch), ``copy``, ``forward``, ``loss``, ``backward``, ``optimiser``.
"""

from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from flickr_emotion.common.whole_files import whole_file

STEPS_BEFORE = 3
STEPS_PROFILED = 10
_ROWS = 15


class StepProfile:
    """Records some training steps and writes them once the run's folder exists."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        activities = [ProfilerActivity.CPU]
        if self._on_gpu:
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(activities=activities)
        self._steps = 0
        self._running = self._recorded = False

    def step(self) -> None:
        """Mark the beginning of the next step."""
        if self._steps == STEPS_BEFORE:
            self._profile.start()
            self._running = True
        elif self._steps == STEPS_BEFORE + STEPS_PROFILED:
            self.stop()
        self._steps += 1

    def stop(self) -> None:
        """Stop recording for good."""
        if self._running:
            self._profile.stop()
            self._running, self._recorded = False, True

    def write(self, path: Path) -> str | None:
        """Write the trace; return the most expensive operations as a table.

        None if the training had no more steps than are skipped, or the trace was already written.
        """
        if not self._recorded:
            return None
        self._recorded = False
        with whole_file(path) as new:
            self._profile.export_chrome_trace(str(new))
        by = "self_cuda_time_total" if self._on_gpu else "self_cpu_time_total"
        table: str = self._profile.key_averages().table(
            sort_by=by, row_limit=_ROWS, max_name_column_width=40
        )
        return table
