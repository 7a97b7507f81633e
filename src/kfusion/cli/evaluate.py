"""`kfusion evaluate`: a model and the sanity rows beside it, scored on prepared data sets."""

import argparse
from pathlib import Path

from kfusion.cli.console import show
from kfusion.cli.staging import staged

JSON, MARKDOWN, FIGURE = "evaluation.json", "evaluation.md", "figure.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of the verb."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="an .onnx bundle, a checkpoint folder, or the packaged weights: `default`, or `live`, those for streams",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, action="append", required=True, help="a prepared data set; may be repeated"
    )
    parser.add_argument("--split", choices=("val", "test"), default="test", help="which clips (default: test)")
    parser.add_argument(
        "--speakers", metavar="LIST", default="", help="only these, joined by commas; `a` also means all of `a/...`"
    )
    parser.add_argument(
        "--identity",
        choices=("other-clip", "frame-0"),
        default="other-clip",
        help="a closed-mouth frame of another clip of the speaker (default), or the target's own first frame, as the "
        "paper's code does",
    )
    parser.add_argument("--limit", metavar="N", type=int, help="at most N clips, evenly spread")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="folder for the results")


def run(arguments: argparse.Namespace) -> int:
    """Write the JSON, the tables and the figure, and print the tables."""
    from kfusion.data.store import ClipStore
    from kfusion.evaluation.cases import Selection
    from kfusion.evaluation.evaluation_page import to_markdown
    from kfusion.evaluation.figures import draw_clips
    from kfusion.evaluation.predictors import load_predictor
    from kfusion.evaluation.scoring import evaluate

    selection = Selection(
        split=arguments.split,
        speakers=tuple(name.strip() for name in arguments.speakers.split(",") if name.strip()),
        identity=arguments.identity,
        limit=arguments.limit,
    )
    stores = [ClipStore(root) for root in arguments.data]
    selection.clips(stores)
    predictor = load_predictor(arguments.model)
    with staged(arguments.output, [JSON, MARKDOWN, FIGURE]) as work:
        evaluation = evaluate(predictor, stores, selection)
        report = to_markdown(evaluation)
        evaluation.save(work / JSON)
        (work / MARKDOWN).write_text(report, encoding="utf-8")
        draw_clips(work / FIGURE, predictor, stores, selection, evaluation.clips)
    for line in report.rstrip("\n").split("\n"):
        show(line)
    return 0
