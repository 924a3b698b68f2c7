"""How the actions of the left side, and those of both, are made from the sources' and places.

The numbers are ours, in half millimetres: for each action as few places as bring direction and size
of the motion of MediaPipe's landmarks near those of a scanned head (ICT-FaceKit), which
``benchmarks/head_actions.py`` measures. ``keep`` is rounded to a twentieth.
"""

from smirk3d.head_import.anny.repairs.action_shapes import Shape

ACTION_SHAPES = {
    "eyeSquintLeft": Shape(
        keep=0.7,
        moves={"below_eye": (-2, 1, -0.5), "outer_canthus": (0, -1, 0.5), "cheekbone": (1, 0, 1)},
    ),
    "eyeWideLeft": Shape(keep=0.5, upper_eyelid=1.5, moves={}),
    "jawForward": Shape(moves={"below_corner": (1.5, -1, 4.5)}),
    "jawLeft": Shape(moves={"middle_chin": (4, 1, -6), "jaw-right": (2, 1, -5)}),
    "mouthFunnel": Shape(
        keep=0.35,
        moves={"corner": (-4, -0.5, 7), "lower_lip": (-1, -7, 4), "upper_lip": (-1, 3.5, 7)},
    ),
    "mouthPucker": Shape(keep=1.05, moves={"corner": (-1.5, 1, 5)}),
    "mouthLeft": Shape(
        keep=1.2, moves={"corner-right": (8, 0, 4), "middle_philtrum": (7.5, 3, -1)}
    ),
    "mouthSmileLeft": Shape(keep=0.8, moves={"corner": (2.5, 1, -5)}),
    "mouthFrownLeft": Shape(keep=0.75, moves={"corner": (1, -1.5, -2), "chin": (0, 1, 2)}),
    "mouthDimpleLeft": Shape(
        keep=0.25,
        moves={"below_corner": (0, 5.5, -1), "corner": (0.5, 0, -5.5), "cheek": (0, 0, 3.5)},
    ),
    "mouthStretchLeft": Shape(keep=0.65, moves={"corner": (3.5, 0, -4.5)}),
    "mouthRollLower": Shape(
        keep=1.45, moves={"lower_lip": (-0.5, 2, -7.5), "below_lip": (0, 1.5, -1)}
    ),
    "mouthRollUpper": Shape(
        keep=0.7, moves={"upper_lip": (1, 0.5, -8), "above_lip": (0, -1.5, -0.5)}
    ),
    "mouthShrugLower": Shape(keep=1.4, moves={"chin": (0, 8, 4.5)}),
    "mouthShrugUpper": Shape(keep=0.45, moves={"upper_lip": (0, 3.5, 1)}),
    "mouthPressLeft": Shape(
        keep=0.05,
        moves={
            "chin": (0, 3, 2),
            "below_corner": (-1, 2, 1),
            "lower_lip": (0, 1.5, 1),
            "ala": (0, -1, -2),
            "nasolabial": (0.5, 1, 1.5),
        },
    ),
    "mouthLowerDownLeft": Shape(
        keep=0.5,
        moves={"below_lip": (0.5, -1, -1), "middle_lower_lip": (-1, -3, -1), "chin": (1, -2, -2)},
    ),
    "mouthUpperUpLeft": Shape(keep=1.5, moves={"cheek": (0, 4, 2)}),
    "browDownLeft": Shape(keep=0.8, moves={"outer_brow": (-4, 0, 4.5)}),
    "browInnerUp": Shape(
        keep=0.9,
        moves={
            "middle_nose_bridge": (0, 3, 0),
            "ala": (0, 1, 0),
            "forehead": (0.5, 1, 1),
            "middle_glabella": (0, 3, 1),
            "temple": (0, 1, 0),
        },
    ),
    "browOuterUpLeft": Shape(keep=0.8, moves={"brow": (2, 6.5, -0.5), "temple": (1, 4, -1)}),
    "cheekPuff": Shape(
        moves={
            "below_corner": (1, 1, 4),
            "above_lip": (0, 1.5, 5),
            "beside_mouth": (1, 0, 4),
            "jaw": (1.5, 0.5, 3),
            "cheek": (1, 0, 2),
            "below_lip": (0, 0, 3),
        }
    ),
    "cheekSquintLeft": Shape(
        keep=0.45,
        lower_eyelid=1.9,
        moves={
            "cheekbone": (-2.5, 3, 3),
            "beside_mouth": (0.5, 1, -4),
            "jaw": (0, 1, 2),
            "cheek": (1, 0, 3),
            "nasolabial": (0.5, 0.5, -1.5),
            "temple": (0, -0.5, 1),
            "outer_brow": (0, -1, -1.5),
        },
    ),
    "noseSneerLeft": Shape(
        keep=0.5,
        moves={
            "cheek": (-2, 9, 3),
            "above_lip": (0.5, 8.5, 1),
            "upper_lip": (0, 1.5, 0.5),
            "beside_nose": (-0.5, 4.5, 2.5),
            "cheekbone": (0.5, 4, 1.5),
        },
    ),
}
