"""Customer segmentation as code: one language, one meaning, every engine equal, every number explained.

`coterie.open(folder)` opens a project; see `coterie.workspace.workspace.Workspace`.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from coterie.workspace.workspace import Workspace as Workspace
    from coterie.workspace.workspace import open as open

__all__ = ["Workspace", "__version__", "open"]


def __getattr__(name: str) -> Any:
    """The façade, loaded when it is first asked for: `import coterie` itself stays light."""
    if name in ("open", "Workspace"):
        from coterie.workspace import workspace

        return getattr(workspace, name)
    raise AttributeError(f"module 'coterie' has no attribute {name!r}")
