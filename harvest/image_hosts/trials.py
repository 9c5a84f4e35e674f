"""Trials of image hosts in trouble: one is asked for pictures that live until it serves one.

A host that refuses what lives is asked for nothing else meanwhile
(``harvest.trust.picture_trust``). A picture that it has served before comes first: where it still
serves that, it is not in trouble, but has lost some pictures. Otherwise those that it refused are
asked for in turn, at the pace of its breaker.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.trust.picture_trust import PictureTrust


class HostTrials:
    """Tries each host in trouble in a task of its own; for use within one event loop."""

    def __init__(
        self,
        hosts: ImageHosts,
        trust: PictureTrust,
        *,
        is_served: Callable[[PhotoReference], Awaitable[bool]],
        restored: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        """``is_served`` asks for a picture that lives; ``restored`` is told when a host is back."""
        self._hosts = hosts
        self._trust = trust
        self._is_served = is_served
        self._restored = restored
        self._say = say
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """See to it that each host in trouble is tried."""
        for name in self._trust.in_trouble():
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = tasks.create_task(self._try(name))

    async def _try(self, name: str) -> None:
        """Ask a host for pictures that live until it serves one, or for as long as is waited."""
        host = self._hosts.named(name)
        served, living = self._trust.living(name)
        with contextlib.suppress(asyncio.CancelledError):  # the crawl is stopped
            is_waited_for = True
            for reference in served:
                if await self._is_served(reference):
                    opened = self._trust.serves_some(name)
                    self._say(
                        f"the image server {name} serves other pictures: it has lost those of "
                        "posts that live, so pictures settle no posts in this crawl, and "
                        f"{opened} are asked of the API"
                    )
                    return
                is_waited_for = host.breaker.trial_failed()
            self._say(
                f"the image server {name} is in trouble: what is left is asked for when it serves "
                "a picture that lives"
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
                f"the image server {name} still refuses pictures that live: what it has not sent "
                "is failed, and asked for by the next crawl"
            )
            host.give_up()
