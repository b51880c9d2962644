"""`limen info`, and the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import limen
from limen.cli import main


def fact(name: str, out: str) -> str:
    (line,) = (line for line in out.splitlines() if line.startswith(f"{name}  "))
    return line.removeprefix(name).strip()


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


@pytest.mark.parametrize(("wanted", "said"), [(None, "not set: "), ("", "empty: "), ("auto", "auto: ")])
def test_info_tells_which_implementation_is_used(wanted: str | None, said: str) -> None:
    done = run_info(wanted)
    assert fact("LIMEN_IMPLEMENTATION", done.stdout) == f"{said}{limen.implementations()[-1]} is used"
    assert fact("LIMEN_IMPLEMENTATION", run_info("scalar").stdout) == "scalar: scalar is used"


def test_info_tells_that_there_is_no_such_implementation() -> None:
    done = run_info("sse9")
    assert done.returncode == 0
    assert "must be auto or one of reference, scalar" in fact("LIMEN_IMPLEMENTATION", done.stdout)


def run_info(implementation: str | None, before: str = "pass") -> subprocess.CompletedProcess[str]:
    """In a process of its own: the environment is read once."""
    environment = {name: value for name, value in os.environ.items() if name != "LIMEN_IMPLEMENTATION"}
    if implementation is not None:
        environment["LIMEN_IMPLEMENTATION"] = implementation
    script = f"import sys; {before}; from limen.cli import main; sys.exit(main(['info']))"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)


def test_info_needs_no_extra() -> None:
    missing = "sys.modules.update(dict.fromkeys(['PIL', 'jinja2', 'tqdm', 'torch', 'onnxruntime']))"
    done = run_info(None, missing)
    assert (done.returncode, done.stderr) == (0, "")
    assert fact("limen", done.stdout) == limen.__version__


def fail(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (list, "none found"),
        (lambda: ["NVIDIA H100, compute capability 9.0", "other"], "NVIDIA H100, compute capability 9.0; other"),
        (lambda: fail(RuntimeError("driver too old")), "unknown: driver too old"),
    ],
)
def test_info_lists_gpus(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], devices: Any, said: str
) -> None:
    monkeypatch.setattr("limen.cli._info.is_built", lambda: True)
    monkeypatch.setattr("limen.cli._info.cuda_core", lambda: SimpleNamespace(devices=devices))
    assert main(["info"]) == 0
    assert fact("GPUs", capsys.readouterr().out) == said


def test_info_tells_why_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("limen.cli._info.is_built", lambda: False)
    assert main(["info"]) == 0
    assert fact("GPUs", capsys.readouterr().out) == "none: limen was built without CUDA"

    monkeypatch.setattr("limen.cli._info.is_built", lambda: True)
    monkeypatch.setattr("limen._cuda_core.importlib.import_module", lambda name: fail(ImportError("no libcudart")))
    limen._cuda_core.cuda_core.cache_clear()
    assert main(["info"]) == 0
    assert fact("GPUs", capsys.readouterr().out) == "unknown: no libcudart"


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
    assert "exit status:\n  0 " in out


def test_parsing_loads_nothing_heavy() -> None:
    heavy = {"PIL", "jinja2", "onnxruntime", "torch", "urllib.request"}
    script = f"import sys; from limen.cli import main; main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1] == "[]"
