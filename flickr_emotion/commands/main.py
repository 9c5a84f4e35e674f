"""The commands. Each parses its options and calls one function; what it imports, it imports late,
so that ``--help`` does not wait for torch."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flickr_emotion.common.interruption import end_like_ctrl_c
from flickr_emotion.common.printing import printable, printable_lines
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.model.config import MODELS, TrainingConfig
from flickr_emotion.model.errors import ModelError, TrainingStopped
from flickr_emotion.model.recipes import PARTS

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Flickr posts with emotion labels: harvest them, build data sets, train on them.",
)

manifest_app = typer.Typer(
    no_args_is_help=True,
    help="Manifests: hand over which posts a data set holds, without their content.",
)
app.add_typer(manifest_app, name="manifest")

_STOPPED = "stopped; the same command starts again, a crawl where it was"
_BUILD = BuildOptions()
_TRAIN = TrainingConfig()

# Options that several commands share.
ImageWeights = Annotated[
    str, typer.Option(help="imagenet, none, or a .safetensors or .pth state dict.")
]
WordVectors = Annotated[
    Path | None, typer.Option(help="A word2vec or GloVe file of 300 dimensions.")
]
LearningRate = Annotated[
    float | None,
    typer.Option(help="Adam's rate [default: 0.01; 0.001 with --recipe best]", show_default=False),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Posts to a pass [default: 64; 128 with --recipe best]",
        show_default=False,
    ),
]
Patience = Annotated[
    int, typer.Option(help="Epochs without a lower validation loss before the end.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
RunArgument = Annotated[Path, typer.Argument(metavar="R", help="Run folder.")]
DatasetArgument = Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")]
AsJson = Annotated[bool, typer.Option("--json")]


@app.callback()
def _global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Take the options that stand before or behind any command (see ``main``)."""


@app.command()
def crawl(
    published_lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="LIST...", help="You et al.'s or VSO's folder, or a manifest, told by content."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Harvest folder, made or gone on with.")],
    api_key: Annotated[
        str, typer.Option(envvar="FLICKR_API_KEY", show_default=False, help="Your Flickr key.")
    ] = "",
    api_secret: Annotated[
        str, typer.Option(envvar="FLICKR_API_SECRET", show_default=False, help="Its secret.")
    ] = "",
    flickr_url: Annotated[
        str | None, typer.Option(help="Another server in Flickr's place, such as the sandbox.")
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YFCC100M's metadata: posts found there cost no call."),
    ] = None,
    images: Annotated[bool, typer.Option(help="Fetch the pictures.")] = True,
    image_size: Annotated[
        str,
        typer.Option(
            help="z, c or b: 640, 800 or 1024 pixels where there are as many [default: the "
            "manifest's, else 500]",
            show_default=False,
        ),
    ] = "",
    quota: Annotated[int, typer.Option(help="API calls an hour; 0 for no limit.")] = 3600,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask for so many of the photos that are due, at most.")
    ] = None,
    verify_gone: Annotated[
        bool, typer.Option(help="Spend a call on posts whose picture is gone.")
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Ask for everything again; drop what owners withdrew."),
    ] = False,
    max_withdrawn: Annotated[
        float,
        typer.Option(min=0, max=1, help="Fraction of the posts that --refresh may drop."),
    ] = 0.01,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what the crawl will cost, and why; then stop.")
    ] = False,
    max_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Fraction of photos that may end failed or corrupt.")
    ] = 0.01,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log lines as JSON objects, for machines.")
    ] = False,
) -> None:
    """Fetch the posts behind published lists of Flickr URLs; run again to go on."""
    from flickr_emotion.harvest.crawl.crawl import crawl as run_crawl
    from flickr_emotion.harvest.crawl.json_log import show_json
    from flickr_emotion.harvest.crawl.options import CrawlOptions
    from flickr_emotion.harvest.crawl.plan import plan as run_plan
    from flickr_emotion.harvest.crawl.status import describe, harvest_status

    options = CrawlOptions(
        published_lists=tuple(published_lists),
        out=out,
        api_key=api_key,
        api_secret=api_secret,
        flickr_url=flickr_url,
        metadata=metadata,
        images=images,
        image_size=image_size,
        quota=quota,
        limit=limit,
        verify_gone=verify_gone,
        refresh=refresh,
        max_withdrawn=max_withdrawn,
    )
    say, show = (_say_json, show_json) if log_json else (_say, None)
    if plan:
        _print(run_plan(options, say))
        return
    report = run_crawl(options, say, show)
    _print(describe(harvest_status(out)))
    if report.rejected:
        _print(f"{report.rejected} rows of the list name no photo")
    if report.interrupted:
        raise KeyboardInterrupt
    if report.kept_back:
        raise typer.Exit(3)
    if report.lost > max_loss * report.photos:
        say(
            f"{report.lost} of {report.photos} photos ended failed or corrupt, more than "
            f"--max-loss {max_loss:g}: `status` shows why; the same command tries the failed again"
        )
        raise typer.Exit(3)


