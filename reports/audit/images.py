"""Checks of image counts: Table I, MVTec AD, batches, figures."""

from __future__ import annotations

from collections.abc import Iterator

from reports.audit.finding import Finding, Severity, slug
from reports.paper.ledger import Figure
from reports.paper.printed import GOOD, Paper, spaced
from reports.wording import counted, joined


def totals(paper: Paper) -> Iterator[Finding]:
    """Numbers of images and defect types, and Table I's normal images, against MVTec AD.

    Examples
    --------
    >>> list(totals(Paper.published()))
    []
    """
    counts, settings = paper.counts, paper.ledger.settings
    if counts["images"].sum() != settings.images:
        parts = counts.assign(label=counts["label"].where(counts["label"] == GOOD, "defective"))
        sums = parts.groupby(["split", "label"])["images"].sum()
        yield Finding(
            id="images-in-all",
            where="Section IV-A",
            title="MVTec AD has a different number of images",
            printed=str(settings.images),
            recomputed=str(counts["images"].sum()),
            arithmetic=" + ".join(f"{count} ({split}, {name})" for (split, name), count in sums.items()),
            severity=Severity.CONTRADICTION,
        )
    types = {category: len(labels) for category, labels in paper.defect_types().items()}
    if sum(types.values()) <= settings.more_types_than:
        yield Finding(
            id="defect-types-in-all",
            where="Section IV-A",
            title="MVTec AD has fewer defect types",
            printed=f"over {settings.more_types_than}",
            recomputed=str(sum(types.values())),
            arithmetic=" + ".join(f"{count} ({spaced(name)})" for name, count in types.items()),
            severity=Severity.CONTRADICTION,
        )
    yield from _normal_images(paper)


def _normal_images(paper: Paper) -> Iterator[Finding]:
    normal = paper.counts[paper.counts["label"] == GOOD].set_index(["category", "split"])["images"]
    wrong, steps = [], []
    for row in paper.image_counts():
        for split, printed in row.normal.items():
            actual = int(normal.get((row.category, split), 0))
            if printed != actual:
                wrong.append(f"{spaced(row.category)} {printed}")
                steps.append(f"{spaced(row.category)}, {split}: MVTec AD has {actual}, Table I prints {printed}.")
    if not wrong:
        return
    yield Finding(
        id="normal-images",
        where="Table I",
        title="Table I's counts of normal images are not those of MVTec AD",
        printed=joined(wrong),
        recomputed=f"{len(wrong)} other counts",
        arithmetic="\n".join(steps),
        severity=Severity.CONTRADICTION,
    )


def table_of_images(paper: Paper) -> Iterator[Finding]:
    """Table I's defective images against MVTec AD's, with K drawn of each defect type as the text states.

    Examples
    --------
    >>> [finding.id for finding in table_of_images(Paper.published())]
    ['table-of-images-1', 'table-of-images-5']
    """
    types, settings = paper.defect_types(), paper.ledger.settings
    rows = paper.image_counts()
    for shots in settings.shots:
        steps, printed, expected = [], 0, 0
        for row in rows:
            groups = len(types[row.category]) if settings.shots_per == "defect_type" else 1
            drawn, available = shots * groups, sum(types[row.category].values())
            train, test = row.train_defective[shots], row.test_defective[shots]
            printed, expected = printed + test, expected + available - drawn
            if (train, test) != (drawn, available - drawn):
                steps.append(
                    f"{spaced(row.category)}: {counted(groups, 'type')} x {shots} = {drawn} for training, "
                    f"{available} - {drawn} = {available - drawn} for testing; printed {train} and {test} "
                    f"({train} + {test} = {train + test})"
                )
        if steps:
            yield Finding(
                id=slug("table-of-images", shots),
                where="Table I; Sections III-A and IV-B",
                title=f"{shots}-shot: Table I's counts are not those of K images drawn of each defect type",
                printed=f"{printed} defective test images",
                recomputed=f"{expected}, with {shots} of each defect type for training; "
                f"{len(steps)} of {len(rows)} rows differ",
                arithmetic="\n".join(steps),
                severity=Severity.CONTRADICTION,
            )


def figures(paper: Paper) -> Iterator[Finding]:
    """What captions state about the shown categories, defect types, training images and panels.

    Examples
    --------
    >>> [finding.id for finding in figures(Paper.published())]
    ['figure-6-kinds', 'figure-6-training-images', 'figure-6-panels']
    """
    for figure in paper.ledger.figures:
        for check in (_kinds, _shown_types, _training_images, _panels):
            yield from check(paper, figure)


