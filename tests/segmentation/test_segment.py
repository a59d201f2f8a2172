import pytest
import torch
from querying import SemanticAlone, querying

import segzoo

IMAGE = torch.rand(3, 97, 131, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("multiple", [1, 32])
@pytest.mark.parametrize("classes", [1, 4])
def test_the_class_map_is_that_of_the_models_logits(multiple, classes):
    model = querying(multiple=multiple, classes=classes)
    logits = model(IMAGE[None])[0]
    expected = logits.argmax(0) if classes > 1 else (logits[0] > 0).long()
    differing = model.segment(IMAGE) != expected
    first, second = logits.topk(2, dim=0).values if classes > 1 else (logits[0], torch.zeros(1))
    assert (first - second).abs()[differing].le(1e-5).all()  # of two scores that are alike either may win
    assert differing.float().mean() < 1e-3


def test_a_decoder_without_queries_gives_its_class_map_as_well():
    model = segzoo.create_model("test_resnet", "fpn", classes=4).eval()
    assert torch.equal(model.segment(IMAGE), model.predict(IMAGE))


@pytest.mark.parametrize(
    ("task", "kind"), [("semantic", torch.Tensor), ("instance", segzoo.Instances), ("panoptic", segzoo.Panoptic)]
)
def test_a_batch_gives_a_list_of_what_its_images_give(task, kind):
    model, images = querying(), torch.stack([IMAGE, IMAGE.flip(1)])
    found = model.segment(images, task, threshold=0)
    assert [type(each) for each in found] == [kind, kind]
    alone = model.segment(images[1], task, threshold=0)
    if task == "semantic":
        assert torch.equal(found[1], alone)
    elif task == "panoptic":
        assert torch.equal(found[1].ids, alone.ids)
    else:
        assert torch.equal(found[1].masks, alone.masks)


def test_all_tasks_cover_the_image():
    model = querying(multiple=32)
    assert model.segment(IMAGE, "instance", threshold=0).masks.shape[1:] == (97, 131)
    assert model.segment(IMAGE, "panoptic").ids.shape == (97, 131)


def test_things_are_those_of_the_labels_unless_others_are_given():
    model = querying()
    model.labels = {"logits": segzoo.Labels(things=(1,))}
    assert set(model.segment(IMAGE, "instance", threshold=0).labels.tolist()) == {1}
    assert set(model.segment(IMAGE, "instance", threshold=0, things=[2]).labels.tolist()) == {2}


def test_a_model_in_training_answers_as_in_eval_mode_and_goes_on_training():
    model = querying()
    expected = model.segment(IMAGE, "panoptic", threshold=0.1).ids
    assert torch.equal(model.train().segment(IMAGE, "panoptic", threshold=0.1).ids, expected)
    assert model.training


def test_a_model_in_half_precision_answers():
    found = querying().bfloat16().segment(IMAGE.bfloat16(), "instance", threshold=0)
    assert found.scores.dtype == torch.float32


@pytest.mark.parametrize("task", ["instance", "panoptic"])
def test_a_task_that_a_decoder_can_not_answer_is_refused(task):
    dense = segzoo.create_model("test_resnet", "fpn", classes=4)
    for model in (dense, querying(SemanticAlone)):
        with pytest.raises(segzoo.OptionError, match=f"answers semantic segmentation, and the task '{task}' needs"):
            model.segment(IMAGE, task)


def test_the_decoders_that_could_answer_are_named(tmp_path):
    segzoo.register(segzoo.DecoderSpec(name="told_of", target="querying:Querying"))
    segzoo.register(segzoo.DecoderSpec(name="semantic_alone", target="querying:SemanticAlone"))
    with pytest.raises(segzoo.OptionError) as error:
        segzoo.create_model("test_resnet", "fpn", classes=4).segment(IMAGE, "panoptic")
    assert "told_of" in str(error.value)
    assert "semantic_alone" not in str(error.value)
    assert "unet" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"task": "panoptics"}, "one of semantic, instance, panoptic, got 'panoptics'"),
        ({"threshold": 1.5}, "threshold is a number from 0 to 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold is a number from 0 to 1"),
        ({"overlap": "much"}, "overlap is a number from 0 to 1, got 'much'"),
        ({"overlap": True}, "overlap is a number"),
        ({"top": 0}, "top is a whole number from 1 on, got 0"),
        ({"top": 2.0}, "top is a whole number"),
        ({"things": [4]}, r"things are numbers of classes, 0 to 3, got \[4\]"),
        ({"things": 1.5}, "things are numbers of classes"),
        ({"things": ["car"]}, "things are numbers of classes"),
    ],
)
def test_values_out_of_range_are_refused(given, told):
    with pytest.raises(segzoo.OptionError, match=told):
        querying().segment(IMAGE, **given)


@pytest.mark.parametrize("image", [torch.rand(97, 131), "photo.png"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(segzoo.InputError, match="expected a tensor"):
        querying().segment(image)


def test_several_heads_are_left_to_predict():
    model = segzoo.create_model("test_resnet", "fpn", heads={"mask": 3, "edge": 1})
    with pytest.raises(segzoo.OptionError, match=r"the heads mask, edge, and segment answers for one; model.predict"):
        model.segment(IMAGE)


def test_one_head_may_have_a_name():
    assert querying(heads={"mask": 3}).segment(IMAGE, "panoptic").ids.shape == (97, 131)


def test_a_head_that_has_a_name_gives_its_class_map():
    for model in (querying(heads={"mask": 3}), segzoo.create_model("test_resnet", "fpn", heads={"mask": 3})):
        assert model.segment(IMAGE).shape == (97, 131)
