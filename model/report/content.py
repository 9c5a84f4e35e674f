"""What a report consists of, before it becomes a page, or files of figures and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flickr_emotion.common.presentation.drawing import Drawing
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.report.accuracies import (
    accuracy_table,
    calibration_table,
    class_table,
    confusions,
    heads_table,
)
from flickr_emotion.model.report.charts import (
    accuracy_chart,
    confusion_chart,
    differences_chart,
    heads_chart,
)
from flickr_emotion.model.report.comparison import differences, differences_table, side_by_side
from flickr_emotion.model.report.curves import learning_charts, missing_chart, reliability_chart
from flickr_emotion.model.report.judging import JudgedRun
from flickr_emotion.model.report.surest_errors import SureError, surest_errors


@dataclass(frozen=True, kw_only=True)
class Section:
    """Figures and tables that belong together, and what has to be said of them."""

    key: str
    title: str
    told: str = ""
    drawings: Sequence[Drawing] = ()
    tables: Sequence[Table] = ()
    errors: Sequence[SureError] = ()


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """The sections of one run, or of the comparison of several."""

    key: str
    title: str
    run: JudgedRun | None
    sections: Sequence[Section]


def contents(dataset: Dataset, runs: Sequence[JudgedRun]) -> list[RunReport]:
    """Return the parts of a report: the comparison of several runs, and each run."""
    parts = [
        RunReport(key=f"run-{number}", title=run.name, run=run, sections=[*_of_run(dataset, run)])
        for number, run in enumerate(runs, 1)
    ]
    if len(runs) == 1:
        return parts
    compared = [*_compared(runs)]
    return [RunReport(key="comparison", title="Side by side", run=None, sections=compared), *parts]


def _compared(runs: Sequence[JudgedRun]) -> Iterator[Section]:
    first, *others = runs
    yield Section(key="accuracies", title="Accuracy", tables=[side_by_side(runs)])
    for run in others:
        found = differences(run, first)
        title = f"{run.name} minus {first.name}"
        yield Section(
            key=f"{run.key}-minus-{first.key}",
            title=title,
            told="Both answered the same posts, so that the differences are paired. The interval "
            "covers the choice of the test posts, not the seeds of the trainings; p is from "
            "McNemar's exact test.",
            drawings=[
                differences_chart(
                    f"{run.key}-minus-{first.key}",
                    f"{title}: difference in accuracy",
                    [(each.read, each.difference, each.interval) for each in found],
                )
            ],
            tables=[differences_table(run, first, found)],
        )


def _of_run(dataset: Dataset, run: JudgedRun) -> Iterator[Section]:
    yield Section(
        key="accuracy",
        title="Accuracy",
        told="Each head is judged on every test post that has what it reads. The intervals are "
        f"Wilson's, over the posts. The majority is always answering {run.majority}, the most "
        "frequent class of the training posts.",
        drawings=[accuracy_chart(run)],
        tables=[accuracy_table(run)],
    )
    found = confusions(run)
    yield Section(
        key="classes",
        title="Classes and confusions",
        told="In each row of a matrix the posts of a label, in per cent of them by answer.",
        drawings=[confusion_chart(run, name, confusion) for name, confusion in found.items()],
        tables=[class_table(run, name, confusion) for name, confusion in found.items()],
    )
    if charts := learning_charts(run):
        yield Section(key="learning", title="Learning curves", drawings=charts)
    yield Section(
        key="calibration",
        title="Calibration",
        told="How often an answer of a given probability is right; the size of a point is the "
        "share of the posts. On the dashed line probabilities are right. The temperatures, which "
        "were fitted on validation posts, correct them.",
        drawings=[reliability_chart(run)],
        tables=[calibration_table(run)],
    )
    filled = " The dashed lines are the complete head's answers with something filled in for what "
    filled += "is absent: zeros, the mean of the training posts, the nearest training post."
    yield Section(
        key="missing",
        title="Missing modalities",
        told="Each modality of each test post is dropped with the same probability; the mean of "
        f"{run.missing['draws']} draws." + (filled if run.missing["filled"] else ""),
        drawings=[missing_chart(run)],
    )
    if table := heads_table(run):
        chart = heads_chart(run)
        yield Section(
            key="heads",
            title="What each head gets right that others do not",
            drawings=[chart] if chart else [],
            tables=[table],
        )
    errors = surest_errors(run, dataset)
    yield Section(
        key="errors",
        title="Surest errors",
        told=f"The {len(errors)} wrong answers of the highest calibrated probability, the surest "
        "first. They show what the run has not learnt, and labels that may be wrong."
        if errors
        else "No answer to a test post is wrong.",
        errors=errors,
    )
