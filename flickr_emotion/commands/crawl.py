"""``crawl``: fetches the posts behind published lists of Flickr URLs into a harvest folder."""

from typing import Annotated

import typer

from flickr_emotion.command_line.output import say_json, show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.common.printing import say
from flickr_emotion.harvest.crawl.options import CrawlOptions


@command("crawl", options=CrawlOptions)
def crawl(
    options: CrawlOptions,
    *,
    plan: Annotated[
        bool, typer.Option("--plan", help="Estimate the cost of the crawl in API calls, and stop.")
    ] = False,
    max_loss: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0,
            max=1,
            help="Fraction of photos that may end failed or corrupt; above it, exit code 3.",
        ),
    ] = 0.01,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Write log lines as JSON objects.")
    ] = False,
) -> None:
    """Fetch the posts behind published lists of Flickr URLs.

    Run it again to continue.
    """
    from flickr_emotion.harvest.crawl.crawl import crawl as run_crawl
    from flickr_emotion.harvest.crawl.json_log import show_json
    from flickr_emotion.harvest.crawl.plan import plan as run_plan
    from flickr_emotion.harvest.crawl.status import describe, harvest_status

    tell, draw = (say_json, show_json) if log_json else (say, None)
    if plan:
        show(run_plan(options, tell))
        return
    report = run_crawl(options, tell, draw)
    show(describe(harvest_status(options.out)))
    if report.rejected:
        show(f"{report.rejected} rows of the list name no photo")
    if report.interrupted:
        raise KeyboardInterrupt
    if report.kept_back:
        raise typer.Exit(3)
    if report.lost > max_loss * report.photos:
        tell(
            f"{report.lost} of {report.photos} photos ended failed or corrupt, more than "
            f"--max-loss {max_loss:g}: see `status`; the same command tries the failed ones again"
        )
        raise typer.Exit(3)
