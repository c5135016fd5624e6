"""Where the points of a map of the plane are, as the page says it; for tests and benchmarks."""

PLACES = """(graph) => {
  const map = window.vqscopeMap, gd = document.querySelector(`${graph} .js-plotly-plot`);
  const cloud = map.cloudOf(gd), view = map.viewOf(gd), box = gd.getBoundingClientRect(), found = [];
  gd.data.filter(({ meta }) => meta.role === 'points' && map.isOn(meta.dataset)).forEach(({ meta }) => {
    meta.runs.forEach(([first, end, split, position]) => {
      for (let row = first; row < end; row++) found.push({
        name: `${meta.dataset}/${map.SPLITS[split]}/${position + row - first}`,
        dataset: meta.dataset, row, label: cloud.label[row],
        x: box.left + view.x + (cloud.x[row] - view.left) * view.perX,
        y: box.top + view.y + (view.top - cloud.y[row]) * view.perY,
      });
    });
  });
  return found;
}"""
"""Of the graph of a selector: name, data set, row of the index, label and place in the window of each point shown."""

DRAWN = """(graph) => {
  const gd = document.querySelector(`${graph} .js-plotly-plot[data-attached]`);
  return gd && gd.dataset.drawn !== undefined && gd;
}"""
"""Whether the points have been drawn."""
