"""Formulas written once for NumPy arrays and torch tensors, by the array API standard.

Inference runs on NumPy, training and GPUs on torch; both call the same functions. A formula takes
its namespace from its arguments (:func:`array_namespace`) and uses names of the standard (2024.12),
or what both libraries spell alike: operators, ``reshape``, ``sum(1)``, ``mean(1)``, ``clip``. This
package has the few operations that neither covers. It never imports torch by itself: torch tensors
bring it with them.
"""

from smirk3d.array_interface.operations import (
    Array,
    add_at,
    array_namespace,
    as_like,
    beside,
    check_images,
    constant,
    copied,
    counted,
    default_array,
    diagonal_matrices,
    distances,
    identity_like,
    in_precision,
    is_floating,
    is_torch,
    lower_at,
    norm,
    on_cpu,
    portions,
    require_finite,
    require_floating,
    set_columns,
    split,
    to_numpy,
    without_gradients,
    zeros,
)
from smirk3d.library_choice import Library, default_library, library, torch_installed

__all__ = [
    "Array",
    "Library",
    "add_at",
    "array_namespace",
    "as_like",
    "beside",
    "check_images",
    "constant",
    "copied",
    "counted",
    "default_array",
    "default_library",
    "diagonal_matrices",
    "distances",
    "identity_like",
    "in_precision",
    "is_floating",
    "is_torch",
    "library",
    "lower_at",
    "norm",
    "on_cpu",
    "portions",
    "require_finite",
    "require_floating",
    "set_columns",
    "split",
    "to_numpy",
    "torch_installed",
    "without_gradients",
    "zeros",
]
