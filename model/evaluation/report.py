"""Metrics and answers as tables for people."""

from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import printable
from flickr_emotion.model.evaluation.metrics import KNOWN, accuracy_interval
from flickr_emotion.model.runs.metrics_file import DISTANCES


def metrics_table(figures: dict[str, Any], errors: dict[str, Any] | None = None) -> str:
    """Return a split's figures for all seven subsets, in per cent; repeats as mean and deviation.

    Where distributions of votes are known, with the distances from them, which are no percentages.

    ``errors``: the split's expected calibration errors, of which the one after calibration is
    shown.
    """
    lines = [f"{'subset':<16}{'accuracy':>12}{'macro F1':>12}{'weighted F1':>13}{'posts':>8}"]
    if errors:
        lines[0] += f"{'ECE':>8}"
    known = any(DISTANCES[0] in row for row in figures.values())
    if known:
        lines[0] += f"{'KL':>14}{'Chebyshev':>14}{'cosine':>14}"
    for subset in SUBSETS:
        row = figures[subset]
        lines.append(
            f"{subset:<16}{percent(row['accuracy']):>12}{percent(row['macro_f1']):>12}"
            f"{percent(row['weighted_f1']):>13}{row['count']:>8}"
        )
        if errors:
            lines[-1] += f"{percent(errors[subset]['after']):>8}"
        if known:
            lines[-1] += "".join(f"{plain(row.get(name)):>14}" for name in DISTANCES)
    return "\n".join(lines)


def split_table(split: str, metrics: dict[str, Any], *, errors: bool = False) -> str:
    """Return a split's table under its name and unit, and which heads learnt nothing that shows.

    ``metrics``: the content of ``metrics.json``; ``errors``: with the calibration errors.
    """
    figures = metrics[split]
    of_repeats = max((_values(row["accuracy"]) for row in figures.values()), default=0)
    heading = f"{split}, in per cent"
    if any(DISTANCES[0] in row for row in figures.values()):
        heading += " but for KL, Chebyshev and cosine"
    if of_repeats > 1:
        heading += f", mean±standard deviation of {of_repeats} repeats"
    table = metrics_table(figures, metrics["calibration"][split] if errors else None)
    return "\n".join(
        [heading, table, *no_better(figures, metrics.get("confusions", {}).get(split, {}))]
    )


def no_better(figures: dict[str, Any], confusions: dict[str, Any]) -> list[str]:
    """Return a line for each head that is not shown to beat always answering the commonest class.

    That class is the commonest of the judged posts. The interval is Wilson's, over the posts.
    """
    lines = []
    for subset, row in figures.items():
        accuracy = row["accuracy"]
        accuracy = accuracy["mean"] if isinstance(accuracy, dict) else accuracy
        labelled = [sum(answers) for answers in confusions.get(subset, ())]
        if accuracy is None or not row["count"] or not any(labelled):
            continue
        low, high = accuracy_interval(round(accuracy * row["count"]), row["count"])
        constant = max(labelled) / sum(labelled)
        if low <= constant:
            lines.append(
                f"{subset}: no better than always answering the most frequent class "
                f"({percent(constant)}): accuracy {percent(accuracy)}, 95% interval "
                f"{percent(low)} to {percent(high)} on {row['count']} posts"
            )
    return lines


def _values(figure: float | dict[str, Any] | None) -> int:
    return len(figure["values"]) if isinstance(figure, dict) else 1


def judged_posts(judged: dict[str, Any]) -> str:
    """Return the figures on posts of one's own (``evaluate --input``)."""
    whole = judged["all"]
    left_out = [
        f"{judged[name]} {what}"
        for name, what in (("unlabelled", "without a label"), ("errors", "that cannot be answered"))
        if judged[name]
    ]
    unread = judged["warnings"]
    return "\n".join(
        [
            f"{whole['count']} of {judged['posts']} posts judged"
            + (f"; left out: {', '.join(left_out)}" if left_out else "")
            + (f"; {unread} without their picture, which cannot be read" if unread else ""),
            f"in per cent, each by the head of what it holds: accuracy "
            f"{percent(whole['accuracy'])}, macro F1 {percent(whole['macro_f1'])}, weighted F1 "
            f"{percent(whole['weighted_f1'])}",
            *no_better({"all": whole}, judged["confusions"]),
            *_distances(whole),
            "each head on all posts that have its modalities, in per cent",
            metrics_table(judged["figures"]),
            *no_better(judged["figures"], judged["confusions"]),
        ]
    )


