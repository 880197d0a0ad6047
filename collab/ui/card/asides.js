// What the card does for a while beside asking: the question that X and F ask, a notice, the cover of one who was away,
// the model's word on what was answered first, and a dialog that would be in the way.
class Sheet {
  constructor(view) {
    this.view = view;
  }
  get on() {
    return !this.view.el.sheet.hidden;
  }
  open(kind) {
    const { el, lc } = this.view;
    this.kind = kind;
    this.word();
    el.line.value = "";
    el.sheet.hidden = false;
    lc.toggleAttribute("data-asking", true);
    this.fit();
    if (kind === "flag" || kind === "discard") el.line.focus();
    this.view.say(el.sheett.textContent);
  }
  word() {
    // what stands on it, but for what a person has typed
    const { el } = this.view,
      { kind } = this,
      word = (key) => this.view.word(key);
    el.sheett.textContent = word(`${kind}_ask`);
    el.linel.textContent = el.line.placeholder = word(`${kind}_line`);
    el.sheetokt.textContent = word(`${kind}_send`);
    const names = kind === "expert" ? this.view.experts.slice(0, 9) : [];
    el.reasons.replaceChildren(
      ...(kind === "unusable" ? [1, 2, 3].map((n) => this.reason(n, word(`unusable_${n}`))) : []),
      ...names.map((name, i) => this.reason(i + 1, name)),
    );
  }
  tell(text) {
    // why what was typed can't be
    this.view.el.sheett.textContent = text;
    this.fit();
    this.view.say(text);
  }
  reason(n, note) {
    return h(
      "button",
      { type: "button", class: "opt", "data-note": note, "aria-keyshortcuts": n },
      h("kbd", { "aria-hidden": "true" }, n),
      h("span", { class: "nm" }, note),
    );
  }
  fit() {
    // beside the item, what stands below is moved, never cut; on a phone it opens upwards
    const { sheet } = this.view.el;
    sheet.parentElement.style.minHeight = "";
    if (this.view.lc.clientWidth > 700) sheet.parentElement.style.minHeight = `${sheet.offsetHeight - 1}px`;
  }
  close() {
    const { el, lc } = this.view;
    if (!this.on) return;
    el.sheet.parentElement.style.minHeight = "";
    el.line.blur();
    el.sheet.hidden = true;
    lc.toggleAttribute("data-asking", false);
  }
}

class Notice {
  constructor(view) {
    this.view = view;
  }
  show(text, offer = "", then = null) {
    const { el } = this.view;
    if (text && text === this.dismissed) return;
    Object.assign(this, { offer: text ? offer : "", then, dismissed: "" });
    el.notice.hidden = !text;
    el.noticet.textContent = text;
    el.noticedo.hidden = !offer;
    if (offer) el.noticedo.textContent = this.view.word(offer);
  }
  follow() {
    this.view.el.notice.hidden = true;
    this.then?.();
  }
  dismiss() {
    this.dismissed = this.view.el.noticet.textContent; // the same trouble is not told twice
    this.view.el.notice.hidden = true;
  }
  over() {
    this.dismissed = "";
    if (this.offer === "retry" || this.offer === "reload") this.show("");
  }
}

class Cover {
  constructor(view) {
    this.view = view;
  }
  get on() {
    return !this.view.el.cover.hidden;
  }
  lay(name) {
    const { el, lc } = this.view;
    el.covert.textContent = this.view.word("still", { name });
    el.cover.hidden = false;
    lc.toggleAttribute("data-covered", true);
    el.stay.focus({ preventScroll: true });
  }
  lift() {
    const { el, lc } = this.view;
    el.stay.blur();
    el.cover.hidden = true;
    lc.toggleAttribute("data-covered", false);
  }
}

const TELLING = 1500; // ms that an answer waits for the model's word; the next item never waits longer
class Telling {
  constructor(card) {
    this.card = card;
  }
  wait(ask, entry) {
    this.card.line.waits = entry.id;
    this.show(show(ask, { entry, waits: true }));
    this.timer = setTimeout(() => this.leave(), TELLING);
  }
  hear({ out, revealed }) {
    // where the model says the same there is nothing to decide
    const { view, data } = this.card,
      { ask, entry, waits } = this.showing ?? {};
    if (!waits || !out.has(entry.id)) return;
    const suggestion = revealed[entry.id];
    if (!suggestion) return this.leave();
    const told = show({ ...ask, blind: false, suggestion }, { entry, told: true }),
      says = view.suggested(told).map((i) => data.classes[i].id);
    if (String(entry.answer) === String(says.length ? says : [data.none])) this.leave(true);
    else this.show(told);
  }
  show(showing) {
    clearTimeout(this.timer);
    if (!showing?.waits) this.card.line.waits = null;
    this.card.count();
    this.showing = showing;
    this.card.draw();
  }
  leave(same = false) {
    this.same = same;
    this.show(null);
  }
  close() {
    clearTimeout(this.timer);
  }
}

// Streamlit lays a dialog over the page once its server doesn't answer, and keeps all keys for it. The card says so itself,
// and goes on: that dialog is closed, told by what it is made of (an app's own has named parts), and the focus given back.
class Undisturbed {
  constructor(card, signal) {
    this.card = card;
    const { root } = card;
    root.addEventListener("focusout", (e) => (this.left = { part: e.target, for: e.relatedTarget }), { signal });
    this.watch = new MutationObserver(() => this.look());
    this.watch.observe(document.body, { childList: true });
    this.look();
  }
  look() {
    const app = document.querySelector("[data-test-connection-state]"),
      dialog = document.querySelector("[data-testid=stDialog] [role=dialog]");
    if (!dialog || !this.card.here || !app || app.dataset.testConnectionState === "CONNECTED") return;
    const buttons = dialog.querySelectorAll("button, a, input, select, textarea");
    if (buttons.length !== 1 || dialog.querySelector("[data-testid]")) return;
    const { left } = this;
    buttons[0].click(); // as a person would, so that Streamlit doesn't open it again before it was connected
    // once Streamlit has looked for a place for the focus
    if (left && dialog.contains(left.for)) painted(() => left.part.isConnected && left.part.focus({ preventScroll: true }));
  }
  close() {
    this.watch.disconnect();
  }
}
