"""Checks of what is counted in images: Table I, MVTec AD, batches, figures."""

from __future__ import annotations

import pandas as pd

from reports.audit.finding import Finding, counted, joined, slug
from reports.audit.source import Paper, in_words
from reports.paper.statements import Figure

GOOD = "good"


def totals(paper: Paper) -> list[Finding]:
    """Numbers of images and defect types, and Table I's normal images, against MVTec AD."""
    counts, protocol = paper.counts, paper.statements.protocol
    found = []
    if counts["images"].sum() != protocol.images:
        parts = counts.assign(label=counts["label"].where(counts["label"] == GOOD, "defective"))
        sums = parts.groupby(["split", "label"])["images"].sum()
        found.append(
            Finding(
                id="images-in-all",
                where="Section IV-A",
                title="MVTec AD does not hold that many images",
                printed=str(protocol.images),
                recomputed=str(counts["images"].sum()),
                arithmetic=" + ".join(f"{count} ({split}, {name})" for (split, name), count in sums.items()),
                severity="contradiction",
            )
        )
    types = _types(paper)
    if types.sum() <= protocol.more_types_than:
        found.append(
            Finding(
                id="defect-types-in-all",
                where="Section IV-A",
                title="MVTec AD does not have that many defect types",
                printed=f"over {protocol.more_types_than}",
                recomputed=str(types.sum()),
                arithmetic=" + ".join(f"{count} ({in_words(str(name))})" for name, count in types.items()),
                severity="contradiction",
            )
        )
    return found + _normal_images(paper)


def _normal_images(paper: Paper) -> list[Finding]:
    normal = paper.counts[paper.counts["label"] == GOOD].set_index(["category", "split"])["images"]
    wrong, steps = [], []
    for row in paper.tables["I"].itertuples():
        for split, printed in (("train", row.train_normal), ("test", row.test_normal)):
            there = int(normal.get((row.category, split), 0))
            if printed != there:
                wrong.append(f"{in_words(row.category)} {printed}")
                steps.append(f"{in_words(row.category)}, {split}: MVTec AD has {there}, Table I prints {printed}.")
    if not wrong:
        return []
    return [
        Finding(
            id="normal-images",
            where="Table I",
            title="Normal images are not counted as MVTec AD has them",
            printed=joined(wrong),
            recomputed=f"{len(wrong)} other counts",
            arithmetic="\n".join(steps),
            severity="contradiction",
        )
    ]


def _types(paper: Paper) -> pd.Series:
    """Return the number of defect types by category."""
    defective = paper.counts[paper.counts["label"] != GOOD]
    return defective.groupby("category", sort=False)["label"].nunique()


def _defective(paper: Paper) -> pd.Series:
    """Return the number of defective images by category."""
    defective = paper.counts[paper.counts["label"] != GOOD]
    return defective.groupby("category", sort=False)["images"].sum()


def table_of_images(paper: Paper) -> list[Finding]:
    """Table I's defective images against MVTec AD's, with K drawn of each defect type as the text says."""
    found = []
    types, defective = _types(paper), _defective(paper)
    per_type = paper.statements.protocol.shots_per == "defect_type"
    for shots in paper.statements.protocol.shots:
        train, test = f"train_defect_{shots}shot", f"test_defect_{shots}shot"
        steps, printed, expected = [], 0, 0
        for row in paper.tables["I"].set_index("category").itertuples():
            groups = int(types[row.Index]) if per_type else 1
            drawn, there = shots * groups, int(defective[row.Index])
            trained, tested = getattr(row, train), getattr(row, test)
            printed, expected = printed + tested, expected + there - drawn
            if (trained, tested) != (drawn, there - drawn):
                steps.append(
                    f"{in_words(row.Index)}: {counted(groups, 'type')} x {shots} = {drawn} to train from, {there} - "
                    f"{drawn} = {there - drawn} to test on; printed {trained} and {tested} "
                    f"({trained} + {tested} = {trained + tested})"
                )
        if steps:
            found.append(
                Finding(
                    id=slug("table-of-images", shots),
                    where="Table I; Sections III-A and IV-B",
                    title=f"{shots}-shot: Table I does not count images as if K were drawn of each defect type",
                    printed=f"{printed} defective test images",
                    recomputed=f"{expected}, with {shots} of each defect type to train from; "
                    f"{len(steps)} of {len(paper.tables['I'])} rows differ",
                    arithmetic="\n".join(steps),
                    severity="contradiction",
                )
            )
    return found


def figures(paper: Paper) -> list[Finding]:
    """What captions say of the shown categories, defect types, training images and panels."""
    return [
        finding
        for figure in paper.statements.figures
        for check in (_kinds, _shown_types, _training_images, _panels)
        for finding in check(paper, figure)
    ]


