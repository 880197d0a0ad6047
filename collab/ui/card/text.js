// From an item's fields to nodes, and other small things that know neither card nor line.
const FIRST = 5000,
  LONGEST = 100000; // characters of a field that are drawn at once, and after the frame: no key press waits for a book

function texts(ask, most, view) {
  let left = ask.truncated_at ?? Infinity; // counts characters over all fields, as the encoder read them, joined by one
  const figures = view.pictures.figures(ask);
  return ask.fields.flatMap(({ name, kind, value }) => {
    if (kind === "image") return [figures.shift()];
    const all = String(value ?? "");
    if (!all && ask.fields.length > 1) {
      // the name keeps its line, the value needs none
      left -= 1;
      return [h("p", { class: "name" }, name, " · ", view.word("lacks"))];
    }
    const text = all.slice(0, most),
      stop = wordEnd(text, units(text, left));
    const p = h("p", { class: "text", dir: "auto" }, text.slice(0, stop));
    if (stop < text.length && left >= 0) p.append(h("span", { class: "cut" }, view.word("read_to_here")));
    if (stop < text.length) p.append(h("span", { class: "unread" }, text.slice(stop)));
    if (all.length > most && most === LONGEST)
      p.append(
        h("span", { class: "cut" }, view.word("clipped", { n: (all.length - LONGEST).toLocaleString(view.data.lang) })),
      );
    if (left !== Infinity) left = stop < text.length ? -1 : left - [...text].length - 1;
    return ask.fields.length > 1 ? [h("p", { class: "name" }, name), p] : [p];
  });
}

const BESIDE = 4; // numbers and categories that stand in one line above a text; more of them make a sheet of their own

function beside(ask) {
  return ask.fields.length > 0 && ask.meta.length <= BESIDE;
}
function contents(ask, most, view) {
  return arranged([...texts(ask, most, view), ...values(ask, view)], view.el.body);
}
function spoken(ask, view) {
  // its texts as they are; its pictures by their names
  const picture = (f) => view.word(f.view ? "picture_of" : "picture_lacks", { name: f.name, ref: ask.ref });
  return ask.fields
    .map((f) => (f.kind === "image" ? `${picture(f)}.` : f.value))
    .join(" ")
    .slice(0, 300);
}
function values(ask, view) {
  // every name keeps its line from item to item, also where its value lacks
  if (!ask.meta.length || beside(ask)) return [];
  return [h("dl", { class: "values" }, ...ask.meta.flatMap(([name, ...rest]) => [h("dt", { dir: "auto" }, name), cell(rest, view)]))];
}
function sentence(view, suggestion, order, choices, on) {
  // one only: a set says more than a tie, and either more than an estimate
  const names = order.filter((i) => !choices || choices.has(i)).map((i) => view.data.classes[i].name),
    [a, b] = names,
    { many } = view.data;
  if (choices)
    return view.word(many ? "among" : "one_of", {
      often: often(view, suggestion.choices.often),
      classes: names.join(", "),
    });
  if (many && suggestion.footing === "ambiguous") return view.word("on_unsettled", { a: torn(view, suggestion) });
  if (suggestion.footing) return view.word(`on_${suggestion.footing}`, { a, b });
  if (!on) return view.word(many ? "unchecked_many" : "unchecked_why");
  return view.word(many ? "odds_whole" : "odds", { often: often(view, suggestion.often), on });
}
function often(view, { n, bound }) {
  return view.word(`often_${bound}`, { n });
}
function torn(view, { proba }) {
  // the class of which it is least known whether it applies
  const far = ({ column }) => Math.abs(proba[column] - 0.5);
  return view.data.classes.reduce((least, c) => (far(c) < far(least) ? c : least)).name;
}

const pct = (p) => `${Math.round(p * 100)}\u00a0%`;
function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const name in attributes) e.setAttribute(name, attributes[name]);
  e.append(...children);
  return e;
}
function tint({ color }) {
  // nothing but a color may reach a style
  return `--c:${/^#[0-9a-f]{6}$/i.test(color) ? color : "#888888"}`;
}
function units(text, characters) {
  // UTF-16 units of the first so many characters; Python counts code points
  if (characters >= text.length) return text.length;
  let i = 0;
  for (let n = 0; n < characters; n++) i += text.codePointAt(i) > 0xffff ? 2 : 1;
  return Math.max(0, i);
}
function wordEnd(text, i) {
  // the mark stands between words where one ends close before it
  const start = text.slice(Math.max(0, i - 24), i).search(/\s\S*$/);
  return i > 0 && i < text.length && /\S/.test(text[i]) && start >= 0 ? Math.max(0, i - 24) + start + 1 : i;
}
function beginning({ fields, meta, ref }) {
  // its first words, more than most places have room for; of a table, its first values
  const texts = fields.filter((f) => f.kind !== "image"),
    parts = texts.length ? texts.map((f) => String(f.value ?? "")) : fields.length ? [ref] : meta.map(([, value]) => value);
  const text = parts
      .filter(Boolean)
      .join(" ")
      .slice(0, 200)
      .trim(),
    short = text.split(/\s+/).slice(0, 16).join(" ");
  return short.length < text.length ? `${short} …` : short;
}
function short(name) {
  // on one line whatever a class is called
  const letters = [...name];
  return letters.length > 22 ? `${letters.slice(0, 21).join("")}…` : name;
}
function dark(element) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim() || "#fff";
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(pen.fillStyle.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}
