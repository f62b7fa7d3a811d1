"""The rankings by mean rank that stand below the ranking by mean IOU on the page."""

from __future__ import annotations

from reports.collect import ResultSet
from reports.page.sections import Listing, RankPanel
from reports.rank_diagram import rank_diagram
from reports.rank_views import KINDS, RankView, stored_scores, view_ranks

_METRIC = "iou"


def rank_panels(results: ResultSet) -> list[RankPanel]:
    """Return, for each K, the ranking over all categories, and over textures and objects where there are both."""
    kinds = {name: [category for category in results.categories if category in of] for name, of in KINDS.items()}
    both = all(len(categories) > 1 for categories in kinds.values())
    panels = []
    for shots in results.shots:
        scores = stored_scores(results, _METRIC, shots)
        for name, categories in {"": results.categories, **(kinds if both else {})}.items():
            view = view_ranks(scores, _METRIC, shots, results, categories, what=[name] if name else [])
            diagram = rank_diagram(view)
            if diagram is not None:
                panels.append(RankPanel(view, diagram, _listings(view)))
    return panels


def _listings(view: RankView) -> tuple[Listing, ...]:
    return (
        Listing(f"Mean ranks, {view.subject}", view.head, tuple(view.rows)),
        Listing(f"Places in drawn sets of categories, {view.subject}", view.place_head, tuple(view.place_rows)),
        Listing(f"Wins-ties-losses over categories, {view.subject}", view.place_head, tuple(view.win_rows)),
    )