def _kinds(paper: Paper, figure: Figure) -> list[Finding]:
    kinds = paper.tables["I"].set_index("category")["kind"]
    shown = {kind: [name for name in figure.categories if kinds[name] == kind] for kind in figure.kinds or {}}
    if all(len(shown[kind]) == count for kind, count in (figure.kinds or {}).items()):
        return []
    said = joined([f"{count} {kind}" for kind, count in (figure.kinds or {}).items()])
    return [
        Finding(
            id=slug("figure", figure.number, "kinds"),
            where=f"Fig. {figure.number}; Section {figure.section}",
            title=f"Fig. {figure.number} does not show as many textures and objects as the text says",
            printed=f"{said} categories",
            recomputed=joined([f"{len(names)} {kind}" for kind, names in shown.items()]),
            arithmetic="\n".join(
                f"{len(names)} {kind}, as MVTec AD divides its categories: {', '.join(map(in_words, names)) or 'none'}"
                for kind, names in shown.items()
            ),
            severity="contradiction",
        )
    ]


def _shown_types(paper: Paper, figure: Figure) -> list[Finding]:
    found = []
    for category in figure.categories:
        labels = set(paper.counts[paper.counts["category"] == category]["label"]) - {GOOD}
        unknown = [name for name in figure.defect_types if name not in labels]
        if unknown:
            found.append(
                Finding(
                    id=slug("figure", figure.number, "types"),
                    where=f"Fig. {figure.number}",
                    title=f"{in_words(category).capitalize()} has no defect type {joined(unknown)}",
                    printed=joined(list(figure.defect_types)),
                    recomputed=joined(sorted(labels)),
                    arithmetic=f"Defect types of {in_words(category)} in MVTec AD: {', '.join(sorted(labels))}.",
                    severity="contradiction",
                )
            )
    return found


def _training_images(paper: Paper, figure: Figure) -> list[Finding]:
    """One training image is said to be shown; K of each defect type may be more."""
    said, types = figure.training_images, _types(paper)
    shots = min(paper.statements.protocol.shots)
    if said is None or paper.statements.protocol.shots_per != "defect_type":
        return []
    drawn = {name: shots * int(types[name]) for name in figure.categories}
    if all(count == said for count in drawn.values()):
        return []
    return [
        Finding(
            id=slug("figure", figure.number, "training-images"),
            where=f"Fig. {figure.number}; Sections {figure.section}, III-A and IV-B",
            title=f"Fig. {figure.number} and the text on it speak of one training image, not of one per defect type",
            printed=f"{counted(said, 'annotated training image')} per category",
            recomputed=joined([f"{count} ({in_words(name)})" for name, count in drawn.items()]),
            arithmetic="\n".join(f"{in_words(name)}: {shots} x {types[name]} defect types" for name in drawn),
            severity="contradiction",
        )
    ]


def _panels(paper: Paper, figure: Figure) -> list[Finding]:
    if figure.panels_said == figure.panels_listed:
        return []
    first, last = figure.panels_said.split("-"), figure.panels_listed.split("-")
    said, listed = (ord(end) - ord(start) + 1 for start, end in (first, last))
    return [
        Finding(
            id=slug("figure", figure.number, "panels"),
            where=f"Fig. {figure.number}, caption",
            title="The caption announces fewer panels than it lists"
            if said < listed
            else "The caption lists fewer panels",
            printed=f"({first[0]}) to ({first[1]})",
            recomputed=f"({last[0]}) to ({last[1]})",
            arithmetic=f"{said} letters announced, {listed} predicted masks listed: a slip that no number depends on.",
            severity="remark",
        )
    ]


def batches(paper: Paper) -> list[Finding]:
    """Batches that the drawn images cannot fill without taking one twice."""
    found = []
    types, protocol = _types(paper), paper.statements.protocol
    for shots, size in protocol.batch_size.items():
        if shots >= size:
            continue
        short = [str(name) for name, count in types.items() if shots * count < size]
        cells = pd.concat([paper.tables["II"], paper.tables["III"]])
        blank = set(cells[(cells["shots"] == shots) & cells["mean"].isna()]["category"])
        steps = [
            f"Algorithm 1 samples pairs (c, 1) to (c, m) with m = {size}; in Section III-A k runs to K = {shots} only.",
            f"With K of each category, as Table I counts, all {len(types)} categories have {shots} < {size} images.",
            f"With K of each defect type, {len(short)} do: {joined([in_words(name) for name in short] or ['none'])}.",
        ]
        if blank:
            steps.append(
                f"No method converged on {joined([in_words(name) for name in sorted(blank)])} (footnote of Tables II "
                f"and III): {'exactly' if blank == set(short) else 'not'} what is short under the second reading."
            )
        found.append(
            Finding(
                id=slug("batch", shots),
                where="Sections III-A and IV-E; Algorithm 1; Table I",
                title=f"{shots}-shot: a batch of {size} cannot be filled from {counted(shots, 'annotated image')}",
                printed=f"batch size {size} for {shots}-shot, in both input branches",
                recomputed=f"at most {counted(shots, 'different image')} where K counts per category",
                arithmetic="\n".join(steps),
                severity="remark",
            )
        )
    return found
