"""`limen info`, and the command itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import limen
from limen.cli import main


def test_info_tells_what_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMEN_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert limen.__version__ in out
    assert ", ".join(limen.implementations()) in out
    assert f"{tmp_path}\n" in out
    assert f"{tmp_path / 'nowhere' / 'hub' / 'checkpoints'} (not there)" in out
    assert "lpips-vgg" in out


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["info", "--unknown"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage: limen" in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"limen {limen.__version__}\n"
    assert main(["compare", "--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in limen.conventions)


def test_parsing_loads_nothing_heavy() -> None:
    heavy = {"PIL", "jinja2", "onnxruntime", "torch", "urllib.request"}
    script = f"import sys; from limen.cli import main; main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"
