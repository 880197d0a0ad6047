// A value of a sheet: what it is counted in, and where it lies among those of all items.
function cell([value, more = {}], view) {
  if (value === "") return h("dd", { class: "lacks", dir: "auto" }, view.word("lacks"));
  const told = h("span", { class: "val" }, h("bdi", {}, value), ...(more.unit ? [h("span", { class: "unit" }, `\u00a0${more.unit}`)] : []));
  return h("dd", { dir: "auto" }, told, ...place(more, view));
}
function place({ above, share }, view) {
  // quartile by quartile from the least to the most; of a category, how many have it
  if (above === undefined && share === undefined) return [];
  const text = above === undefined ? view.word("shared", { pct: part(share) }) : view.word("above", { pct: part(above) });
  const strip =
    above === undefined
      ? h("i", { class: "share", style: `--at:${bounded(share)}` })
      : h("i", { class: "strip", style: `--at:${bounded(above)}` }, h("i", { class: "tick" }));
  return [h("span", { class: "place", title: text }, strip, h("span", { class: "sr" }, text))];
}
// no more exact than it is: the ends aren't quite 0 or 100 %
const part = (p) => (p < 0.005 ? "<\u00a01\u00a0%" : p > 0.995 && p < 1 ? ">\u00a099\u00a0%" : pct(p));
const bounded = (p) => Math.min(1, Math.max(0, Number(p) || 0)).toFixed(3);