@app.command()
def status(
    harvest: Annotated[Path, typer.Argument(metavar="H", help="Harvest folder.")],
    as_json: AsJson = False,
) -> None:
    """Show the outcomes of a harvest, also while a crawl is at work on it."""
    from flickr_emotion.harvest.crawl.status import describe, harvest_status

    found = harvest_status(harvest)
    _print(json.dumps(found) if as_json else describe(found))


@app.command("build-splits")
def build_splits(
    posts: Annotated[
        Path,
        typer.Argument(metavar="H", help="Harvest folder, or a Parquet or CSV file of own posts."),
    ],
    out: Annotated[Path, typer.Option(help="Data set folder, made or replaced.")],
    min_votes: Annotated[
        int, typer.Option(min=1, help="Agreeing votes that a label needs.")
    ] = _BUILD.min_votes,
    eval_votes: Annotated[
        int, typer.Option(min=1, help="Agreeing votes in validation and test.")
    ] = _BUILD.eval_votes,
    min_words: Annotated[int, typer.Option(min=1)] = _BUILD.min_words,
    max_words: Annotated[int, typer.Option(min=1)] = _BUILD.max_words,
    language: Annotated[str, typer.Option(help="ISO 639-1 code.")] = _BUILD.language,
    min_count: Annotated[
        int, typer.Option(min=1, help="Rarer words and tags are <UNK>.")
    ] = _BUILD.min_count,
    incomplete: Annotated[
        str | None,
        typer.Option(
            help="keep or drop posts that lack a modality [default: drop for VSO, else keep]",
            show_default=False,
        ),
    ] = _BUILD.incomplete,
    short_side: Annotated[
        int, typer.Option(help="Pixels to which larger pictures are reduced.")
    ] = _BUILD.short_side,
    group_by: Annotated[
        list[str] | None,
        typer.Option(
            help="owner or near-duplicate, or both: keep such posts on one side of the split."
        ),
    ] = None,
    fold: Annotated[
        str | None, typer.Option(metavar="K/N", help="The K-th of N cross-validation folds.")
    ] = _BUILD.fold,
    seed: Annotated[int, typer.Option(min=0)] = _BUILD.seed,
    engine: Annotated[
        str, typer.Option(help="local: the cores of this machine; ray: a Ray cluster.")
    ] = "local",
) -> None:
    """Turn posts into a data set: labels, texts, splits, Parquet shards."""
    from flickr_emotion.datasets.build.build import build_splits as build
    from flickr_emotion.datasets.build.summary import describe

    options = BuildOptions(
        min_votes=min_votes,
        eval_votes=eval_votes,
        min_words=min_words,
        max_words=max_words,
        language=language,
        min_count=min_count,
        incomplete=incomplete,
        short_side=short_side,
        group_by=tuple(dict.fromkeys(group_by or ())),
        fold=fold,
        seed=seed,
    )
    _print(describe(build(posts, out, options, _say, engine=engine)))


@app.command("inspect")
def inspect_folder(
    dataset: DatasetArgument,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page too, with plots and thumbnails."),
    ] = None,
) -> None:
    """Show what a data set holds: labels, modalities, texts, tags, samples."""
    from flickr_emotion.datasets.inspect.inspection import inspect_dataset
    from flickr_emotion.datasets.inspect.table import describe

    inspection = inspect_dataset(dataset)
    _print(describe(inspection))
    if html is not None:
        from flickr_emotion.datasets.inspect.page import write_page

        write_page(inspection, html)


@manifest_app.command("export")
def manifest_export(
    dataset: DatasetArgument,
    out: Annotated[Path, typer.Option(help="The manifest, a Parquet file, made or replaced.")],
    with_urls: Annotated[
        bool, typer.Option("--with-urls", help="Add the pictures' URLs, for other tools.")
    ] = False,
) -> None:
    """Write which posts a data set holds, for others to fetch and build again."""
    from flickr_emotion.datasets.manifests.export import export_manifest

    posts = export_manifest(dataset, out, with_urls=with_urls)
    _print(f"{posts} posts in {out}, {out.stat().st_size / posts:.0f} bytes each")


