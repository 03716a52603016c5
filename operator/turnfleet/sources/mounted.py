"""A mounted Secret or ConfigMap: a folder whose files change together. I/O only."""

from collections.abc import Mapping
from pathlib import Path

from turnrelay import mounts

Unreadable = mounts.Unreadable


def entries(folder: Path) -> Mapping[str, bytes]:
    """Return the files of one version of a folder, by name. Raises Unreadable."""
    version = mounts.snapshot(folder)
    try:
        found = sorted(path.name for path in version.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise Unreadable(f"{folder} cannot be read: {error.strerror}") from error
    read = {name: mounts.read(version, name) for name in found}
    # The kubelet may have taken the whole version away meanwhile: the next look finds the new one.
    if None in read.values():
        raise Unreadable(f"{folder} changed while it was read")
    return {name: content for name, content in read.items() if content is not None}
