"""Rendered faces: that what is said of each image's light is true of its pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from limen.autoencoders._faces import lights, render_faces, shade
from limen.autoencoders._heads import Head, draw_head


def test_lights_are_those_of_extended_yale_b() -> None:
    places = lights()
    assert len(places) == len(np.unique(places, axis=0)) == 64
    assert places.min(axis=0).tolist() == [-130, -40]
    assert places.max(axis=0).tolist() == [130, 90]
    mirrored = places * [-1, 1]
    assert {tuple(place) for place in mirrored} == {tuple(place) for place in places}


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (40, 0), (-70, 30), (110, 20), (0, -35), (0, 90)])
def test_a_ball_is_brightest_towards_the_lamp(azimuth: float, elevation: float) -> None:
    y, x = np.mgrid[1:-1:201j, -1:1:201j]
    inside = x**2 + y**2 < 1
    normals = np.stack([x, y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))], axis=-1) * inside[..., None]
    shaded = shade(Head(normals, inside.astype(float)), azimuth, elevation)
    assert shaded.min() == 0
    a, e = math.radians(azimuth), math.radians(elevation)
    towards = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    brightest = normals.reshape(-1, 3)[shaded.argmax()]
    # From behind the lamp is nearest to a point of the rim.
    seen = towards if towards[2] >= 0 else towards * [1, 1, 0] / np.hypot(*towards[:2])
    assert brightest == pytest.approx(seen, abs=0.15)
    turned_away = inside & (normals @ towards <= 0)
    assert len(np.unique(shaded[turned_away])) == turned_away.any()  # the light from everywhere, alone


def test_surface_normals_are_of_unit_length_and_face_the_camera() -> None:
    head = draw_head(np.random.default_rng(3), 150)
    there = head.albedo > 0
    assert 0.4 < there.mean() < 0.8
    assert np.linalg.norm(head.normals[there], axis=-1) == pytest.approx(1)
    assert (head.normals[there][:, 2] > 0).all()
    assert head.albedo.max() <= 1
    left, right, forehead = head.normals[85, 30], head.normals[85, 119], head.normals[25, 75]
    assert left[0] < -0.2
    assert right[0] > 0.2
    assert forehead[1] > 0.2


def test_faces_are_lit_from_where_they_say() -> None:
    faces = render_faces(6)
    assert faces.images.shape == (384, 1, 48, 48)
    assert faces.images.dtype == np.uint8
    assert np.bincount(faces.subjects).tolist() == [0, *[64] * 6]
    images = faces.images[:, 0].astype(float)
    rightness = (images[:, :, 24:].mean(axis=(1, 2)) - images[:, :, :24].mean(axis=(1, 2))) / images.mean(axis=(1, 2))
    assert (rightness[faces.azimuths >= 35] > 0).all()
    assert (rightness[faces.azimuths <= -35] < 0).all()
    frontal = faces.azimuths == 0
    above = images[:, :24].mean(axis=(1, 2)) / images[:, 24:].mean(axis=(1, 2))
    for subject in range(1, 7):
        own = frontal & (faces.subjects == subject)
        assert (np.diff(above[own][faces.elevations[own].argsort()][:5]) > 0).all()
    brightness = images.mean(axis=(1, 2))
    assert brightness[np.abs(faces.azimuths) >= 120].max() < brightness[faces.azimuths == 0].min() + 25


def test_subjects_are_themselves_and_differ() -> None:
    few, many = render_faces(2, seed=5), render_faces(4, seed=5)
    assert (many.images[:128] == few.images).all()
    assert not (render_faces(2, seed=6).images == few.images).all()
    frontal = many.images[(many.azimuths == 0) & (many.elevations == 0), 0].astype(float)
    between = [np.abs(a - b).mean() for i, a in enumerate(frontal) for b in frontal[:i]]
    assert min(between) > 5
    assert render_faces(1, side=16).images.shape == (64, 1, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subjects": 0}, "subjects must be at least 1; got 0"),
        ({"side": 15}, "side must be at least 16; got 15"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"subjects": 1.5}, "subjects must be an integer; got 1.5"),
    ],
)
def test_faces_that_cannot_be(options: dict[str, int], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        render_faces(**options)
