"""Extreme expressions as combinations of ARKit's actions: speech, emotions, grimaces.

SMIRK draws its templates from FaMoS, whose data are not free. These are ours: visemes of speech,
prototypes of emotions by their FACS action units (Ekman and Friesen 1978; Friesen and Ekman 1983),
and one-sided grimaces, each of which also comes mirrored.
"""

from __future__ import annotations

import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

VISEMES = {
    "viseme_pp": "mouthClose .5 jawOpen .2 mouthPressLeft .7 mouthPressRight .7 mouthRollLower .5 "
    "mouthRollUpper .5",
    "viseme_ff": "jawOpen .1 mouthRollLower .9 mouthUpperUpLeft .4 mouthUpperUpRight .4",
    "viseme_th": "jawOpen .25 tongueOut .6 mouthLowerDownLeft .3 mouthLowerDownRight .3",
    "viseme_dd": "jawOpen .2 mouthStretchLeft .3 mouthStretchRight .3 mouthLowerDownLeft .4 "
    "mouthLowerDownRight .4",
    "viseme_kk": "jawOpen .35 mouthUpperUpLeft .2 mouthUpperUpRight .2 mouthLowerDownLeft .3 "
    "mouthLowerDownRight .3",
    "viseme_ch": "jawOpen .15 mouthFunnel .8 mouthShrugUpper .3",
    "viseme_ss": "jawOpen .08 mouthStretchLeft .6 mouthStretchRight .6 mouthLowerDownLeft .5 "
    "mouthLowerDownRight .5",
    "viseme_nn": "jawOpen .15 mouthUpperUpLeft .25 mouthUpperUpRight .25",
    "viseme_rr": "jawOpen .2 mouthFunnel .5 mouthPucker .3",
    "viseme_aa": "jawOpen .8 mouthLowerDownLeft .4 mouthLowerDownRight .4",
    "viseme_e": "jawOpen .35 mouthSmileLeft .4 mouthSmileRight .4 mouthStretchLeft .4 "
    "mouthStretchRight .4",
    "viseme_i": "jawOpen .15 mouthSmileLeft .6 mouthSmileRight .6 mouthStretchLeft .5 "
    "mouthStretchRight .5",
    "viseme_o": "jawOpen .5 mouthFunnel .8 mouthPucker .2",
    "viseme_u": "jawOpen .15 mouthPucker 1 mouthFunnel .3",
}
"""Mouths of speech."""

EMOTIONS = {
    "happiness": "mouthSmileLeft .9 mouthSmileRight .9 cheekSquintLeft .8 cheekSquintRight .8 "
    "eyeSquintLeft .4 eyeSquintRight .4",
    "laughter": "mouthSmileLeft 1 mouthSmileRight 1 cheekSquintLeft 1 cheekSquintRight 1 "
    "eyeBlinkLeft .5 eyeBlinkRight .5 jawOpen .6 mouthUpperUpLeft .5 mouthUpperUpRight .5",
    "polite_smile": "mouthSmileLeft .5 mouthSmileRight .5 mouthDimpleLeft .4 mouthDimpleRight .4",
    "sadness": "browInnerUp .9 browDownLeft .2 browDownRight .2 mouthFrownLeft .9 "
    "mouthFrownRight .9 mouthShrugLower .4",
    "crying": "browInnerUp .8 eyeSquintLeft .7 eyeSquintRight .7 mouthFrownLeft 1 "
    "mouthFrownRight 1 mouthStretchLeft .5 mouthStretchRight .5 mouthShrugLower .6 jawOpen .2",
    "surprise": "browInnerUp .9 browOuterUpLeft .9 browOuterUpRight .9 eyeWideLeft .9 "
    "eyeWideRight .9 jawOpen .6",
    "fear": "browInnerUp 1 browOuterUpLeft .4 browOuterUpRight .4 browDownLeft .3 "
    "browDownRight .3 eyeWideLeft 1 eyeWideRight 1 mouthStretchLeft .8 mouthStretchRight .8 "
    "jawOpen .25",
    "anger": "browDownLeft 1 browDownRight 1 eyeWideLeft .3 eyeWideRight .3 mouthPressLeft .8 "
    "mouthPressRight .8 mouthRollUpper .2 mouthRollLower .2",
    "rage": "browDownLeft 1 browDownRight 1 noseSneerLeft .8 noseSneerRight .8 jawOpen .5 "
    "mouthUpperUpLeft .7 mouthUpperUpRight .7 mouthLowerDownLeft .8 mouthLowerDownRight .8",
    "disgust": "noseSneerLeft 1 noseSneerRight 1 mouthUpperUpLeft .7 mouthUpperUpRight .7 "
    "browDownLeft .6 browDownRight .6 mouthShrugLower .4",
    "pain": "browDownLeft .9 browDownRight .9 eyeBlinkLeft .9 eyeBlinkRight .9 cheekSquintLeft .9 "
    "cheekSquintRight .9 noseSneerLeft .5 noseSneerRight .5 mouthStretchLeft .8 "
    "mouthStretchRight .8 jawOpen .15",
    "sulking": "mouthShrugLower 1 mouthShrugUpper .5 mouthPucker .3 browDownLeft .6 "
    "browDownRight .6 mouthFrownLeft .5 mouthFrownRight .5",
    "doubt": "browInnerUp .4 mouthPressLeft .5 mouthPressRight .5 mouthShrugLower .7 "
    "eyeSquintLeft .5 eyeSquintRight .5",
    "sleepy": "eyeBlinkLeft .6 eyeBlinkRight .6 jawOpen .05 browInnerUp .3",
    "yawn": "jawOpen 1 eyeBlinkLeft .9 eyeBlinkRight .9 browDownLeft .3 browDownRight .3 "
    "noseSneerLeft .3 noseSneerRight .3",
    "shout": "jawOpen 1 mouthUpperUpLeft .5 mouthUpperUpRight .5 mouthLowerDownLeft .7 "
    "mouthLowerDownRight .7 browDownLeft .5 browDownRight .5",
}
"""Prototypes of emotions and states."""

