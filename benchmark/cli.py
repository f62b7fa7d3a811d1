"""``python -m benchmark``: the verbs, error handling and log messages."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import NoReturn

import benchmark
from baselines.errors import InputError, unknown_name
from benchmark.commands.arguments import sentence
from benchmark.output import checked_output
from reports.escapes import for_terminal

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# Each has a module in benchmark.commands.arguments, which adds the verb's options and sets ``do`` to what does it, as
# MODULE:FUNCTION of benchmark.commands; that module is imported once the options are parsed.
VERBS = {
    "run": "train and score, then report; runs that are stored already are skipped",
    "predict": "mark the defects in images with a kept model",
    "export": "write a kept model as an ONNX file",
    "replay": "train a stored run again and say whether it agrees",
    "plan": "count the runs of a selection, and estimate time, disk and memory",
    "report": "write the HTML report of the stored runs",
    "tables": "print the paper's tables from the stored runs, or as published",
    "metrics": "print metrics beside the paper's from the stored runs: AUROC, AP, AUPRO, boundary IOU and others",
    "ranking": "rank the methods by mean rank over categories: critical difference, wins, stability",
    "variance": "split the spread of scores into images drawn, training and the rest; seeds that separate two methods",
    "check": "regression gate: train a small study and compare its metrics with a committed baseline",
    "claims": "judge the paper's claims by the stored runs, or by its own tables",
    "audit": "check the paper for internal contradictions",
    "methods": "list the methods, or check one",
    "bench": "measure where the time goes on this machine",
    "data": "list, show, generate, import, download and verify images",
    "profile": "show every setting of a profile, or name the built-in ones",
}

logger = logging.getLogger(__name__)


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, without a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help explains the options")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Return the options; InputError names the closest option in place of one that does not exist."""
        options, unknown = self.parse_known_args(words)
        for word in unknown:
            if word.startswith("-"):
                raise unknown_name("option", word.partition("=")[0], self._options_of(words))
        if unknown:
            self.error(f"unexpected arguments: {' '.join(unknown)}")
        return options

    def _options_of(self, words: Sequence[str]) -> list[str]:
        """Return the options of this parser and of the verbs and actions among some words."""
        found = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, parser in action.choices.items():
                    if name in words:
                        found += parser._options_of(words)
        return [option for option in dict.fromkeys(found) if option.startswith("--")]


def build_parser(verb: str | None = None) -> _Parser:
    """Return the parser, with the options of one verb, as only its module is imported.

    Examples
    --------
    >>> build_parser("audit").parse_args(["audit", "--json"]).do
    'audit:do'
    """
    parser = _Parser(
        prog="python -m benchmark",
        description="Few-shot defect segmentation: train, score and report the paper's methods and yours.",
        epilog="Exit codes: 0 success; 1 some runs failed, or a metric got worse; 2 unusable input; 130 interrupted "
        "(give the same command again to resume).",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {benchmark.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, summary in VERBS.items():
        options = verbs.add_parser(name, help=summary, description=sentence(summary))
        if name == verb:
            import_module(f"benchmark.commands.arguments.{name}").add_options(options)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one verb and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verb = next((word for word in words if not word.startswith("-")), None)
    with stderr_messages():
        try:
            if verb and verb not in VERBS:
                raise unknown_name("verb", verb, VERBS)
            with checked_output():
                options = build_parser(verb).parse(words)
                options.command = ["python", "-m", "benchmark", *words]
                module, function = options.do.split(":")
                code: int = getattr(import_module(f"benchmark.commands.{module}"), function)(options)
                return code
        except InputError as error:
            logger.error(error)
            return EXIT_USAGE
        except KeyboardInterrupt as interrupt:
            kept = str(interrupt) or "finished runs are kept"
            logger.info(f"interrupted: {kept}; give the same command again to resume")
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader of a pipe, e.g. head, has closed it
            return 0


@contextmanager
def stderr_messages() -> Iterator[None]:
    """Show log messages and Python warnings as one line each on standard error."""
    handler = _LineHandler()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of a home that cannot be written
    loggers = [logging.getLogger(name) for name in ("baselines", "benchmark", "reports")]
    for each in loggers:
        each.setLevel(logging.INFO)
        each.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: logger.warning(message)
            yield
    finally:
        for each in loggers:
            each.removeHandler(handler)


class _LineHandler(logging.Handler):
    """Prints to what ``sys.stderr`` is at the time: progress bars replace it, so that lines appear above them."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        with suppress(OSError):  # nowhere is left to report it
            print(prefix + for_terminal(record.getMessage()), file=sys.stderr, flush=True)
