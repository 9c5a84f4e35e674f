#!/usr/bin/env bash
# torch 2.14.1: hooks of a step run twice in a subclass of Adam, if a plain Adam was made before.
#
# Usual guess: a hook that `register_step_post_hook` or `register_optimizer_step_post_hook` adds
#   runs once for each step of an optimiser, whatever other optimisers the process has made.
# Seen: a subclass of torch.optim.Adam whose `step` calls `super().step()` runs each hook once in a
#   fresh process. As soon as a plain torch.optim.Adam has been made anywhere in the process, also
#   one of a library, each hook runs twice for each step of the subclass. Making the first Adam
#   replaces `Adam.step`, for all, by a function that runs the hooks; the subclass has one already.
# So: a hook that counts steps, takes averages or saves a checkpoint must not trust its own count in
#   a subclass; or the subclass calls the undecorated step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
cat > "$folder/hooks.py" <<'PYTHON'
import sys

import torch


class Subclass(torch.optim.Adam):
    def step(self, closure=None):
        return super().step(closure)


if "plain-first" in sys.argv:
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
parameter = torch.nn.Parameter(torch.zeros(1))
optimiser = Subclass([parameter])
ran = []
optimiser.register_step_post_hook(lambda *_: ran.append("hook"))
for _ in range(3):
    parameter.grad = torch.ones(1)
    optimiser.step()
print(len(ran))
PYTHON
"$folder/venv/bin/python" -c "import torch; print('torch', torch.__version__)"
alone=$("$folder/venv/bin/python" "$folder/hooks.py")
beside=$("$folder/venv/bin/python" "$folder/hooks.py" plain-first)
echo "hooks that ran in 3 steps: $alone alone, $beside after a plain Adam was made"
[ "$alone" = 3 ]
[ "$beside" = 6 ]
