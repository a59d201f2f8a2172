"""Which models visitors may load, and which stay loaded."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_models import save_model

import segzoo
from segzoo.studio import Settings
from segzoo.studio.models import KEPT, Models


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "small")


def test_twenty_who_ask_at_once_get_the_same_model(saved):
    models = Models(Settings())
    with ThreadPoolExecutor(20) as pool:
        loaded = list(pool.map(models.get, [saved] * 20))
    assert len(set(map(id, loaded))) == 1


def test_the_longest_unused_is_forgotten(tmp_path):
    names = [save_model(tmp_path / str(number)) for number in range(KEPT + 1)]
    models = Models(Settings())
    first = models.get(names[0])
    for name in names[1:]:
        models.get(name)
    assert models.get(names[0]) is not first


def test_a_model_that_is_saved_anew_is_loaded_anew(tmp_path):
    models, name = Models(Settings()), save_model(tmp_path / "small")
    first = models.get(name)
    save_model(Path(name), seed=1)
    assert models.get(name) is not first


def test_a_closed_studio_offers_its_models_alone(saved, tmp_path):
    models = Models(Settings(models=(saved,), closed=True))
    assert models.get(saved)
    with pytest.raises(segzoo.OptionError, match="this studio offers"):
        models.get(save_model(tmp_path / "other"))


@pytest.mark.parametrize("name", [None, "", " "])
def test_no_model_is_asked_for(name):
    with pytest.raises(segzoo.OptionError, match="choose a model"):
        Models(Settings()).get(name)


def test_a_folder_whose_config_and_weights_disagree_is_refused(tmp_path):
    name = save_model(tmp_path / "liar")
    file = Path(name) / "config.json"
    config = json.loads(file.read_text())
    config["plan"]["decoder_options"]["width"] = 32
    file.write_text(json.dumps(config))
    with pytest.raises(segzoo.CheckpointError):
        Models(Settings()).get(name)


@pytest.mark.parametrize(("host", "closed"), [(None, False), ("127.0.0.1", False), ("0.0.0.0", True)])
def test_a_page_that_other_machines_reach_is_closed(host, closed):
    assert Settings(host=host).is_closed is closed


def test_a_host_that_gradio_is_told_of_counts_too(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    assert Settings().is_closed


def test_it_can_be_opened_all_the_same():
    assert not Settings(host="0.0.0.0", closed=False).is_closed


@pytest.mark.parametrize("wrong", [{"max_pixels": 0}, {"max_upload": -1}, {"tabs": ()}, {"tabs": ("cook",)}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(segzoo.OptionError, match=next(iter(wrong))):
        Settings(**wrong)
