"""Trials of image hosts in trouble: request existing pictures until the host serves one.

While a host refuses existing pictures, nothing else is requested from it
(``harvest.trust.picture_trust``). The first trial is a picture that it has served before: if it
still serves that one, it is not in trouble, but has lost some pictures. Otherwise the existing
pictures that it refused are requested in turn, at the delays of its breaker.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.trust.picture_trust import PictureTrust


class HostTrials:
    """Tries each host in trouble in a separate task; for use within one event loop."""

    def __init__(
        self,
        hosts: ImageHosts,
        trust: PictureTrust,
        *,
        is_served: Callable[[PhotoReference], Awaitable[bool]],
        restored: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        """``is_served`` requests a picture; ``restored`` is called when a host is back."""
        self._hosts = hosts
        self._trust = trust
        self._is_served = is_served
        self._restored = restored
        self._say = say
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start a task for each host in trouble that has none."""
        for name in self._trust.in_trouble():
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = tasks.create_task(self._try(name))

    async def _try(self, name: str) -> None:
        """Request existing pictures from a host until it serves one or is given up."""
        host = self._hosts.named(name)
        served, living = self._trust.living(name)
        with contextlib.suppress(asyncio.CancelledError):  # The crawl is stopping.
            is_waited_for = True
            for reference in served:
                if await self._is_served(reference):
                    opened = self._trust.serves_some(name)
                    self._say(
                        f"the image server {name} has lost some pictures of existing posts: "
                        "refused pictures settle no posts in this crawl, and the API is asked "
                        f"about {opened} posts"
                    )
                    return
                is_waited_for = host.breaker.trial_failed()
            self._say(
                f"the image server {name} is in trouble: the remaining pictures are requested "
                "when it serves a picture that exists"
            )
            trials = itertools.cycle(living)
            while is_waited_for:
                if await self._is_served(next(trials)):
                    away = self._trust.serves_again(name)
                    self._say(f"the image server {name} serves pictures again, after {away:.0f} s")
                    self._restored()
                    return
                is_waited_for = host.breaker.trial_failed()
            self._trust.gave_up(name)
            self._say(
                f"the image server {name} still refuses pictures that exist: the remaining ones "
                "are recorded as failed, and the next crawl requests them again"
            )
            host.give_up()
