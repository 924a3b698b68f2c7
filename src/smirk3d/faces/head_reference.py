"""A head by name, for records that were read from files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from smirk3d.errors import AssetError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head


@dataclass(frozen=True)
class HeadReference:
    """Name and fingerprint of a head that is not loaded.

    Attributes:
        name: the head's name in the registry.
        fingerprint: SHA-256 over the arrays that give parameters their meaning.
    """

    name: str
    fingerprint: str

    @cached_property
    def model(self) -> HeadModel:
        """The installed head of this name, loaded once for all faces that share the reference.

        Raises:
            AssetError: if it is not installed, or another version of it is.
        """
        return self.check(load_head(self.name))

    def check(self, head: HeadModel) -> HeadModel:
        """Return the head if it is the one that this reference names.

        Raises:
            AssetError: if its fingerprint differs.
        """
        if head.fingerprint != self.fingerprint:
            raise AssetError(
                f"the face was made with another version of head {self.name!r}; "
                "reconstruct it again, or give the head's file"
            )
        return head
