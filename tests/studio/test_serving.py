"""The page as a server: many visitors at once, and nothing that leaves the machine."""

import socket
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from small_models import save_model, save_pdf, save_picture
from studio_driver import serving

import segzoo
from segzoo.studio import Settings, launch

pytestmark = pytest.mark.slow
VISITORS = 20


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return save_picture(tmp_path_factory.mktemp("pictures") / "photo.png")


def segment(address, model, image):
    """What a visitor gets: the table of areas, or the error."""
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError

    client = Client(address, verbose=False, httpx_kwargs={"timeout": 300})
    try:
        return client.predict(model, None, handle_file(str(image)), api_name="/segment")[4]
    except (AppError, QueueError) as error:
        return unescape(str(error))


def pictures(folder):
    """One of each visitor's own: Gradio writes equal pictures to one file, and may send it while it does."""
    return [save_picture(folder / f"{number}.png", width=160 + number) for number in range(VISITORS)]


def test_twenty_visitors_at_once_each_get_their_answer(model, tmp_path):
    images = pictures(tmp_path)
    for number in range(0, VISITORS, 2):
        save_pdf(images[number])
    with serving(models=(model,), tabs=("try",)) as address, ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(lambda image: segment(address, model, image), images))
    for number, answer in enumerate(answers):
        assert ("Pixels" if number % 2 else f"{number}.png can't be read as an image") in answer


def test_a_visitor_too_many_is_told_so(model, tmp_path):
    with serving(models=(model,), tabs=("try",), max_waiting=1) as address, ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(lambda image: segment(address, model, image), pictures(tmp_path)))
    assert any("Pixels" in answer for answer in answers)
    assert any("queue is full" in answer.lower() for answer in answers)


def test_a_closed_studio_loads_no_other_model(model, photo, tmp_path):
    with serving(models=(model,), tabs=("try",), closed=True) as address:
        answer = segment(address, save_model(tmp_path / "other"), photo)
    assert "Pixels" not in answer


def test_nothing_leaves_the_machine(model, photo, monkeypatch):
    asked = []
    connect = socket.socket.connect

    def noted(self, address):
        asked.append(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    with serving(models=(model,), tabs=("try",)) as address:
        segment(address, model, photo)
    hosts = {each[0] for each in asked if isinstance(each, tuple)}
    assert hosts
    assert hosts <= {"127.0.0.1", "::1", "localhost"}


def test_a_port_that_is_taken_is_an_error(model):
    with serving(models=(model,), tabs=("try",)) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        with pytest.raises(segzoo.OptionError, match="can't be served on this machine"):
            launch(Settings(port=port, tabs=("watch",)), block=False)
