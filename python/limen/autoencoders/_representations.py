"""The codes of several autoencoders, asked the same questions about the same faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from ._checkpoints import Trained, load
from ._image_sets import ImageSet, adapted
from ._intervals import Interval
from ._layers import Autoencoder
from ._probe import Answers, interval, probe
from ._training import Plan, train, warm_up
from ._yale import Faces, face_splits

COMPONENTS = "pca"
"""The name under which principal components stand beside the networks: as many as the first one's code has numbers."""

_BATCH = 256


@dataclass(frozen=True)
class Representations:
    """Answers by the codes' name, in the order they were asked for; the first is what the others are held against."""

    answers: Mapping[str, Answers]
    code_sizes: Mapping[str, int]

    def mean(self, name: str, question: str) -> Interval:
        """The mean error over divisions."""
        return interval(self.answers[name][question])

    def difference(self, name: str, question: str) -> Interval:
        """How much larger the error is than the first one's, division by division."""
        first = next(iter(self.answers))
        return interval(self.answers[name][question] - self.answers[first][question])


def train_on_faces(
    plans: Sequence[Plan],
    faces: Faces,
    source: str,
    folder: Path,
    *,
    announce: Callable[[str], object] = lambda text: None,
    **options: Any,
) -> dict[str, Autoencoder]:
    """A network for each plan, by its objective, in which alone plans differ: all start from the same weights.

    Declared choice: networks see three fifths of the faces, drawn by the plans' seed, and no labels. What is in the
    folder already is not trained again; further options are those of `train`.
    """
    first = plans[0]
    splits = face_splits(faces, source, first.seed)
    start = None
    if first.warm_up:
        announce(f"{first.model}, warm-up")
        start = warm_up(first, splits, folder / "warm-up", **options)
    models = {}
    for plan in plans:
        announce(f"{plan.model}, {plan.objective}")
        place = folder / plan.objective.replace("*", "x").replace(" ", "")
        models[plan.objective] = train(plan, splits, place, resume=True, start=start, **options).model
    return models


def load_by_objective(checkpoints: Sequence[Path]) -> dict[str, Autoencoder]:
    """Trained networks by their objectives; where two have the same, by the folders they lie in too.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is no checkpoint of an autoencoder, or two have one name.
    """
    loaded: dict[Path, Trained] = {path: load(path) for path in dict.fromkeys(checkpoints)}
    objectives = [trained.record["objective"] for trained in loaded.values()]
    names = [
        trained.record["objective"]
        if objectives.count(trained.record["objective"]) == 1
        else f"{trained.record['objective']} in {path.resolve().parent.name}"
        for path, trained in loaded.items()
    ]
    if len(set(names)) < len(names):
        raise ValueError(f"checkpoints of one objective must lie in folders of different names; got {', '.join(names)}")
    return {name: trained.model for name, trained in zip(names, loaded.values(), strict=True)}


def ask(
    models: Mapping[str, Autoencoder],
    faces: Faces,
    *,
    repeats: int = 10,
    seed: int = 0,
    announce: Callable[[str], object] = lambda text: None,
) -> Representations:
    """Probe the codes of every network, and principal components of all faces beside them.

    Raises
    ------
    ValueError
        If the faces are smaller than a network's images, or too few.
    """
    codes = {name: encode(model, faces) for name, model in models.items()}
    first = next(iter(codes.values()))
    components = min(first.shape[1], len(faces), faces.images[0].size)
    codes[COMPONENTS] = PCA(components, random_state=seed).fit_transform(faces.images.reshape(len(faces), -1) / 255)
    answers = {}
    for name, values in codes.items():
        announce(f"probing {name}")
        answers[name] = probe(values, faces, repeats=repeats, seed=seed)
    return Representations(answers, {name: values.shape[1] for name, values in codes.items()})


@torch.inference_mode()
def encode(model: Autoencoder, faces: Faces) -> NDArray[np.float64]:
    """The codes (N, code size) of all faces, brought into the network's shape."""
    images = adapted(ImageSet(faces.images, np.arange(len(faces)), faces.names), model.shape)
    model.eval()
    return np.concatenate([model.encode(batch).double().numpy() for batch in images.batches(_BATCH)])
