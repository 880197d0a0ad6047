// Why the model suggests what it does: asked for by W, told beside the item, marked in the item itself.
const ASK_AGAIN = 150,
  GIVE_UP = 8000; // ms

class Because {
  constructor(card) {
    this.card = card;
  }
  get on() {
    return !!this.showing;
  }
  get can() {
    const { view, showing } = this.card;
    return view.lc.dataset.mode === "word" && !!showing?.ask.id && !showing.told && !showing.entry;
  }
  toggle() {
    if (this.on) this.close();
    else if (this.can && this.card.ready()) this.open();
  }
  open(wanted = "") {
    const { view, showing, data } = this.card;
    this.showing = showing;
    this.reply = null;
    this.wanted = wanted || (data.classes[showing.best]?.id ?? "");
    this.over = this.rival();
    this.until = performance.now() + GIVE_UP;
    view.el.because.hidden = false;
    view.el.whyb.setAttribute("aria-expanded", "true");
    view.el.whybt.textContent = view.word("close");
    this.tell("why_waiting");
    this.ask();
  }
  rival() {
    // the likeliest other class on screen; by now the model may have learned and see another one
    const { view, showing, data } = this.card,
      proba = view.proba(showing),
      others = data.classes.map((c, i) => i).filter((i) => data.classes[i].id !== this.wanted);
    return data.classes[others.sort((a, b) => proba[b] - proba[a])[0]]?.id ?? "";
  }
  async ask() {
    const { card, showing, wanted } = this,
      stays = () => this.showing === showing && this.wanted === wanted;
    const reply = await card.line
      .post("why", { tab: card.line.tab, ask: showing.ask.id, class: wanted, over: this.over })
      .catch((problem) => ({ error: problem.message || card.view.word("why_offline") }));
    if (!stays()) return;
    if (reply.waiting) {
      if (performance.now() > this.until) this.tell("why_late");
      else this.timer = setTimeout(() => stays() && this.ask(), ASK_AGAIN);
    } else if (reply.error) this.say(reply.error);
    else if (reply.failed) this.tell("why_failed");
    else {
      this.reply = reply;
      this.draw();
      card.view.say(this.heading());
    }
  }
  tell(key) {
    this.say(this.card.view.word(key));
  }
  say(text) {
    const { view } = this.card;
    view.el.because.replaceChildren(h("p", { class: "muted" }, text));
    view.say(text);
    view.scrollable();
  }
  follow() {
    // after every drawing of the card: another item closes it, the same one drawn anew gets its marks again
    const { view, showing } = this.card;
    view.el.whyb.hidden = !this.can;
    view.el.whybt.textContent = view.word(this.on ? "close" : "why");
    if (this.on && (showing !== this.showing || !this.can)) this.close();
    else if (this.reply) this.mark();
  }
  close() {
    clearTimeout(this.timer);
    const { view } = this.card;
    this.showing = this.reply = null;
    this.unmark();
    view.el.because.hidden = true;
    view.el.because.replaceChildren();
    view.el.whyb.setAttribute("aria-expanded", "false");
    view.el.whybt.textContent = view.word("why");
    view.scrollable();
  }

