"""Data: images and their masks, from where they are stored to batches of tensors.

`open_dataset` finds out what lies at a path; plugins provide the forms that it knows.
"""

from segzoo.data.dataset import Dataset as Dataset
from segzoo.data.opening import open_dataset as open_dataset
from segzoo.data.sample import Sample as Sample
