// Second looks: the item blind first, then who said what and why it is looked at, then Enter, K or M settles it. Nothing
// is settled by the blind answer alone, and what others said comes only once it is stored. A key that answers blind never
// settles: it only chooses, so that one who takes a known item for a new one changes nothing.
const LETTERS = { keepitk: "k", mineitk: "m", discardk: "d", expertk: "e" }; // where no class has them
const NAMED = 12; // experts whom a sentence lists at most

class Review {
  constructor(card) {
    this.card = card;
    this.view = card.view;
    this.showing = null;
    this.told = new Looks(card);
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
    this.show(show(ask, { entry: { ...ask, id, kind, answer, note: "" }, look: ask.look, back: true }), ask);
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
    const settled = reopened.entry;
    look.kinds = settled.kinds ?? look.kinds; // what is settled gives no reason any more
    card.reopened = show(reopened.ask, { entry: { ...settled, ...look.mine, id: settled.id }, look, settled });
    card.draw();
  }

  // Acts
  record(kind, { answer = [], note = "" }, event) {
    const { card } = this,
      { showing } = card;
    if (this.look) {
      if (kind !== "unusable") return false;
      if (this.warns([], event, kind)) return card.sheet.close();
      return this.settle([], event, { unusable: true, note });
    }
    if (kind === "flag" || showing.settled || showing.entry) return false;
    const { ask } = showing,
      seconds = Math.min(LONG, Math.round(showing.ms / 100) / 10),
      wire = this.wire(kind, { answer, note, target: null, shown: null, seconds }, showing.id);
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
    const { ask } = this.card.showing,
      { schema_version } = this.card.data;
    return { id, ask: ask.id ?? null, item: ask.item, kind, schema_version, digest: ask.digest ?? null, ...more };
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
    const said = {
      ...showing.ask,
      suggestion: null,
      look: null,
      ...wire,
      ...told,
      kinds: look.kinds,
      at: Date.now(),
      settled: true,
      refused: "",
      mends: before?.id,
    };
    line.put(wire, said);
    card.did = kind === "withdraw" ? this.view.word("did_undo") : this.view.said(said);
    card.reopened = null;
    card.sheet.close();
    this.leave();
    if (line.state.schema_version !== card.data.schema_version) card.trigger("stale", line.state.schema_version);
    return true;
  }
  stays() {
    // whether Z has just been told why it leaves an answer given blind alone; the next Z goes on
    const { showing, card, view } = this;
    if (!showing?.look || card.reopened || showing.stood) return false;
    showing.stood = true;
    view.el.odds.textContent = view.told("look_stays");
    view.say(view.el.odds.textContent);
    return true;
  }
  alone() {
    // whether there is nobody else to send it to, which is said
    const { look, view } = this;
    if (!look || look.experts.length) return false;
    view.el.odds.textContent = view.word("expert_nobody");
    view.say(view.el.odds.textContent);
    return true;
  }
  settle(answer, event, { unusable = false, note = "" } = {}) {
    const { decision } = this.look,
      changed = !decision || unusable || String(decision.answer) !== String(answer);
    const told = { kind: unusable ? "unusable" : "answer", answer, changed, afresh: !decision };
    return this.act("settle", { answer, unusable, note }, told, event);
  }
  keep(event) {
    const { decision } = this.look;
    return decision ? this.settle(decision.answer, event) : false;
  }
  mine(event) {
    const { kind, answer } = this.look.mine;
    if (this.card.showing.chosen) return false; // which of the two is meant is anybody's guess
    if (this.card.toggles.on && this.card.toggles.picked.length) return this.settle(this.card.toggles.picked, event);
    if (kind === "answer") return this.settle(answer, event);
    return kind === "unusable" ? this.settle([], event, { unusable: true }) : false;
  }
  pick(id) {
    // what a key chooses is settled by Enter; the same key again takes the choice back
    const { card, view } = this,
      { showing } = card;
    if (!card.ready()) return false;
    showing.chosen = showing.chosen === id ? null : id;
    this.dress(showing);
    view.say(showing.chosen ? view.el.acceptt.textContent : view.word("cleared"));
    return true;
  }
  warns(answer, event, kind = "answer") {
    // an item that comes back already answered may be taken for a new one, and be answered as such
    const { card, view } = this,
      { showing } = card;
    if (!showing.back || showing.warned || event?.type === "click") return false;
    showing.warned = true;
    view.el.odds.textContent = view.word("look_again", { answer: view.said({ kind, answer }) });
    view.say(view.el.odds.textContent);
    return true;
  }
  accept(event) {
    // Enter settles what is chosen, or where there is nothing to choose between
    const { el } = this.view,
      { toggles, showing } = this.card,
      { chosen } = showing;
    if (!this.card.ready()) return;
    if (el.accept.hidden) this.view.pulse();
    else if ((chosen || showing.begun) && this.warns(chosen ? [chosen] : toggles.picked, event)) return;
    else if (chosen) this.settle([chosen], event);
    else if (this.look.same && !toggles.on) this.keep(event);
    else this.mine(event);
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
    const plain = (s) => s.toLocaleLowerCase(),
      begun = this.look.experts.filter((n) => note && plain(n).startsWith(plain(note)));
    const name = begun.find((n) => plain(n) === plain(note)) ?? (begun.length === 1 ? begun[0] : null);
    if (!name) {
      const { experts } = this.look,
        names = experts.slice(0, NAMED).join(", ") + (experts.length > NAMED ? " …" : "");
      if (note) this.card.sheet.tell(this.view.word("expert_unknown", { name: note, names }));
      return this.view.el.line.focus();
    }
    return this.act("send", { to: name }, { kind: "send", note: name }, event);
  }

