// Tiles of items, each a switch; texts go in through textContent alone. What is picked is told once the hand rests.
const REST = 250; // ms

const made = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag);
  for (const name in attributes) e.setAttribute(name, attributes[name]);
  e.append(...children);
  return e;
};

export default function ({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".tiles"),
    signature = JSON.stringify(data);
  box.tell = setStateValue;
  if (box.signature === signature) return;
  box.signature = signature;
  box.setAttribute("aria-label", data.label);
  const picked = new Set((box.picked ?? []).filter((id) => data.tiles.some((t) => t.id === id)));
  box.picked = picked;
  const pick = (tile, button) => {
    picked.has(tile.id) ? picked.delete(tile.id) : picked.add(tile.id);
    button.setAttribute("aria-pressed", picked.has(tile.id));
    clearTimeout(box.timer);
    box.timer = setTimeout(() => box.tell("picked", [...picked]), REST);
  };
  box.replaceChildren(
    ...data.tiles.map((tile) => {
      const image = tile.thumb && made("img", { src: tile.thumb, alt: "", loading: "lazy", decoding: "async" }),
        none = () => made("span", { class: "none" }, data.none),
        seen = made("span", { class: "seen" }, image || none());
      if (image) image.addEventListener("error", () => image.replaceWith(none()));
      const dot = made("i", { "aria-hidden": "true" });
      if (/^#[0-9a-f]{6}$/i.test(tile.color)) dot.style.background = tile.color;
      const said = tile.answer
        ? [made("span", { class: "answer" }, dot, made("b", { dir: "auto" }, tile.answer))]
        : [];
      const button = made(
        "button",
        { type: "button", "aria-pressed": picked.has(tile.id), title: tile.text },
        seen,
        ...said,
        ...(tile.state ? [made("span", { class: "state" }, tile.state)] : []),
        made("span", { class: "text", dir: "auto" }, tile.text || tile.ref),
      );
      button.addEventListener("click", () => pick(tile, button));
      return button;
    }),
  );
}
