"""What kind of disk a folder lies on. SQLite's log and the lock that keeps a second process out want a disk of this machine:
over a network, two machines may both believe that they are alone."""

import os
import re
from pathlib import Path

from coterie.core.errors import StoreError

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs", "beegfs", "ocfs2", "gfs2", "davfs",
        "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.goofys", "fuse.gcsfuse", "fuse.blobfuse2", "fuse.glusterfs", "fuse.davfs2",
        "fuse.mount-s3", "fuse.juicefs", "fuse.ceph",
    }
)  # fmt: skip
_ESCAPE = re.compile(r"\\([0-7]{3})")


def kind_of(folder: Path, mounts: str) -> str:
    """The kind of file system that a folder lies on; empty where that does not show.

    Args:
        mounts: as Linux lists them in /proc/self/mountinfo.
    """
    found, best = "", -1
    path = os.path.realpath(folder)
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 7 or "-" not in fields[6:]:
            continue
        point = _ESCAPE.sub(lambda m: chr(int(m[1], 8)), fields[4])
        within = point == "/" or path == point or path.startswith(point + "/")
        if within and len(point) >= best:  # of two at one place the later lies above
            found, best = fields[fields.index("-", 6) + 1], len(point)
    return found


def check_local(folder: Path, *, allowed: bool = False, mounts: Path = MOUNTS) -> None:
    """Refuse a folder on another machine's disk, where the system shows that it is one.

    Raises:
        StoreError: it is, and is not allowed.
    """
    try:
        kind = kind_of(folder, mounts.read_text("utf-8", "replace"))
    except OSError:
        return
    if kind in NETWORK and not allowed:
        raise StoreError(
            f"{folder} lies on a disk of another machine ({kind}), where events are not safe: two servers could write at once",
            code="E662",
            hint="keep the project on a disk of this machine, or say --network-disk where nobody else ever serves it",
        )