  // Filters
  arrive() {
    // a filter that was kept from before may hold nothing by now
    const { line } = this.card;
    if (!this.on || this.arrived || !line.left) return;
    this.arrived = true;
    if (line.kind && !line.left[line.kind] && line.left[""]) this.choose("");
  }
  choose(kind) {
    const { line } = this.card;
    if (kind === line.kind || line.barred) return;
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
      .map(({ kind, name }) => {
        const about = { type: "button", "data-kind": kind, "aria-pressed": kind === line.kind };
        return h("button", about, name, h("b", {}, `${left[kind] ?? 0}`));
      });
    this.view.el.kinds.replaceChildren(...buttons);
  }

  // What is on screen
  dress(showing) {
    const { el, lc, rows } = this.view,
      { look, waits, settled, entry, chosen } = showing,
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
    for (const { button } of rows) button.classList.remove("theirs", "chosen");
    if (!this.card.toggles.on) el.go.toggleAttribute("data-sends", !!showing.chosen);
    el.back.hidden = !settled;
    if (!look) {
      el.odds.textContent = word(waits ? "look_waits" : "look_blind");
      if (waits) el.from.textContent = word("you_said");
      return;
    }
    const { decision, same, mine } = look,
      said = this.view.said({ ...entry, kind: mine.kind, answer: mine.answer }),
      keeps = (name) => word("keep", { mine: short(name) }),
      decides = (name) => word("look_decide", { answer: short(name) }),
      speaks = mine.kind === "answer" || mine.kind === "unusable";
    lc.dataset.mode = "second";
    el.from.textContent = word(settled ? "look_said_then" : "you_said");
    el.head.textContent = el.head.title = said;
    el.pct.textContent = "";
    el.odds.textContent = !decision
      ? this.view.told("look_none")
      : this.view.told(same ? "look_same" : "look_other", { answer: decision.name, by: decision.source });
    el.latert.textContent = word(settled ? "take_back" : "later");
    el.why.textContent = settled ? word("reopened") : "";
    el.accept.disabled = false;
    el.accept.hidden = !(same || (!decision && speaks)) || this.card.toggles.on;
    el.acceptt.textContent = same ? keeps(decision.name) : decides(said);
    if (this.card.toggles.on) el.take.hidden = true;
    const picks = this.card.toggles.on ? this.card.toggles.picked : chosen && [chosen];
    if (picks) {
      el.accept.hidden = false;
      el.accept.disabled = !picks.length;
      const picked = this.view.said({ kind: "answer", answer: picks });
      const kept = decision && String(picks) === String(decision.answer);
      el.acceptt.textContent = kept ? keeps(picked) : decides(picked);
    }
    el.accept.title = el.acceptt.textContent;
    el.keepit.hidden = !decision || same || !!chosen;
    el.mineit.hidden = !decision || same || !speaks || this.card.toggles.on || !!settled || !!chosen;
    if (decision) {
      // side by side there is no room for names: the rows say which is which
      el.keepit.title = word("keep", { mine: decision.name });
      el.keepitt.textContent = el.mineit.hidden ? keeps(decision.name) : word("look_keep");
    }
    el.mineit.title = word("look_change", { answer: said });
    el.mineitt.textContent = word("look_mine");
    for (const [id, letter] of Object.entries(LETTERS)) key(id, letter);
    el.expert.hidden = !look.experts.length;
    rows.forEach(({ button, mine: pill }, i) => {
      const { id } = this.card.data.classes[i],
        own = mine.kind === "answer" && mine.answer.includes(id),
        theirs = !!decision?.answer.includes(id);
      button.classList.toggle("theirs", theirs);
      button.classList.toggle("chosen", chosen === id);
      if (!this.card.toggles.on) button.setAttribute("aria-pressed", chosen ? chosen === id : own);
      pill.hidden = !(own || theirs);
      pill.textContent = word(own && theirs ? "look_both" : own ? "yours" : "look_decided");
    });
    this.view.experts = look.experts;
    el.second.replaceChildren(...this.told.parts(look));
  }
  undress() {
    // the card asks as ever
    const { el, lc } = this.view;
    lc.toggleAttribute("data-look", false);
    el.accept.title = "";
    el.second.hidden = true;
  }
  spoken() {
    const { el } = this.view;
    return [el.from, el.head, el.odds, el.second].map((e) => e.textContent).join(". ").slice(0, 600);
  }
}
