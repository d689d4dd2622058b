"""Makes the one script that draws the charts of the report: Vega, Vega-Lite and Vega-Embed, as Altair wants them.

`python scripts/chart_scripts.py` writes src/coterie/profiles/page/static/vega.js. Their licences lie beside it.
"""

from pathlib import Path

import altair as alt
import vl_convert

TARGET = Path(__file__).resolve().parents[1] / "src" / "coterie" / "profiles" / "page" / "static" / "vega.js"


def bundle() -> str:
    """The script, with the version of Vega-Lite that Altair writes; it sets `vegaEmbed` and the versions."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    versions = f"{{lite: {version!r}, vega: {vl_convert.get_vega_version()!r}, embed: {vl_convert.get_vega_embed_version()!r}}}"
    code = vl_convert.javascript_bundle(f"window.vegaEmbed = vegaEmbed; window.vegaVersions = {versions};", vl_version=version)
    return code.rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(bundle(), encoding="utf-8")
