"""`train` in a separate process that gets a signal at a given step; run by test_resume.py.

    python -m tests.model.stopping_training SIGNAL STEP ARGUMENT...

The process sends itself a real signal, so that it comes at the same step every time. With several
processes, the first one sends it to ``torchrun``; with ``SIGKILL@1``, rank 1 kills itself. ``none``
sends no signal. ``--no-dropout`` as the first argument sets ``WORD_DROPOUT`` to zero, so that a run
on two processes can be compared with one on one: dropout differs between ranks.
"""

import os
import signal
import sys
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

import flickr_emotion.model.networks.encoders
from flickr_emotion.commands.main import main


def run(arguments: list[str]) -> None:
    if arguments[0] == "--no-dropout":
        flickr_emotion.model.networks.encoders.WORD_DROPOUT = 0.0
        arguments = arguments[1:]
    name, at, *command = arguments
    name, _, itself = name.partition("@")
    process = os.getppid() if "RANK" in os.environ and not itself else os.getpid()
    steps = 0

    def after_a_step(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == int(at) and name != "none" and os.environ.get("RANK", "0") == (itself or "0"):
            os.kill(process, signal.Signals[name])

    register_optimizer_step_post_hook(after_a_step)
    sys.argv = ["cli.py", *command]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
