"""Local wall-clock times to UTC, a whole column at a time.

The meaning is `coterie.core.windows.to_utc`: an hour that happens twice is the first, a time that does not happen moves
forward by the gap. Here is the same law for arrays of microseconds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from coterie.core.windows import zone

Micros = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (wall-clock time)
PROBE = timedelta(hours=6)  # no zone changes its offset twice within six hours


@dataclass(frozen=True, slots=True)
class Instants:
    """UTC microseconds, and which of the wall-clock times happened twice (`repeated`) or not at all (`skipped`)."""

    utc: Micros
    repeated: Mask
    skipped: Mask


def to_utc(wall: Micros, zone_name: str) -> Instants:
    """The instants of wall-clock times (microseconds since 1970 on the local clock, years 1 to 9999)."""
    if not len(wall):
        return Instants(wall, np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    years = np.unique(wall.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64)) + 1970
    tables = [_year(int(year), zone_name) for year in np.unique(np.concatenate([years, years + 1])) if year <= 9999]
    starts = np.concatenate([table[0] for table in tables])
    offsets = np.concatenate([table[1] for table in tables])
    changes = np.concatenate([[True], offsets[1:] != offsets[:-1]])
    starts, offsets = starts[changes], offsets[changes]
    index = np.searchsorted(starts, wall, side="right") - 1
    offset = offsets[index]
    following = np.minimum(index + 1, len(starts) - 1)
    change = offsets[following] - offset
    # Just before a change lie the times that happen twice (clock set back) or never (clock set forward).
    near = starts[following] - np.abs(change) <= wall
    return Instants(wall - offset, near & (change < 0), near & (change > 0))


@lru_cache(maxsize=4096)
def _year(year: int, zone_name: str) -> tuple[Micros, Micros]:
    """From which wall-clock time of the year on which offset holds, both in microseconds."""
    moment, end = datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59)  # noqa: DTZ001 (wall-clock time)
    offset = _offset(moment, zone_name)
    starts, offsets = [moment], [offset]
    while moment < end:
        ahead = end if end - moment <= PROBE else moment + PROBE
        found = _offset(ahead, zone_name)
        if found != offset:
            low, high = moment, ahead
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if _offset(middle, zone_name) == offset else (low, middle)
            starts.append(high)
            offsets.append(found)
            offset = found
        moment = ahead
    micro = timedelta(microseconds=1)
    return (
        np.array([(start - EPOCH) // micro for start in starts], dtype=np.int64),
        np.array([offset // micro for offset in offsets], dtype=np.int64),
    )


def _offset(wall: datetime, zone_name: str) -> timedelta:
    found = wall.replace(tzinfo=zone(zone_name)).utcoffset()
    return found if found is not None else timedelta()
