// Draws each chart from its specification. Expressions are interpreted, never compiled, so the page needs no eval.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("coterie-charts").textContent);
  const options = {
    mode: "vega-lite",
    ast: true,
    actions: false,
    renderer: "svg",
    tooltip: false,
    defaultStyle: false,
    loader: { load: () => Promise.reject(new Error("nothing is loaded")) },
  };
  const draw = async (place) => {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "begun";
    const result = await vegaEmbed(place.querySelector(".plot"), charts[place.dataset.chart], options);
    place.querySelector("svg").setAttribute("aria-hidden", "true");
    place.dataset.drawn = "yes";
    return result;
  };
  const all = async () => {
    for (const place of document.querySelectorAll("[data-chart]")) {
      // A chart that is folded away has no width yet: it is drawn when it is opened.
      if (place.closest("details.extra:not([open])")) continue;
      try {
        await draw(place);
      } catch (error) {
        place.dataset.drawn = "failed";
        console.error(place.dataset.chart, error);
      }
    }
    document.documentElement.dataset.drawn = "yes";
  };
  for (const folded of document.querySelectorAll("details.extra")) {
    folded.addEventListener("toggle", () => {
      if (folded.open) folded.querySelectorAll("[data-chart]").forEach(draw);
    });
  }
  all();
})();
