// Streamlit calls the export again whenever `data` or the theme changes, with the same parentElement; so everything that
// lives on hangs on that element, and calls may repeat.
const CARDS = new WeakMap();
const LIVE = Symbol.for("collab.card");
const scope = (data) => JSON.stringify([data.project, data.annotator, data.base, data.mode]);

export default function ({ data, parentElement, setTriggerValue }) {
  let card = CARDS.get(parentElement);
  if (card && card.scope !== scope(data)) {
    card.close();
    card = null;
  }
  if (!card) {
    window[LIVE]?.close(); // a remount may come from another copy of this module: only one card may listen
    card = window[LIVE] = new Card(parentElement, data);
    CARDS.set(parentElement, card);
  }
  card.update(data, setTriggerValue);
  return () => {
    card.close();
    CARDS.delete(parentElement);
    if (window[LIVE] === card) window[LIVE] = null;
  };
}