def _distances(whole: dict[str, Any]) -> list[str]:
    if DISTANCES[0] not in whole:
        return []
    kl, chebyshev, cosine = (plain(whole[name]) for name in DISTANCES)
    return [
        f"the probabilities beside the votes on {whole[KNOWN]} posts: KL {kl}, Chebyshev "
        f"{chebyshev}, cosine {cosine}"
    ]


def missing_table(missing: dict[str, Any]) -> str:
    """Return the robustness curves as a table: accuracy at increasing drop rates, and areas."""
    filled = missing["filled"]
    lines = [
        "test, modalities dropped at random, in per cent, mean±standard deviation of "
        f"{missing['draws']} draws"
    ]
    if filled:
        lines += [f"{'':<54}accuracy of the complete head, absent modalities filled with"]
    lines += [f"{'dropped':<16}{'accuracy':>12}{'weighted F1':>13}{'answered':>13}"]
    lines[-1] += "".join(f"{name:>13}" for name in filled)
    for number, row in enumerate(missing["rates"]):
        lines.append(
            f"{row['rate']:<16.0%}{percent(row['accuracy']):>12}"
            f"{percent(row['weighted_f1']):>13}{percent(row['answered']):>13}"
            + "".join(
                f"{percent(curve['rates'][number]['accuracy']):>13}" for curve in filled.values()
            )
        )
    lines.append(
        f"area under the accuracy (its mean over the rates): {_with_interval(missing['area'])}"
    )
    for name, curve in filled.items():
        ahead = _with_interval(curve["ours_minus_this"], signed=True)
        lines.append(
            f"  the complete head, filled with {name}: {_with_interval(curve['area'])}; the "
            f"heads are {ahead} ahead"
        )
    if not filled:
        lines.append("no complete head in which absent modalities could be filled in to compare")
    return "\n".join(lines)


def _with_interval(figure: dict[str, Any], *, signed: bool = False) -> str:
    """Return a figure with its 95% interval, in per cent."""
    if figure["interval"] is None:
        return percent(figure["value"])
    form = "+.2f" if signed else ".2f"
    value, low, high = (100 * end for end in (figure["value"], *figure["interval"]))
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def prediction_table(answer: dict[str, Any]) -> str:
    """Return an answer with its classes, most probable first, and each head's answer."""
    ranked = sorted(answer["probabilities"].items(), key=lambda item: -item[1])
    rows = [f"{printable(label):<14}{100 * probability:>6.1f} %" for label, probability in ranked]
    if heads := answer.get("heads"):
        width = 2 + max(len(printable(head["label"])) for head in heads.values())
        rows += ["", "what each head says:"]
        rows += [
            f"{subset:<18}{printable(head['label']):<{width}}{100 * head['probability']:>6.1f} %"
            for subset, head in heads.items()
        ]
    return "\n".join([f"{printable(answer['label'])} (from {answer['subset']})", *rows])


def plain(value: float | dict[str, Any] | None) -> str:
    """Return a figure that is no percentage, of several repeats with its deviation."""
    if isinstance(value, dict):
        deviation = value["std"]
        return plain(value["mean"]) + ("" if deviation is None else f"±{deviation:.3f}")
    return "-" if value is None else f"{value:.3f}"


def percent(value: float | dict[str, Any] | None) -> str:
    """Return a figure in per cent, of several repeats with its deviation."""
    if isinstance(value, dict):
        mean = value["mean"]
        if mean is None:
            return "-"
        deviation = value["std"]
        return f"{100 * mean:.2f}" + ("" if deviation is None else f"±{100 * deviation:.2f}")
    return "-" if value is None else f"{100 * value:.2f}"
