"""Decoders that tell each pixel of the deepest map what is elsewhere in the image: the context."""

import segzoo


@segzoo.hookimpl
def segzoo_decoders() -> list[segzoo.DecoderSpec]:
    return [
        segzoo.DecoderSpec(
            name="nonlocal",
            target="segzoo_context.non_local:NonLocalDecoder",
            summary="each pixel of the deepest map attends to all pixels",
            good_for=(
                "The context of the whole scene, weighed pixel by pixel. Its time grows with the square of the pixels, "
                "so large images are better cut to tiles."
            ),
            paper="arXiv:1711.07971",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="danet",
            target="segzoo_context.danet:DANetDecoder",
            summary="attention among the pixels and attention among the channels, summed",
            good_for=(
                "Scenes where single channels tell classes apart, and pixels alone don't. Of the context decoders it "
                "is one of the most costly, with four wide convolutions beside the attention."
            ),
            paper="arXiv:1809.02983",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="gcnet",
            target="segzoo_context.gcnet:GCNetDecoder",
            summary="one global context, found by attention and added to each pixel",
            good_for="Large images: what it adds to two convolutions grows with the pixels, and not with their square.",
            paper="arXiv:1904.11492",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="dnl",
            target="segzoo_context.dnl:DNLDecoder",
            summary="non-local attention, with how alike pixels are and how salient they are apart",
            good_for=(
                "What `nonlocal` is good for, at the same cost: regions and edges each get an attention of their own."
            ),
            paper="arXiv:2006.06668",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="isanet",
            target="segzoo_context.isanet:ISANetDecoder",
            summary="attention among far pixels, then among near ones: together each sees all",
            good_for="Dense attention at a fraction of its memory, and a light head: one wide convolution.",
            paper="arXiv:1907.12273",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="ccnet",
            target="segzoo_context.ccnet:CCNetDecoder",
            summary="each pixel attends to its row and its column, twice",
            good_for="Large images with long structures, such as streets: it compares far fewer pairs than `nonlocal`.",
            paper="arXiv:1811.11721",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="emanet",
            target="segzoo_context.emanet:EMANetDecoder",
            summary="the deepest map rebuilt from a few bases, found by expectation and maximisation",
            good_for=(
                "Context of low rank at a cost that grows with the pixels, and not with their square. It learns its "
                "first bases from batches, so it needs some training before they mean anything."
            ),
            paper="arXiv:1907.13426",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="ann",
            target="segzoo_context.ann:ANNDecoder",
            summary="each pixel attends to averages over grids, of the map before and of its own",
            good_for=(
                "Attention on large images: the pixels are compared with some hundred averages. It fuses the two "
                "deepest maps, and so takes encoders of two or more."
            ),
            paper="arXiv:1908.07678",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="apcnet",
            target="segzoo_context.apcnet:APCNetDecoder",
            summary="each pixel weighs averages over grids of several sizes",
            good_for=(
                "Where PSPNet is good, with averages that each pixel weighs for itself. It has the most parameters of "
                "the context decoders."
            ),
            paper="https://openaccess.thecvf.com/content_CVPR_2019/html/"
            "He_Adaptive_Pyramid_Context_Network_for_Semantic_Segmentation_CVPR_2019_paper.html",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="dmnet",
            target="segzoo_context.dmnet:DMNetDecoder",
            summary="filters of several sizes that are computed of the image",
            good_for="Where PSPNet is good, with filters that fit the image, and objects of several sizes in it.",
            paper="https://openaccess.thecvf.com/content_ICCV_2019/html/"
            "He_Dynamic_Multi-Scale_Filters_for_Semantic_Segmentation_ICCV_2019_paper.html",
            license="Apache-2.0",
        ),
        segzoo.DecoderSpec(
            name="encnet",
            target="segzoo_context.encnet:EncNetDecoder",
            summary="a code of the whole image says which channels matter",
            good_for=(
                "Many classes of which an image has few, as in ADE20K. It is the lightest of the context decoders: one "
                "wide convolution and a gate."
            ),
            paper="arXiv:1803.08904",
            license="Apache-2.0",
        ),
    ]