GRIMACES = {
    "kiss": "mouthPucker 1 mouthClose .1",
    "fish": "mouthPucker .9 cheekSquintLeft .2 cheekSquintRight .2 jawOpen .3",
    "puffed": "cheekPuff 1 mouthPressLeft .4 mouthPressRight .4",
    "puffed_kiss": "cheekPuff .8 mouthPucker .8",
    "tongue": "tongueOut 1 jawOpen .5",
    "tongue_laugh": "tongueOut .9 jawOpen .6 mouthSmileLeft .7 mouthSmileRight .7",
    "underbite": "jawForward 1 mouthLowerDownLeft .4 mouthLowerDownRight .4",
    "teeth": "mouthUpperUpLeft .9 mouthUpperUpRight .9 mouthLowerDownLeft .9 "
    "mouthLowerDownRight .9",
    "lips_in": "mouthRollLower 1 mouthRollUpper 1",
    "eyes_shut": "eyeBlinkLeft 1 eyeBlinkRight 1",
    "eyes_pressed": "eyeBlinkLeft 1 eyeBlinkRight 1 eyeSquintLeft 1 eyeSquintRight 1 "
    "cheekSquintLeft .8 cheekSquintRight .8",
    "eyes_wide": "eyeWideLeft 1 eyeWideRight 1",
    "brows_up": "browInnerUp 1 browOuterUpLeft 1 browOuterUpRight 1",
    "brows_down": "browDownLeft 1 browDownRight 1",
}
"""Faces that people pull, alike on both sides."""

ONE_SIDED = {
    "wink": "eyeBlinkLeft 1 cheekSquintLeft .5 mouthSmileLeft .4",
    "plain_wink": "eyeBlinkLeft 1",
    "wink_brow": "eyeBlinkLeft 1 browDownLeft .4 browOuterUpRight .8 browInnerUp .3",
    "brow": "browOuterUpLeft 1 browInnerUp .3",
    "brow_against": "browOuterUpLeft 1 browDownRight .8",
    "smirk": "mouthSmileLeft .9 mouthDimpleLeft .5 cheekSquintLeft .4",
    "contempt": "mouthDimpleLeft .9 mouthSmileLeft .3 mouthPressLeft .5",
    "snarl": "noseSneerLeft 1 mouthUpperUpLeft 1",
    "sneer_smile": "noseSneerLeft .8 mouthUpperUpLeft .6 mouthSmileLeft .4",
    "frown": "mouthFrownLeft 1 mouthStretchLeft .3",
    "stretch": "mouthStretchLeft 1 mouthLowerDownLeft .8",
    "lip_down": "mouthLowerDownLeft 1 jawOpen .1",
    "mouth_aside": "mouthLeft 1",
    "mouth_aside_pucker": "mouthLeft .8 mouthPucker .8",
    "jaw_aside": "jawLeft 1",
    "jaw_aside_open": "jawLeft .9 jawOpen .4",
    "chewing": "jawLeft .5 mouthLeft .4 mouthClose .3 jawOpen .3",
    "squint": "eyeSquintLeft 1 cheekSquintLeft .7",
    "press": "mouthPressLeft 1 mouthDimpleLeft .4",
}
"""Grimaces of the left side; each also comes mirrored."""


def template_weights() -> dict[str, dict[str, float]]:
    """Return all templates by name: ARKit's names to weights, those not named 0."""
    templates = {name: _parsed(text) for name, text in {**VISEMES, **EMOTIONS, **GRIMACES}.items()}
    for name, text in ONE_SIDED.items():
        left = _parsed(text)
        templates[f"{name}_left"] = left
        templates[f"{name}_right"] = {
            mirrored_name(action): value for action, value in left.items()
        }
    return templates


def _parsed(text: str) -> dict[str, float]:
    words = text.split()
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))


def template_bank(head: HeadModel) -> FaceParameters:
    """Return the templates as parameters of a head, in the order of :func:`template_weights`.

    Raises:
        AssetError: if the head has no named actions.
    """
    if not head.has_named_actions:
        raise AssetError(f"head {head.name!r} has no named actions to build templates from")
    columns = {name: column for column, name in enumerate(ARKIT_NAMES)}
    templates = template_weights()
    weights = torch.zeros(len(templates), len(ARKIT_NAMES), device=head.v_template.device)
    for row, actions in enumerate(templates.values()):
        for action, value in actions.items():
            weights[row, columns[action]] = value
    return head.from_arkit(weights)
