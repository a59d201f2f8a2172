import subprocess
import sys
from pathlib import Path

import pytest
from throwaway import IMPORT_RAISES, write_distribution

RUN = "import segzoo.cli; segzoo.cli.main({arguments!r}, standalone_mode=False)"


def loads_torch(code: str) -> bool:
    check = f"import sys\n{code}\nsys.stderr.write('torch' if 'torch' in sys.modules else 'no torch')"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", check], capture_output=True, text=True, check=True)
    return done.stderr == "torch"


@pytest.mark.parametrize(
    "code",
    [
        "import segzoo",
        "import segzoo; dir(segzoo)",
        "import segzoo; segzoo.plugins()",
        "import segzoo; assert segzoo.list_decoders()",
        "import segzoo; segzoo.register(segzoo.DecoderSpec(name='mine', target='m:Mine'))",
        "import segzoo.hookspecs, segzoo.registry, segzoo.discovery, segzoo.contract, segzoo.selection",
    ],
)
def test_torch_is_not_imported_by(code: str) -> None:
    assert not loads_torch(code)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["decoders"],
        ["decoders", "--json"],
        ["plugins"],
        ["plan", "--help"],
        ["demo", "--help"],
    ],
    ids=" ".join,
)
def test_torch_is_not_imported_by_the_command(arguments: list[str]) -> None:
    assert not loads_torch(RUN.format(arguments=arguments))


def test_torch_is_not_imported_when_a_plugin_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(tmp_path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert not loads_torch(
        "import segzoo; assert [i.id for i in segzoo.plugins() if i.status == 'broken'] == ['bad:bad']"
    )


def test_torch_is_imported_by_an_encoder_so_that_this_test_can_tell() -> None:
    assert loads_torch("import segzoo; segzoo.Encoder")