def _kinds(paper: Paper, figure: Figure) -> Iterator[Finding]:
    kinds = {row.category: row.kind for row in paper.image_counts()}
    actual = {kind: [name for name in figure.categories if kinds[name] == kind] for kind in figure.kinds}
    if all(len(actual[kind]) == count for kind, count in figure.kinds.items()):
        return
    yield Finding(
        id=slug("figure", figure.number, "kinds"),
        where=f"Fig. {figure.number}; Section {figure.section}",
        title=f"Fig. {figure.number} does not show as many textures and objects as the text states",
        printed=f"{joined([f'{count} {kind}' for kind, count in figure.kinds.items()])} categories",
        recomputed=joined([f"{len(names)} {kind}" for kind, names in actual.items()]),
        arithmetic="\n".join(
            f"{len(names)} {kind}, as MVTec AD divides its categories: {', '.join(map(spaced, names)) or 'none'}"
            for kind, names in actual.items()
        ),
        severity=Severity.CONTRADICTION,
    )


def _shown_types(paper: Paper, figure: Figure) -> Iterator[Finding]:
    for category in figure.categories:
        labels = sorted(paper.defect_types()[category])
        unknown = [name for name in figure.defect_types if name not in labels]
        if unknown:
            yield Finding(
                id=slug("figure", figure.number, "types"),
                where=f"Fig. {figure.number}",
                title=f"{spaced(category).capitalize()} has no defect type {joined(unknown)}",
                printed=joined(figure.defect_types),
                recomputed=joined(labels),
                arithmetic=f"Defect types of {spaced(category)} in MVTec AD: {', '.join(labels)}.",
                severity=Severity.CONTRADICTION,
            )


def _training_images(paper: Paper, figure: Figure) -> Iterator[Finding]:
    """The stated number of training images against K of each defect type."""
    stated, settings = figure.training_images, paper.ledger.settings
    if stated is None or settings.shots_per != "defect_type":
        return
    shots = min(settings.shots)
    types = {name: len(paper.defect_types()[name]) for name in figure.categories}
    if all(shots * count == stated for count in types.values()):
        return
    yield Finding(
        id=slug("figure", figure.number, "training-images"),
        where=f"Fig. {figure.number}; Sections {figure.section}, III-A and IV-B",
        title=f"Fig. {figure.number} and the text on it mention one training image, not one per defect type",
        printed=f"{counted(stated, 'annotated training image')} per category",
        recomputed=joined([f"{shots * count} ({spaced(name)})" for name, count in types.items()]),
        arithmetic="\n".join(f"{spaced(name)}: {shots} x {count} defect types" for name, count in types.items()),
        severity=Severity.CONTRADICTION,
    )


def _panels(paper: Paper, figure: Figure) -> Iterator[Finding]:
    if figure.panels_announced == figure.panels_listed:
        return
    first, last = figure.panels_announced.split("-"), figure.panels_listed.split("-")
    announced, listed = (ord(end) - ord(start) + 1 for start, end in (first, last))
    yield Finding(
        id=slug("figure", figure.number, "panels"),
        where=f"Fig. {figure.number}, caption",
        title=f"The caption announces {'fewer' if announced < listed else 'more'} panels than it lists",
        printed=f"({first[0]}) to ({first[1]})",
        recomputed=f"({last[0]}) to ({last[1]})",
        arithmetic=f"{announced} letters announced, {listed} predicted masks listed: a slip without effect.",
        severity=Severity.REMARK,
    )


def batches(paper: Paper) -> Iterator[Finding]:
    """Batches that the drawn images cannot fill without repeating one.

    Examples
    --------
    >>> [finding.id for finding in batches(Paper.published())]
    ['batch-1']
    """
    types, settings = paper.defect_types(), paper.ledger.settings
    for shots, size in settings.batch_size.items():
        if shots >= size:
            continue
        short = [name for name, labels in types.items() if shots * len(labels) < size]
        cells = [paper.tables[number] for number in ("II", "III")]
        blank = {
            name for table in cells for name in table[(table["shots"] == shots) & table["mean"].isna()]["category"]
        }
        steps = [
            f"Algorithm 1 samples pairs (c, 1) to (c, m) with m = {size}; in Section III-A k only runs to K = {shots}.",
            f"With K of each category, as Table I counts, all {len(types)} categories have {shots} < {size} images.",
            f"With K of each defect type, {len(short)} do: {joined([spaced(name) for name in short] or ['none'])}.",
        ]
        if blank:
            steps.append(
                f"No method converged on {joined([spaced(name) for name in sorted(blank)])} (footnote of Tables II "
                f"and III): {'exactly' if blank == set(short) else 'not'} the categories with too few images under the "
                "second reading."
            )
        yield Finding(
            id=slug("batch", shots),
            where="Sections III-A and IV-E; Algorithm 1; Table I",
            title=f"{shots}-shot: a batch of {size} cannot be filled from {counted(shots, 'annotated image')}",
            printed=f"batch size {size} for {shots}-shot, in both input branches",
            recomputed=f"at most {counted(shots, 'different image')} if K images are drawn per category",
            arithmetic="\n".join(steps),
            severity=Severity.REMARK,
        )
