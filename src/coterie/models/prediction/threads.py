"""How many threads a fit takes. Threads of OpenMP wait for each other without sleeping: on a machine that does something
else as well, a small fit with two of them takes ten times as long as with one."""

from contextlib import AbstractContextManager, nullcontext

SMALL = 5_000_000


def threads(cells: int) -> AbstractContextManager[object]:
    """One thread for a fit of few cells (rows times columns), as many as there are for others."""
    import sklearn.ensemble  # noqa: F401 - only libraries that are loaded can be limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1) if cells < SMALL else nullcontext()