@manifest_app.command("verify")
def manifest_verify(
    manifest: Annotated[Path, typer.Argument(metavar="M", help="Manifest.")],
    harvest: Annotated[Path, typer.Argument(metavar="H", help="Harvest folder made from it.")],
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option(help="Each post's verdict, as .parquet or .csv.")
    ] = None,
) -> None:
    """Count which posts a harvest holds as they were; exit code 3 where some are not."""
    from flickr_emotion.datasets.manifests.verify import verify_manifest

    found = verify_manifest(manifest, harvest, out=out)
    _print(json.dumps(found.content()) if as_json else found.table())
    if not found.all_same:
        raise typer.Exit(3)


@manifest_app.command("diff")
def manifest_diff(
    manifest_a: Annotated[Path, typer.Argument(metavar="A", help="Manifest.")],
    manifest_b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    as_json: AsJson = False,
) -> None:
    """Count in what two manifests differ; exit code 3 where they do."""
    from flickr_emotion.datasets.manifests.diff import diff_manifests

    found = diff_manifests(manifest_a, manifest_b)
    _print(json.dumps(found.content()) if as_json else found.table())
    if not found.equal:
        raise typer.Exit(3)


@app.command()
def verify(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="D|R|H|M", help="Data set, run or harvest folder, or manifest, told by content."
        ),
    ],
    deep: Annotated[
        bool, typer.Option("--deep", help="Of a data set: decode every picture too.")
    ] = False,
    mend: Annotated[
        bool,
        typer.Option("--mend", help="Of a harvest: remove damaged pictures and make them due."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether what lies on disk is what was written; exit code 3 where it is damaged."""
    from flickr_emotion.datasets.verification.folders import (
        Verdict,
        kind_of,
        verify_dataset,
        verify_manifest_file,
    )
    from flickr_emotion.datasets.verification.harvest import verify_harvest

    kind = kind_of(path)
    if (deep and kind != "data set") or (mend and kind != "harvest"):
        raise typer.BadParameter(f"{path} is a {kind}: leave {'--deep' if deep else '--mend'} away")
    if kind == "data set":
        found = verify_dataset(path, deep=deep)
    elif kind == "harvest":
        found = verify_harvest(path, mend=mend)
    elif kind == "manifest":
        found = verify_manifest_file(path)
    else:
        from flickr_emotion.model.runs.digests import verify_run

        found = Verdict(kind="run", path=path, damaged=verify_run(path))
        found.checked = "its files by their digests"
    _print(json.dumps(found.content()) if as_json else found.lines())
    if found.damaged:
        raise typer.Exit(3)


@app.command()
def train(
    context: typer.Context,
    dataset: Annotated[
        Path | None, typer.Argument(metavar="D", help="Data set folder.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder.", show_default=False)] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="R",
            help="Go on with the training of a run folder, with its data set and options.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Write a trace of some steps into the run folder.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="The system: " + ", ".join(MODELS) + ".")
    ] = _TRAIN.model,
    subset: Annotated[
        str | None,
        typer.Option(
            help="Of single-task: image+text, for example [default: a network for each of the 7]",
            show_default=False,
        ),
    ] = _TRAIN.subset,
    recipe: Annotated[
        str,
        typer.Option(help="paper, or best: what helps where posts are few (docs/model.md)."),
    ] = _TRAIN.recipe,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Of the best recipe, leave out a part; once for each: " + ", ".join(PARTS) + ".",
            show_default=False,
        ),
    ] = None,
    image_encoder: Annotated[
        str,
        typer.Option(
            help="A torchvision classification model, efficientnet_lite0 or efficientnet_lite2; "
            "several with + between [default: densenet121; inception_v3 for inception; "
            "efficientnet_lite0+efficientnet_lite2 with --recipe best]",
            show_default=False,
        ),
    ] = "",
    image_weights: ImageWeights = _TRAIN.image_weights,
    finetune_image: Annotated[
        bool, typer.Option(help="Train the image encoder too.")
    ] = _TRAIN.finetune_image,
    image_learning_rate: Annotated[
        float, typer.Option(help="Its rate where it is trained.")
    ] = _TRAIN.image_learning_rate,
    word_vectors: WordVectors = _TRAIN.word_vectors,
    epochs: int = _TRAIN.epochs,
    batch_size: BatchSize = None,
    accumulate: Annotated[
        int, typer.Option(help="Batches to a step: a large step in little memory.")
    ] = _TRAIN.accumulate,
    learning_rate: LearningRate = None,
    patience: Patience = _TRAIN.patience,
    seed: Annotated[int, typer.Option()] = _TRAIN.seed,
    repeats: Annotated[int, typer.Option(help="Runs with successive seeds.")] = _TRAIN.repeats,
    device: Device = _TRAIN.device,
    decode: Annotated[
        str, typer.Option(help="cpu, or gpu: what decodes pictures (nvJPEG on a GPU).")
    ] = _TRAIN.decode,
    compile: Annotated[
        bool,
        typer.Option(
            "--compile", help="Compile the image encoder (torch.compile), where it is trained."
        ),
    ] = _TRAIN.compile,
) -> None:
    """Train the paper's network, or one it is compared with; on several GPUs with torchrun."""
    if resume is not None:
        _only(context, "resume", "profile")
    elif dataset is None or out is None:
        raise typer.BadParameter("give D and --out R, or --resume R")
    config = TrainingConfig(
        model=model,
        subset=subset,
        recipe=recipe,
        without=tuple(without or ()),
        image_encoder=image_encoder,
        image_weights=image_weights,
        finetune_image=finetune_image,
        image_learning_rate=image_learning_rate,
        word_vectors=word_vectors,
        epochs=epochs,
        batch_size=batch_size or 0,
        accumulate=accumulate,
        learning_rate=learning_rate,
        patience=patience,
        seed=seed,
        repeats=repeats,
        device=device,
        decode=decode,
        compile=compile,
    )
    from flickr_emotion.model.evaluation.report import metrics_table
    from flickr_emotion.model.training.training import resume as resume_training
    from flickr_emotion.model.training.training import train as run_training

    if dataset is None or out is None:
        assert resume is not None
        metrics = resume_training(resume, profile=profile)
    else:
        metrics = run_training(config, dataset=dataset, out=out, profile=profile)
    if os.environ.get("RANK", "0") == "0":  # of several processes, one answers
        _print(metrics_table(metrics["test"]))


@app.command()
def evaluate(
    run: RunArgument,
    dataset: Annotated[
        Path | None, typer.Argument(metavar="[D]", help="Data set folder; default the run's own.")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Show accuracy as modalities of test posts go missing too."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Confusion matrices and calibration too.")
    ] = False,
    device: Device = _TRAIN.device,
) -> None:
    """Judge a run's seven heads on a data set."""
    from flickr_emotion.model.evaluation.evaluation import evaluate as run_evaluation
    from flickr_emotion.model.evaluation.report import metrics_table, missing_table

    metrics = run_evaluation(run, dataset, missing=missing, device=device)
    if not metrics["same_dataset"]:
        _say(f"{metrics['dataset']} is not the data set that the run was trained on")
    if as_json:
        _print(json.dumps(metrics))
        return
    for split in ("test", "validation"):
        _print(f"{split}\n{metrics_table(metrics[split], metrics['calibration'][split])}")
    if missing:
        _print(f"test, modalities dropped at random\n{missing_table(metrics['missing'])}")


@app.command()
def predict(
    run: RunArgument,
    image: Annotated[Path | None, typer.Option(help="A picture.")] = None,
    text: Annotated[str | None, typer.Option(help="A text.")] = None,
    tags: Annotated[str | None, typer.Option(help="Tags, joined by commas.")] = None,
    input: Annotated[
        Path | None,
        typer.Option(help="A Parquet or CSV file of posts: photo_id, image, text, tags."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers to --input go.")] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="What each head says of the post; in a file, the column `heads`."
        ),
    ] = False,
    as_json: AsJson = False,
    device: Device = _TRAIN.device,
) -> None:
    """Name the emotion of a post from any subset of picture, text and tags."""
    from flickr_emotion.model.evaluation.report import prediction_table
    from flickr_emotion.model.prediction.file_prediction import predict_file
    from flickr_emotion.model.prediction.prediction import predict_one

    single = any(given is not None for given in (image, text, tags))
    if (input is None) != (out is None) or (input is not None and single):
        raise typer.BadParameter("give --input FILE and --out FILE together, and nothing else")
    if input is not None and out is not None:
        counts = predict_file(run, input=input, out=out, explain=explain, device=device)
        _print(
            json.dumps(counts)
            if as_json
            else f"{counts['predicted']} of {counts['posts']} posts answered in {out}; its column "
            f"`error` says why of the {counts['errors']} others"
        )
        return
    answer: dict[str, Any] = predict_one(
        run,
        image=image,
        text=text,
        tags=None if tags is None else tags.split(","),
        explain=explain,
        device=device,
    )
    _print(json.dumps(answer) if as_json else prediction_table(answer))


@app.command()
def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="Folder for the files, made or replaced.")],
    format: Annotated[str, typer.Option(help="onnx is the one there is.")] = "onnx",
) -> None:
    """Write a run's network for other programs: a file for each subset of the modalities."""
    from flickr_emotion.model.prediction.export import export as run_export

    for path in run_export(run, out, format=format):
        _print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")


