"""What a fit wrote as JSON, told apart by the version of its form."""

from collections.abc import Mapping
from typing import Any

from coterie.core.errors import NotFitted


def readable(found: Mapping[str, Any], version: int, what: str) -> dict[str, Any]:
    """The values of a fit without their version, which is this one or an earlier one.

    Args:
        what: as it begins a sentence: "these groups were".

    Raises:
        NotFitted: a newer version wrote them.
    """
    values = dict(found)
    written = values.pop("version")
    if written > version:
        raise NotFitted(
            f"{what} written by a newer coterie (format {written}, this one reads {version})",
            hint="use the newer version, or fit again",
        )
    return values
