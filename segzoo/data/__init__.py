"""Data: images and their masks, from where they are stored to batches of tensors.

`open_dataset` finds out what lies at a path; plugins provide the forms that it knows.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augmentation": ["Augmentation"],
        "balance": ["histogram"],
        "batches": ["collate", "loader"],
        "checking": ["DataReport", "check"],
        "classes": ["find_classes", "read_classes"],
        "dataset": ["Dataset"],
        "layout": ["Pair", "Paired", "find_folders", "find_instances", "find_named_folders", "pair"],
        "opening": ["open_dataset"],
        "order": ["Draw", "Evenly", "Stream"],
        "reading": [
            "PICTURES",
            "encode_colours",
            "image_size",
            "in_colour",
            "read_image",
            "read_mask",
            "read_palette",
            "relabel",
        ],
        "sample": ["Sample"],
        "samples": ["Samples"],
        "sheet": ["draw_sheet"],
        "splitting": ["split"],
        "statistics": ["own_preprocessing"],
        "target": ["classes_of_batch"],
    },
)
