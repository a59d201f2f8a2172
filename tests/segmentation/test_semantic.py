import torch
from blobs import blobs, outputs, sure_classes
from test_instance import SIDE
from transformers import Mask2FormerImageProcessor

from segzoo.head import Classes, QueryHead
from segzoo.segmentation import find_classes


def test_classes_are_those_of_transformers():
    masks, logits = blobs(12, (96, 96), scale=3), sure_classes(12, 5) / 2
    (theirs,) = Mask2FormerImageProcessor().post_process_semantic_segmentation(outputs(masks, logits))
    ours = find_classes(masks, logits, SIDE, QueryHead(Classes.of(5, None)))
    assert (ours != theirs).sum() <= 2  # two scores that are alike to seven digits
    assert ours.unique().numel() > 2
    assert ours.dtype == torch.int64
