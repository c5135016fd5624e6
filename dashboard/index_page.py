"""The HTML that every page starts from: what the browser loads, and in which order."""

import json
import re
from collections.abc import Mapping

from dash import Dash

INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
    <script>
      // Before anything is painted, so that a dark page never flashes white.
      (function () {
        var kept = null;
        try { kept = localStorage.getItem("mantine-color-scheme-value"); } catch (error) { /* storage is off */ }
        var dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
        document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
      })();
    </script>
    <link rel="stylesheet" href="{%own_css%}">
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%first%}<script src="{%own_js%}"></script>{%scripts%}{%renderer%}</footer>
  </body>
</html>
"""

_FIRST = """
<script>
  // Plotly is as large as all other scripts together. Where there is a plot it comes beside them: dcc.Graph waits for
  // what window.Plotly is.
  if (["/", "/place", "/training"].indexOf(location.pathname) >= 0) {
    window.Plotly = new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.src = PLOTLY;
      script.onload = function () { resolve(window.Plotly); };
      script.onerror = function () { delete window.Plotly; reject(new Error("Plotly cannot be loaded")); };
      document.head.appendChild(script);
    });
  }
  window.vqscopeLater = LATER;
</script>
"""
_SCRIPT = re.compile(r'<script src="([^"]+)"></script>')
_UNUSED = "/dash_table/"
"""Part of the address of a script that Dash brings and no page here needs."""
_LATER = {"dash_ag_grid": "grid"}
"""Scripts by a part of their address that come when they are first needed (assets/later.js), and their names there."""


class Explorer(Dash):
    """Dash whose pages load what they need first, and the rest when it is needed."""

    own: Mapping[str, str]
    """Addresses of the dashboard's own "css" and "js" (`dashboard.bundle`), which come before Dash's."""

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]  # Dash names each
        """Fill the page."""
        later: dict[str, str] = {}

        def kept(script: re.Match[str]) -> str:
            name = next((name for part, name in _LATER.items() if part in script[1]), None)
            if name is not None:
                later[name] = script[1]
            return "" if _UNUSED in script[1] or name is not None else script[0]

        parts["scripts"] = _SCRIPT.sub(kept, parts["scripts"])
        page = str(super().interpolate_index(**parts))  # type: ignore[no-untyped-call]
        plotly = (
            f"{self.config.requests_pathname_prefix}_dash-component-suites/plotly/package_data/plotly.min.js"
        )
        first = _FIRST.replace("LATER", json.dumps(later)).replace("PLOTLY", json.dumps(plotly))
        for kind, address in self.own.items():
            page = page.replace("{%own_" + kind + "%}", address)
        return page.replace("{%first%}", first)
