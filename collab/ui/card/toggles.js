// Answers of any number of classes: keys and clicks pick, Enter sends. Nothing is picked before a person picks it, and an
// empty answer can't be sent: that no class applies is picked like a class.
class Toggles {
  constructor(card) {
    this.card = card;
    this.view = card.view;
  }
  get on() {
    return this.card.data.many;
  }
  get picked() {
    // in schema order, so that equal answers are equal texts; a class that is no longer offered falls out
    const { showing, data } = this.card,
      { picked } = showing;
    return picked.has(data.none) ? [data.none] : data.classes.map((c) => c.id).filter((id) => picked.has(id));
  }
  get suggested() {
    // ids that the model suggests of what is on screen; null: nothing is said
    const { showing, data } = this.card,
      found = this.view.suggested(showing);
    return found && (found.length ? found.map((i) => data.classes[i].id) : [data.none]);
  }
  get same() {
    // whether the answer of this person that is on screen stands as it is
    const { entry } = this.card.showing;
    return entry?.kind === "answer" && String(this.picked) === String(entry.answer);
  }
  get sends() {
    // what Enter would send: what is picked, else the suggestion as long as nobody has begun to pick
    const { showing } = this.card,
      { picked } = this;
    if (picked.length) return picked;
    return showing.begun || (showing.entry && !showing.told) ? null : this.suggested;
  }

  begin(showing) {
    const { entry } = showing;
    showing.picked ??= new Set(entry?.kind === "answer" ? entry.answer : []);
  }
  toggle(id) {
    // a class and "none" rule each other out
    const { card } = this,
      { showing, data } = card;
    if (!showing || !card.ready()) return false;
    const { picked } = showing,
      off = picked.delete(id);
    if (!off && id === data.none) picked.clear();
    if (!off) {
      picked.delete(data.none);
      picked.add(id);
    }
    this.changed(this.view.word(off ? "unpicked" : "picked", { name: this.name(id), all: this.told() }));
    return true;
  }
  take() {
    // the suggestion, to be corrected
    const { card, suggested } = this;
    if (!suggested || this.view.el.take.hidden || !card.ready()) return;
    card.showing.picked = new Set(suggested);
    this.changed(this.view.word("taken", { all: this.told() }));
  }
  clear() {
    const { showing } = this.card;
    showing.picked = new Set();
    this.changed(this.view.word("cleared"));
    showing.begun = false; // as if it had just come
    this.draw(showing);
    if (this.card.review.on) this.card.review.dress(showing);
  }
  send(event) {
    const { card, sends, same } = this,
      { showing } = card;
    if (!showing || !card.ready()) return;
    if (showing.entry && !showing.told && !showing.entry.refused && same) card.goBack();
    else if (sends) card.record("answer", { answer: sends }, event);
    else this.view.pulse("choose_any");
  }
  name(id) {
    return this.view.said({ kind: "answer", answer: [id] });
  }
  told() {
    return this.picked.length ? this.view.said({ kind: "answer", answer: this.picked }) : this.view.word("picked_none");
  }
  changed(said) {
    this.card.showing.begun = true;
    this.draw(this.card.showing);
    if (this.card.review.on) this.card.review.dress(this.card.showing);
    this.view.say(said);
  }

  draw(showing) {
    const { view, card } = this,
      { el } = view,
      { data } = card,
      { sends } = this,
      n = this.picked.length,
      again = showing.entry && !showing.told && !showing.waits;
    view.rows.forEach(({ button }, i) => button.setAttribute("aria-pressed", showing.picked.has(data.classes[i].id)));
    el.nothing.setAttribute("aria-pressed", showing.picked.has(data.none));
    if (showing.waits) return;
    // an answer that was there is kept, not sent again
    const mine = showing.told && this.same;
    el.acceptt.textContent = mine
      ? view.word("keep_mine")
      : n
        ? view.word(data.none === this.picked[0] ? "send_none" : "send", { n })
        : view.word(sends ? "accept" : "send_nothing");
    el.accept.hidden = again && this.same;
    el.accept.disabled = !sends;
    // over picks of one's own it would only be in the way, but for who has answered and now reads what the model says
    el.take.hidden = !this.suggested || (n > 0 && !showing.told) || String(this.picked) === String(this.suggested);
    el.taket.textContent = view.word(showing.told ? "take_told" : "take");
    el.go.toggleAttribute("data-sends", n > 0 && !mine);
  }
}
