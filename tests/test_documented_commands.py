"""Every command that the README and the pages of docs print is one that the command line accepts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from baselines.errors import InputError
from benchmark.cli import VERBS, build_parser
from tests.conftest import REPOSITORY

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/**/*.md", "data_manifests/*.md")
    for path in REPOSITORY.glob(pattern)
)
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(rf"`((?:python -m benchmark )?(?:{'|'.join(VERBS)}) [^`]*--[^`]*)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# What stands for something else in a block: what may be left out, and what is not written out.
PLACEHOLDER = re.compile(r"\[[^\]]*\]|(?<!\S)\.\.\.")


def in_blocks(text: str) -> list[list[str]]:
    """Return the arguments of each command in the code blocks of a page."""
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    commands = [line.split("-m benchmark ", 1)[1] for line in lines if "-m benchmark " in line]
    return [shlex.split(PLACEHOLDER.sub(" ", command), comments=True) for command in commands]


def in_sentences(text: str) -> list[list[str]]:
    """Return the words of each command with options in the sentences of a page, which may lack their values."""
    found = INLINE.findall(" ".join(BLOCK.sub("", text).split()))
    return [command.removeprefix("python -m benchmark ").split() for command in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_command_line_accepts_what_a_page_prints(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text(encoding="utf-8")
    for words in in_blocks(text):
        try:
            build_parser(words[0]).parse(words)
        except InputError as error:
            pytest.fail(f"{' '.join(words)}: {error}")
    for words in in_sentences(text):
        verb = words[: 2 if words[0] in ("data", "profile") else 1]
        with pytest.raises(SystemExit, match="0"):
            build_parser(verb[0]).parse_args([*verb, "--help"])
        offered = set(OPTION.findall(capsys.readouterr().out))
        assert set(OPTION.findall(" ".join(words))) <= offered, " ".join(words)


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    text = "Use `plan --all`.\n```\npython -m benchmark run --all \\\n  --jobs 2  # both\n```\n`plan` and `tables`."
    assert in_blocks(text) == [["run", "--all", "--jobs", "2"]]
    assert in_sentences(text) == [["plan", "--all"]]
