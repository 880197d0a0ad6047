// Second looks: the item blind first, then who said what and why it is looked at, then one key that settles it. Nothing is
// settled by the blind answer alone, and what others said comes only once it is stored.

class Review {
  constructor(card) {
    this.card = card;
    this.view = card.view;
    this.showing = null;
    this.view.el.kinds.addEventListener("click", (e) => {
      const b = e.target.closest("button");
      if (b) this.choose(b.dataset.kind);
    }, { signal: card.listening.signal });
  }
  get on() {
    return this.card.data.mode === "review";
  }
  get look() {
    // what others said of the item on screen
    return (this.on && this.card.showing?.look) || null;
  }
  free(key) {
    return !this.card.data.classes.some((c) => c.key.toLowerCase() === key);
  }

  // From the blind answer to what others said
  begin(ask) {
    // answered blind before, and not settled
    const { kind, answer, id } = ask.look.mine;
    this.show(show(ask, { entry: { ...ask, id, kind, answer, note: "" }, look: ask.look }), ask);
  }
  show(showing, ask = null) {
    const { line } = this.card;
    this.showing = showing;
    line.apart = (showing?.ask ?? ask)?.id ?? null;
    line.looking = showing?.waits ? showing.ask.item : null;
    if (showing) line.queue = line.queue.filter((a) => a.id !== line.apart);
  }
  hear({ out, looks }) {
    const { waits, ask, entry } = this.showing ?? {};
    if (!waits) return;
    const look = looks?.[ask.item];
    if (look) {
      this.card.count();
      this.show(show(ask, { entry: { ...entry, answer: look.mine.answer }, look }));
      this.card.draw();
    } else if (out.has(entry.id) && entry.refused) this.leave();
  }
  leave() {
    this.card.count();
    this.show(null);
    this.card.draw();
  }
  async recall(reopened) {
    // an item that was settled before: what others said is read anew
    const { card } = this,
      look = await card.line.post("look", { item: reopened.ask.item }).catch(() => null);
    if (!look || card.reopened !== reopened) return;
    card.reopened = show(reopened.ask, { entry: { ...reopened.entry, ...look.mine, id: reopened.entry.id }, look, settled: reopened.entry });
    card.draw();
  }

  // Acts
  record(kind, { answer = [], note = "" }, event) {
    const { card } = this,
      { showing } = card;
    if (this.look) {
      if (kind === "unusable") return this.settle([], event, { unusable: true, note });
      return kind === "answer" ? this.settle(answer, event) : false;
    }
    if (kind === "flag" || showing.settled || showing.entry) return false;
    const { ask } = showing,
      wire = this.wire(kind, { answer, note, target: null, shown: null, seconds: Math.min(LONG, Math.round(showing.ms / 100) / 10) }, showing.id);
    const said = { ...ask, ...wire, at: Date.now(), changed: false, refused: "" };
    card.line.put({ ...wire, look: true }, said);
    card.sheet.close();
    if (kind === "later") this.leave();
    else {
      this.show(show(ask, { entry: said, waits: true }));
      card.draw();
    }
    return true;
  }
  wire(kind, more, id = uuid()) {
    const { ask } = this.card.showing;
    return { id, ask: ask.id ?? null, item: ask.item, kind, schema_version: this.card.data.schema_version, digest: ask.digest ?? null, ...more };
  }
  act(kind, more, told, event) {
    // one act on an item whose answers are known
    const { card, look } = this,
      { showing, line } = card;
    if (!look || !card.ready()) return false;
    if (event?.timeStamp) card.measure(event.timeStamp);
    card.count();
    const wire = this.wire(kind, { answer: [], note: "", ...more }),
      before = showing.settled;
    const said = { ...showing.ask, suggestion: null, look: null, ...wire, ...told, at: Date.now(), settled: true, refused: "", mends: before?.id };
    line.put(wire, said);
    card.did = kind === "withdraw" ? this.view.word("did_undo") : this.view.said(said);
    card.reopened = null;
    card.sheet.close();
    this.leave();
    if (line.state.schema_version !== card.data.schema_version) card.trigger("stale", line.state.schema_version);
    return true;
  }
  settle(answer, event, { unusable = false, note = "" } = {}) {
    const { decision } = this.look,
      changed = !decision || unusable || String(decision.answer) !== String(answer);
    return this.act("settle", { answer, unusable, note }, { kind: unusable ? "unusable" : "answer", answer, changed }, event);
  }
  keep(event) {
    const { decision } = this.look;
    return decision ? this.settle(decision.answer, event) : false;
  }
  mine(event) {
    const { kind, answer } = this.look.mine;
    if (this.card.toggles.on && this.card.toggles.picked.length) return this.settle(this.card.toggles.picked, event);
    if (kind === "answer") return this.settle(answer, event);
    return kind === "unusable" ? this.settle([], event, { unusable: true }) : false;
  }
  accept(event) {
    // Enter settles where there is nothing to choose between
    const { el } = this.view;
    if (!el.accept.hidden) this.card.toggles.on ? this.mine(event) : this.look.same ? this.keep(event) : this.mine(event);
    else if (this.card.ready()) this.view.pulse();
  }
  later(event) {
    const { card } = this,
      { settled, ask } = card.showing;
    if (settled) return this.act("withdraw", { target: settled.id }, { kind: "withdraw" }, event);
    if (!card.ready()) return false;
    const wire = this.wire("later", { target: null, shown: null, seconds: null });
    card.line.put({ ...wire, look: true }, { ...ask, ...wire, refused: "" });
    card.did = this.view.said({ kind: "later" });
    this.leave();
    return true;
  }
  send(kind, note, event) {
    // what the open sheet was answered with
    if (kind === "discard") return this.act("discard", { note }, { kind: "discard" }, event);
    const name = this.look.experts.find((n) => n.toLocaleLowerCase() === note.toLocaleLowerCase());
    if (!name) return this.view.el.line.focus();
    return this.act("send", { to: name }, { kind: "send", note: name }, event);
  }

