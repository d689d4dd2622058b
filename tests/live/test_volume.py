"""Which disks are other machines'."""

from pathlib import Path

import pytest

from coterie.core.errors import StoreError
from coterie.live.volume import MOUNTS, check_local, kind_of

TABLE = r"""21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:26 / /mnt/team rw shared:5 master:2 - nfs4 server:/export rw,vers=4.2
31 30 8:1 / /mnt/team/local rw - xfs /dev/sda1 rw
32 21 0:27 / /mnt/two\040words rw - cifs //server/share rw
33 21 0:28 / /mnt/cloud rw - fuse.s3fs s3fs rw
34 21 0:29 / /mnt/over rw - nfs server:/a rw
35 34 8:2 / /mnt/over rw - ext4 /dev/sdb rw
half a line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/home/x", "ext4"),
        ("/mnt/team", "nfs4"),
        ("/mnt/team/shop/.coterie", "nfs4"),
        ("/mnt/teams", "ext4"),
        ("/mnt/team/local/shop", "xfs"),
        ("/mnt/two words/shop", "cifs"),
        ("/mnt/cloud/a", "fuse.s3fs"),
        ("/mnt/over/x", "ext4"),
    ],
)
def test_the_kind_of_a_disk(folder: str, kind: str, tmp_path: Path) -> None:
    assert kind_of(Path(folder), TABLE) == kind
    (tmp_path / "mounts").write_text(TABLE)
    if kind in ("ext4", "xfs"):
        check_local(Path(folder), mounts=tmp_path / "mounts")
    else:
        with pytest.raises(StoreError, match=kind) as found:
            check_local(Path(folder), mounts=tmp_path / "mounts")
        assert found.value.code == "E662"
        check_local(Path(folder), allowed=True, mounts=tmp_path / "mounts")


def test_a_link_leads_to_its_disk(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    table = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / {tmp_path}/far rw - nfs server:/x rw\n"
    assert kind_of(tmp_path / "near" / "shop", table) == "nfs"


def test_where_nothing_is_said_nothing_is_refused(tmp_path: Path) -> None:
    check_local(tmp_path, mounts=tmp_path / "none")
    assert kind_of(tmp_path, "") == ""


@pytest.mark.skipif(not MOUNTS.exists(), reason="only Linux lists its disks there")
def test_this_machine_s_own_disk_has_a_kind() -> None:
    assert kind_of(Path("/"), MOUNTS.read_text())
