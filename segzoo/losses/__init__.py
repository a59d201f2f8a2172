"""Losses for dense logits: terms by name, summed with weights; and that of decoders of queries."""

from segzoo.losses.foreign import Foreign as Foreign
from segzoo.losses.loss import Loss as Loss
from segzoo.losses.mask_loss import MaskLoss as MaskLoss
from segzoo.losses.targets import segments_of as segments_of
from segzoo.losses.terms import TERMS as TERMS
from segzoo.losses.terms import bce as bce
from segzoo.losses.terms import boundary as boundary
from segzoo.losses.terms import ce as ce
from segzoo.losses.terms import dice as dice
from segzoo.losses.terms import focal as focal
from segzoo.losses.terms import lovasz as lovasz
from segzoo.losses.terms import ohem as ohem
from segzoo.losses.terms import tversky as tversky
