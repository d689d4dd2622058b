"""Spark sessions that are set in every way that must not matter."""

from collections.abc import Mapping

from coterie.engine.spark import Spark

QUICK = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.driver.memory": "2g"}
"""Small tables in large queries: they are interpreted, since compiling them takes far longer than running them."""


def settings(*, zone: str = "UTC", ansi: bool = True, adaptive: bool = True, partitions: int = 2) -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": zone,
        "spark.sql.ansi.enabled": str(ansi).lower(),
        "spark.sql.adaptive.enabled": str(adaptive).lower(),
        "spark.sql.shuffle.partitions": str(partitions),
    }


SETTINGS: Mapping[str, Mapping[str, str]] = {
    "as it comes": settings(),
    "another zone": settings(zone="Asia/Kolkata", partitions=7),
    "a zone with clock changes": settings(zone="Europe/London"),
    "outside ANSI mode": settings(ansi=False, adaptive=False, partitions=1),
    "not adaptive": settings(zone="Asia/Kolkata", adaptive=False, partitions=7),
    "one partition": settings(zone="Pacific/Apia", partitions=1),
    "200 partitions": settings(zone="America/Santiago", ansi=False, partitions=200),
}


def spark(given: Mapping[str, str], *, compiled: bool = False) -> Spark:
    """An engine with a session of its own in the one Java of this process."""
    found = Spark(url="local[2]", settings={**QUICK, **given})
    if compiled:
        for key in ("spark.sql.codegen.wholeStage", "spark.sql.codegen.factoryMode"):
            found.session.conf.unset(key)
    return found