@app.command()
def reproduce(
    target: Annotated[
        str, typer.Argument(help="table1, table2, table3, figure3, figure4 or figure5.")
    ],
    dataset: DatasetArgument,
    out: Annotated[Path, typer.Option(help="Folder of results and of finished trainings.")],
    repeats: Annotated[int, typer.Option(help="Trainings with successive seeds.")] = 3,
    only: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Train only cells of this name, or part or pattern."),
    ] = None,
    image_encoder: Annotated[
        str, typer.Option(help="A torchvision classification model, or efficientnet_lite0.")
    ] = _TRAIN.image_encoder,
    image_weights: ImageWeights = _TRAIN.image_weights,
    word_vectors: WordVectors = _TRAIN.word_vectors,
    epochs: int = _TRAIN.epochs,
    batch_size: int = _TRAIN.batch_size,
    learning_rate: float = _TRAIN.rate,
    patience: Patience = _TRAIN.patience,
    seed: Annotated[int, typer.Option(help="The first repeat's.")] = _TRAIN.seed,
    device: Device = _TRAIN.device,
) -> None:
    """Make a table or a figure of the paper: its numbers beside ours, as Markdown, JSON, picture.

    Each training it needs is kept when it is finished; run again to go on.
    """
    settings = TrainingConfig(
        image_encoder=image_encoder,
        image_weights=image_weights,
        word_vectors=word_vectors,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        seed=seed,
        repeats=repeats,
        device=device,
    )
    from flickr_emotion.model.reproduction.reproduce import reproduce as run_reproduction

    if text := run_reproduction(target, dataset=dataset, out=out, settings=settings, only=only):
        _print(text, end="")


