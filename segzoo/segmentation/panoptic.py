"""An image cut into objects and stuff, of masks with their classes (arXiv:2107.06278, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from segzoo.segmentation.frame import Frame
from segzoo.segmentation.results import Box, Panoptic, Segment


def find_segments(
    masks: Tensor,
    classes: Tensor,
    frame: Frame,
    *,
    threshold: float = 0.8,
    overlap: float = 0.8,
    things: Sequence[int] | None = None,
) -> Panoptic:
    """Give each pixel to the mask that claims it most, and leave out masks that lose most of theirs.

    A mask whose most probable class is "no object" claims nothing. The others claim a pixel by the class's probability
    times the mask's; the winner gets it where its mask is at 0.5 or more.

    :param masks: logits (Q, h, w) of one image.
    :param classes: logits (Q, classes + 1), the last "no object".
    :param threshold: of the class's probability: masks above it are kept.
    :param overlap: a mask stays where it wins more than this share of its pixels, those at 0.5 or more.
    :param things: the classes whose objects are told apart. The segments of any other class become one. None: all.
    """
    scores, labels = classes.float().softmax(dim=-1).max(dim=-1)
    kept = (labels < classes.shape[1] - 1) & (scores > threshold)
    scores, labels = scores[kept], labels[kept]
    claims = _Claims(masks[kept], scores, frame)
    won, pixels, owned = claims.won.tolist(), claims.pixels.tolist(), claims.owned.tolist()
    ids = [0]  # of no mask, then of each
    segments: list[Segment] = []
    stuff: dict[int, int] = {}
    for query, (label, score) in enumerate(zip(labels.tolist(), scores.tolist(), strict=True)):
        if not owned[query] or won[query] <= overlap * pixels[query]:
            ids.append(0)
            continue
        thing = things is None or label in things
        box = claims.box(query)
        if label in stuff:
            number = stuff[label]
            known = segments[number - 1]
            segments[number - 1] = replace(
                known,
                score=max(known.score, score),
                area=known.area + owned[query],
                box=_around(known.box, box),
            )
        else:
            number = len(segments) + 1
            segments.append(Segment(number, label, score, thing, owned[query], box))
            if not thing:
                stuff[label] = number
        ids.append(number)
    table = torch.tensor(ids, dtype=torch.int32)
    for row in claims.owner:  # in place, since it is as large as the image
        row.copy_(table[row.long()])
    return Panoptic(claims.owner, tuple(segments))


class _Claims:
    """Which mask each pixel goes to, and how many each mask wins.

    :ivar owner: int32 (H, W), on the CPU: the number of the mask, from 1 on, 0 where there is none.
    :ivar won: (K,): pixels that a mask claims most; those at 0.5 or more are `owned`.
    :ivar pixels: (K,): pixels where a mask is at 0.5 or more.
    """

    def __init__(self, masks: Tensor, scores: Tensor, frame: Frame) -> None:
        count, device = masks.shape[0], masks.device
        height, width = frame.size
        self.owner = torch.zeros(height, width, dtype=torch.int32)
        self.won, self.pixels, self.owned = torch.zeros(3, count, dtype=torch.int64, device=device)
        self.rows = torch.zeros(count, height, dtype=torch.bool, device=device)
        self.columns = torch.zeros(count, width, dtype=torch.bool, device=device)
        numbers = torch.arange(count, device=device)[:, None, None]
        for rows, strip in frame.strips(masks):
            probability = strip.sigmoid()
            winner = (probability * scores[:, None, None]).argmax(dim=0)
            sure = probability >= 0.5
            wins = winner == numbers
            owned = wins & sure
            self.won += wins.sum(dim=(1, 2))
            self.pixels += sure.sum(dim=(1, 2))
            self.owned += owned.sum(dim=(1, 2))
            self.rows[:, rows] = owned.any(dim=2)
            self.columns |= owned.any(dim=1)
            self.owner[rows] = torch.where(owned.any(dim=0), winner + 1, 0).to("cpu", torch.int32)

    def box(self, query: int) -> Box:
        """Left, top, right and bottom of what a mask owns, the last two not included."""
        across, down = self.columns[query].nonzero(), self.rows[query].nonzero()
        return int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