  // Filters
  choose(kind) {
    const { line } = this.card;
    if (kind === line.kind) return;
    line.kind = kind;
    line.queue = [];
    line.state.exhausted = false;
    this.card.reopened = null;
    this.show(null);
    remember(sessionStorage, "collab:kind", kind);
    this.filters();
    this.card.draw();
    line.sync();
  }
  step(by) {
    // the next filter that holds something, round and round
    const { line, data } = this.card,
      kinds = data.kinds.map((k) => k.kind).filter((k) => k === "" || k === line.kind || line.left?.[k]),
      at = kinds.indexOf(line.kind);
    this.choose(kinds[(at + by + kinds.length) % kinds.length]);
  }
  filters() {
    const { line, data } = this.card,
      left = line.left ?? {};
    this.view.el.kinds.hidden = !this.on;
    if (!this.on) return;
    const buttons = data.kinds
      .filter(({ kind }) => kind === "" || kind === line.kind || left[kind])
      .map(({ kind, name }) =>
        h("button", { type: "button", "data-kind": kind, "aria-pressed": kind === line.kind }, name, h("b", {}, `${left[kind] ?? 0}`)),
      );
    this.view.el.kinds.replaceChildren(...buttons);
  }

  // What is on screen
  dress(showing) {
    const { el, lc, rows } = this.view,
      { look, waits, settled, entry } = showing,
      word = (key, values) => this.view.word(key, values),
      key = (id, letter) => {
        el[id].textContent = this.free(letter) ? letter.toUpperCase() : "";
      };
    lc.toggleAttribute("data-review", true);
    el.pastt.textContent = word("look_past");
    el.pastnone.textContent = word("look_past_none");
    lc.toggleAttribute("data-look", !!look);
    el.second.hidden = !look;
    el.flag.hidden = true;
    el.unsure.hidden = !!look;
    for (const id of ["keepit", "mineit"]) el[id].hidden = true;
    for (const id of ["discard", "expert"]) el[id].hidden = !look;
    for (const { button } of rows) button.classList.remove("theirs");
    el.back.hidden = !settled;
    if (!look) {
      el.odds.textContent = word(waits ? "look_waits" : "look_blind");
      if (waits) el.from.textContent = word("you_said");
      return;
    }
    const { decision, same, mine } = look,
      said = this.view.said({ ...entry, kind: mine.kind, answer: mine.answer }),
      speaks = mine.kind === "answer" || mine.kind === "unusable";
    lc.dataset.mode = "second";
    el.from.textContent = word(settled ? "look_said_then" : "you_said");
    el.head.textContent = el.head.title = said;
    el.pct.textContent = "";
    el.odds.textContent = !decision
      ? word("look_none")
      : word(same ? "look_same" : "look_other", { answer: decision.name, by: decision.source });
    el.latert.textContent = word(settled ? "take_back" : "later");
    el.why.textContent = settled ? word("reopened") : "";
    el.accept.disabled = false;
    el.accept.hidden = !(same || (!decision && speaks)) || this.card.toggles.on;
    el.acceptt.textContent = same ? word("keep", { mine: short(decision.name) }) : word("look_decide", { answer: short(said) });
    if (this.card.toggles.on) {
      el.take.hidden = true;
      el.accept.hidden = false;
      el.accept.disabled = !this.card.toggles.picked.length;
      const picked = this.view.said({ kind: "answer", answer: this.card.toggles.picked });
      const kept = decision && String(this.card.toggles.picked) === String(decision.answer);
      el.acceptt.textContent = kept ? word("keep", { mine: short(picked) }) : word("look_decide", { answer: short(picked) });
    }
    el.keepit.hidden = !decision || same;
    el.mineit.hidden = !decision || same || !speaks || this.card.toggles.on || !!settled;
    if (decision) {
      // side by side there is no room for names: the rows say which is which
      el.keepit.title = word("keep", { mine: decision.name });
      el.keepitt.textContent = el.mineit.hidden ? word("keep", { mine: short(decision.name) }) : word("look_keep");
    }
    el.mineit.title = word("look_change", { answer: said });
    el.mineitt.textContent = word("look_mine");
    for (const [id, letter] of [["keepitk", "k"], ["mineitk", "m"], ["discardk", "d"], ["expertk", "e"]]) key(id, letter);
    el.expert.hidden = !look.experts.length;
    rows.forEach(({ button, mine: pill }, i) => {
      const { id } = this.card.data.classes[i],
        own = mine.kind === "answer" && mine.answer.includes(id),
        theirs = !!decision?.answer.includes(id);
      button.classList.toggle("theirs", theirs);
      pill.hidden = !(own || theirs);
      pill.textContent = word(own && theirs ? "look_both" : own ? "yours" : "look_decided");
    });
    this.view.experts = look.experts;
    this.tell(look);
  }
  undress() {
    // the card asks as ever
    const { el, lc } = this.view;
    lc.toggleAttribute("data-look", false);
    el.second.hidden = true;
  }
  tell(look) {
    const { el } = this.view,
      word = (key, values) => this.view.word(key, values),
      part = (key, ...nodes) => [h("h4", {}, word(key)), ...nodes];
    const parts = [h("h3", { class: "sr" }, word("look_all")), h("p", { class: "chips" }, ...look.kinds.map(({ name }) => h("span", {}, name)))];
    parts.push(...part("look_said", look.said.length ? h("ol", { class: "near" }, ...look.said.map((s) => this.said(s))) : h("p", { class: "muted" }, word("look_nobody"))));
    if (look.flipped || look.suggested) parts.push(h("h4", {}, word("look_model")));
    if (look.flipped)
      parts.push(
        h("dl", { class: "facts2" }, ...look.flipped.flatMap((f) => [
          h("dt", {}, word("look_version", { n: f.version })),
          h("dd", { dir: "auto" }, h("b", {}, f.name), " ", h("span", { class: "of" }, word("look_sure", { pct: pct(f.sure) }))),
        ])),
      );
    if (look.suggested)
      parts.push(h("p", {}, word("look_unseen", { answer: look.suggested.name }), " ", h("span", { class: "of" }, word("look_sure", { pct: pct(look.suggested.sure) }))));
    if (look.contrast) parts.push(...part("look_contrast", ...this.contrast(look.contrast)));
    if (look.near.length) parts.push(...part("why_near", h("ol", { class: "near" }, ...look.near.map((n) => this.card.because.near(n)))));
    el.second.replaceChildren(...parts);
  }
  said({ who, answer, color, note, how, day }) {
    return h(
      "li",
      {},
      h("p", {}, h("i", { class: "sw", style: tint({ color }) }), h("b", { dir: "auto" }, answer), h("span", { class: "of" }, [who, how, day].filter(Boolean).join(" · "))),
      ...(note ? [h("p", { class: "note", dir: "auto" }, `“${note}”`)] : []),
    );
  }
  contrast(other) {
    const word = (key, values) => this.view.word(key, values),
      side = (parts, of) =>
        parts.filter((p) => p.of === "both" || p.of === of).map((p) => (p.of === "both" ? p.text : h("mark", { class: `differs ${of}` }, p.text))),
      both = (here, there) => [
        h("dt", {}, word("look_here")), h("dd", { dir: "auto" }, ...here),
        h("dt", {}, word("look_there")), h("dd", { dir: "auto" }, ...there),
      ];
    return [
      h("p", {}, h("i", { class: "sw", style: tint(other) }), " ", h("b", { dir: "auto" }, other.answer), " ", h("span", { class: "of" }, [other.ref, other.by, `${other.alike} ${other.cosine.toFixed(2)}`].filter(Boolean).join(" · "))),
      ...(other.thumb ? [h("img", { class: "mini", src: other.thumb, alt: "" })] : []),
      ...other.texts.map(({ parts }) => h("dl", { class: "sides" }, ...both(side(parts, "first"), side(parts, "second")))),
      ...(other.values.length
        ? [h("dl", { class: "facts2" }, ...other.values.flatMap(({ name, here, there }) => [
            h("dt", { dir: "auto" }, name),
            h("dd", { dir: "auto" }, h("mark", { class: "differs first" }, here || word("lacks")), " ", h("mark", { class: "differs second" }, there || word("lacks"))),
          ]))]
        : []),
      ...(other.texts.length || other.values.length ? [] : [h("p", { class: "excerpt", dir: "auto" }, other.excerpt)]),
    ];
  }
  spoken() {
    const { el } = this.view;
    return [el.from, el.head, el.odds, el.second].map((e) => e.textContent).join(". ").slice(0, 600);
  }
}
