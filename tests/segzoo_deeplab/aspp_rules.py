"""Names that SMP's and torchvision's atrous spatial pyramid pooling share, and segzoo's."""

ASPP = [
    (r"\.convs\.0\.", ".point."),
    *((rf"\.convs\.{i + 1}\.", f".atrous.{i}.") for i in range(3)),
    (r"\.convs\.4\.1\.", ".pooling.branches.0.conv."),
    (r"\.convs\.4\.2\.", ".pooling.branches.0.norm."),
    (r"\.atrous\.(\d)\.0\.0\.", r".atrous.\1.depthwise.conv."),
    (r"\.atrous\.(\d)\.0\.1\.", r".atrous.\1.pointwise.conv."),
    (r"\.(point|atrous\.\d|project)\.0\.", r".\1.conv."),
    (r"\.(point|atrous\.\d|project)\.1\.", r".\1.norm."),
]
SEPARABLE = [(r"\.atrous\.(\d)\.norm\.", r".atrous.\1.pointwise.norm.")]
"""In addition, where the dilated convolutions are separable."""