  heading() {
    const { view } = this.card,
      { reply } = this;
    return view.word(reply.over ? "why_over" : "why_for", { a: reply.for, b: reply.over });
  }
  draw() {
    const { view } = this.card,
      { reply } = this,
      word = (key, values) => view.word(key, values);
    const parts = [h("h3", { id: "becauset" }, this.heading())];
    if (reply.classes.length > 1) parts.push(this.pick());
    const said = (sign) =>
      reply.words
        .filter(({ push }) => push * sign > 0)
        .sort((a, b) => Math.abs(b.push) - Math.abs(a.push))
        .map((w) => this.cutOut(w))
        .filter((w, i, all) => all.indexOf(w) === i)
        .slice(0, 6);
    const lines = [
      ["why_pro", said(1), "for"],
      ["why_con", said(-1), "against"],
    ].filter(([, found]) => found.length);
    if (lines.length)
      parts.push(
        ...lines.map(([key, found, way]) =>
          h("p", { class: "said" }, h("span", { class: "of" }, word(key)), " ", ...marks(found, way)),
        ),
      );
    const facts = reply.facts.map(({ name, value, push }) => [name, value, push]);
    if (reply.unseen) facts.push([word("why_unseen"), "", reply.unseen]);
    if (facts.length) parts.push(h("dl", { class: "pushes" }, ...facts.flatMap((f) => this.push(...f))));
    if (reply.pictures.some((p) => p.push.some(Boolean))) parts.push(h("p", { class: "muted" }, word("why_picture")));
    if (!lines.length && !facts.length && !reply.pictures.length) parts.push(h("p", { class: "muted" }, word("why_nothing")));
    if (reply.kinds.length > 1)
      parts.push(
        h("h4", {}, word("why_kinds")),
        h("dl", { class: "pushes" }, ...reply.kinds.flatMap(({ name, push }) => this.push(name, "", push))),
      );
    if (reply.near.length)
      parts.push(
        h("h4", {}, word("why_near")),
        h("ol", { class: "near" }, ...reply.near.map((n) => this.near(n))),
      );
    else parts.push(h("p", { class: "muted" }, word(reply.taught ? "why_gone" : "why_guess")));
    view.el.because.replaceChildren(...parts);
    this.mark();
    view.scrollable();
  }
  pick() {
    // where several classes may apply, each has reasons of its own
    const { view } = this.card,
      select = h("select", { "aria-label": view.word("why_class") });
    select.append(
      ...this.reply.classes.map(({ id, name }) =>
        h("option", { value: id, ...(name === this.reply.for && { selected: "" }) }, name),
      ),
    );
    select.addEventListener("change", () => this.open(select.value));
    return h("p", {}, select);
  }
  push(name, value, push) {
    const { view } = this.card;
    return [
      h("dt", { dir: "auto" }, name, ...(value ? [" ", h("b", {}, value)] : [])),
      h("dd", {}, bar(push), h("span", {}, push ? view.word(push > 0 ? "speaks_for" : "speaks_against") : "")),
    ];
  }
  near(n) {
    const { view } = this.card,
      how = [n.alike, n.cosine.toFixed(2)].join(" ");
    return h(
      "li",
      {},
      h("p", {}, h("i", { class: "sw", style: tint(n) }), h("b", { dir: "auto" }, n.answer), h("span", { class: "of" }, how)),
      ...(n.thumb ? [h("img", { class: "mini", src: n.thumb, alt: "" })] : []),
      h("p", { class: "excerpt", dir: "auto" }, n.excerpt || n.ref),
      h("p", { class: "of" }, [n.ref, n.by].filter(Boolean).join(" · ")),
    );
  }
  cutOut({ field, start, end }) {
    const text = String(this.showing.ask.fields.find((f) => f.name === field)?.value ?? "");
    return text.slice(units(text, start), units(text, end));
  }

  mark() {
    this.unmark();
    const { body } = this.card.view.el,
      { reply, showing } = this,
      { fields } = showing.ask,
      texts = fields.filter((f) => f.kind === "text" && (f.value || fields.length === 1)); // others have no text on screen
    [...body.querySelectorAll(".text")].forEach((p, i) => {
      const text = String(texts[i]?.value ?? "");
      for (const w of reply.words.filter((w) => w.field === texts[i]?.name))
        wrap(p, units(text, w.start), units(text, w.end), w.push);
    });
    for (const { name, push } of reply.facts)
      for (const dt of body.querySelectorAll(".values dt"))
        if ((dt.dataset.name ?? dt.textContent) === name) dt.nextElementSibling?.append(bar(push));
    const pictures = [...body.querySelectorAll(".picture")],
      images = showing.ask.fields.filter((f) => f.kind === "image");
    reply.pictures.forEach(({ field, grid, push }) => {
      const picture = pictures[images.findIndex((f) => f.name === field)];
      (picture?.querySelector(".pane") ?? picture)?.append(patches(grid, push)); // what is enlarged takes them along
    });
  }
  unmark() {
    const { body } = this.card.view.el;
    for (const m of body.querySelectorAll("mark.because")) m.replaceWith(...m.childNodes);
    for (const e of body.querySelectorAll(".pushbar, .patches")) e.remove();
    for (const p of body.querySelectorAll(".text")) p.normalize();
  }
}

function bar(push) {
  // to the right is for, to the left against
  const e = h("span", { class: `pushbar ${push > 0 ? "for" : "against"}`, "aria-hidden": "true" }, h("i"));
  e.firstChild.style.width = `${Math.abs(push) * 50}%`;
  return e;
}
function marks(words, way) {
  return words.flatMap((w, i) => [...(i ? [" "] : []), h("mark", { class: `because ${way}`, dir: "auto" }, w)]);
}
function wrap(p, start, end, push) {
  // the first text node in which the word lies; notes between the parts of a text aren't text of the item
  let at = 0;
  const nodes = document.createTreeWalker(p, NodeFilter.SHOW_TEXT, (n) =>
    n.parentElement.closest(".cut") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  for (let node = nodes.nextNode(); node; at += node.length, node = nodes.nextNode()) {
    if (start < at || end > at + node.length) continue;
    const range = document.createRange(),
      mark = h("mark", { class: `because ${push > 0 ? "for" : "against"}` });
    mark.style.setProperty("--push", Math.abs(push).toFixed(2));
    range.setStart(node, start - at);
    range.setEnd(node, end - at);
    range.surroundContents(mark);
    return;
  }
}
function patches(grid, pushes) {
  const e = h("div", { class: "patches", "aria-hidden": "true" });
  e.style.gridTemplate = `repeat(${grid}, 1fr) / repeat(${grid}, 1fr)`;
  for (const push of pushes) {
    const patch = h("i", { class: push > 0 ? "for" : "against" });
    patch.style.opacity = Math.abs(push) < 0.15 ? 0 : Math.abs(push).toFixed(2);
    e.append(patch);
  }
  return e;
}