@app.command()
def sandbox(
    corpus: Annotated[
        Path | None, typer.Option(help="Posts to serve (Parquet); default a simulation.")
    ] = None,
    vso: Annotated[
        Path | None,
        typer.Option(
            metavar="LISTS",
            help="VSO's folder: serve its pairs with all their search results, computed.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    faults: Annotated[
        str | None, typer.Option(help="A seeded plan of faults, such as 429=0.1,seed=7.")
    ] = None,
    lists: Annotated[
        Path | None, typer.Option(help="Write the simulation's lists here, to be crawled.")
    ] = None,
) -> None:
    """Serve a loopback Flickr until Ctrl-C: the API, the pictures, and their faults."""
    from flickr_emotion.harvest.sandbox.command import run_sandbox

    run_sandbox(corpus=corpus, vso=vso, port=port, faults=faults, lists=lists, announce=_announce)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
) -> None:
    """Run the whole chain on the sandbox's simulation; no key needed."""
    from flickr_emotion.commands.demo_chain import run_demo

    run_demo(out)


def _print(text: str, end: str = "\n") -> None:
    print(printable_lines(text), end=end)


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


def _say_json(line: str) -> None:
    from flickr_emotion.harvest.crawl.json_log import say_json

    say_json(printable(line))


def _announce(line: str) -> None:
    print(printable(line), flush=True)


def _only(context: typer.Context, *names: str) -> None:
    """Refuse what was given on the command line beside the parameters of these names."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name not in names and source and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"--{names[0]} takes everything from the run: leave {parameter.opts[0]} away"
            )


def main() -> None:
    """Run a command; an error is one line, with a traceback only where ``--debug`` asks for it."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    say: Callable[[str], None] = _say_json if "--log-json" in arguments else _say
    try:
        end_like_ctrl_c()
        app(arguments)
    except SystemExit as end:
        if end.code == 130:  # what typer makes of Ctrl-C
            say(_STOPPED)
        raise
    except KeyboardInterrupt:  # before typer was at work, or behind it
        say(_STOPPED)
        sys.exit(130)
    except TrainingStopped as stopped:
        say(str(stopped))
        sys.exit(130)
    except (HarvestError, DatasetError, ModelError) as error:
        if debug:
            raise
        say(f"error: {error}")
        sys.exit(1)
    except BrokenPipeError:
        # `status H | head`: the reader has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        say(f"error: {type(error).__name__}: {error} (a fault of this program; see --debug)")
        sys.exit(1)


if __name__ == "__main__":
    main()
