// The card: what is on screen, and what an act does to it.
const DWELL = 120; // ms after paint in which a press can't have been meant for the new item
const PAUSE = 30000,
  LONG = 120; // a gap counts at most so many ms; an item at most so many seconds
const MARKS = 500; // timing marks kept for whoever measures

class Card {
  constructor(root, data) {
    this.data = data;
    this.scope = scope(data);
    this.view = new View(root);
    this.root = root;
    this.view.dress(data);
    // who came by a click in the navigation has left the focus on its link, which would keep Enter for itself
    document.activeElement?.closest("[data-testid=stSidebarNav] a")?.blur();
    this.line = new Line(data, (what, detail) => this.changed(what, detail));
    this.listening = new AbortController();
    this.pictures = this.view.pictures = new Pictures(
      this.view,
      (link) => this.line.post("media", { link }),
      this.listening.signal,
    );
    this.keysOn = (remembered(localStorage, "collab:keys") ?? (data.keys_on ? "1" : "")) === "1";
    const { signal } = this.listening,
      on = (target, type, act) => target.addEventListener(type, act, { signal });
    Object.assign(this, { sheet: new Sheet(this.view), notice: new Notice(this.view), cover: new Cover(this.view) });
    this.telling = new Telling(this);
    this.because = new Because(this);
    this.toggles = new Toggles(this);
    this.review = new Review(this);
    this.input = new Input(this, signal);
    this.undisturbed = new Undisturbed(this, signal);
    on(window, "online", () => this.line.retry());
    on(window, "pagehide", () => this.line.sync(true));
    on(window, "beforeunload", (e) => {
      if (this.line.outbox.length && this.line.kept === false) e.preventDefault();
    });
    on(document, "visibilitychange", () => {
      this.count();
      if (document.hidden) this.line.sync(true);
      else this.line.sync();
    });
    this.view.el.guide.open =
      (remembered(localStorage, "collab:guide") ?? (this.view.lc.clientWidth > 700 ? "1" : "")) === "1";
    this.line.sync();
    this.line.earlier().then(() => this.view.past(this.line.past));
  }
  get here() {
    return this.root.isConnected;
  }
  get canAccept() {
    if (this.review.look) return !this.view.el.accept.hidden;
    if (this.toggles.on) return !!this.showing && !!this.toggles.sends;
    return this.view.lc.dataset.mode === "word" && this.showing?.best !== undefined;
  }

  update(data, trigger) {
    this.trigger = trigger;
    const renewed = data.token !== this.data.token,
      reworded = data.lang !== this.data.lang;
    this.data = this.line.data = data;
    this.view.dress(data);
    this.view.lc.toggleAttribute("data-nokeys", !this.keysOn);
    if (renewed && this.line.expired) {
      this.line.expired = false;
      this.line.sync();
    }
    if (reworded) delete this.view.lc.dataset.blank;
    this.draw(true);
    if (reworded) this.reword();
    if (data.reopen && data.reopen !== this.sought) this.reopen((this.sought = data.reopen));
  }

  reword() {
    // what `draw` leaves as it is; what is picked, typed or waits is nobody's to touch
    this.view.past(this.line.past);
    if (this.sheet.on) this.sheet.word();
    if (this.because.on) this.because.open(this.because.wanted);
  }

  // What is on screen
  draw(again = false) {
    const { view, line } = this,
      { lc } = view;
    let ask = line.current;
    if (ask?.look && !line.barred && !this.reopened && !this.review.showing) {
      this.review.begin(ask);
      ask = null;
    }
    if (line.barred) this.showing = null;
    else if (this.reopened) this.showing = this.reopened;
    else if (this.review.showing) this.showing = this.review.showing;
    else if (this.telling.showing) this.showing = this.telling.showing;
    else if (!ask) this.showing = null;
    else if (this.fresh?.ask !== ask) this.showing = this.fresh = show(ask, { same: this.telling.same });
    else this.showing = this.fresh;
    if (!this.showing) {
      view.blank(line.state, line);
      view.past(line.past);
    } else if (again || this.drawn !== this.showing) {
      lc.dataset.state = "ask";
      delete lc.dataset.blank;
      this.showing.painted = again && this.drawn === this.showing ? this.showing.painted : 0;
      // a text that stays on screen may be scrolled
      const kept = this.telling.showing || this.review.showing || this.reopened,
        stays = kept && this.drawn?.ask.item === this.showing.ask.item;
      if (again || !stays) view.item(this.showing, again);
      view.mark(this.showing);
      if (!this.showing.waits) view.suggestion(this.showing, line.state);
      if (this.toggles.on) {
        this.toggles.begin(this.showing);
        this.toggles.draw(this.showing);
      }
      if (this.review.on) this.review.dress(this.showing);
      this.input.clear();
    }
    this.because.follow();
    if (!this.showing) this.review.undress();
    this.review.filters();
    if (this.drawn !== this.showing) {
      this.drawn = this.showing;
      this.touchedAt = performance.now();
      if (this.showing) painted(() => this.seen());
    }
    view.line(line);
  }
  seen() {
    // after the frame: what nobody waits for
    const { showing, view, line } = this;
    if (!showing) return;
    showing.painted = performance.now();
    if (this.pressed) {
      this.pressed = false;
      performance.mark("collab:painted");
    }
    if (!this.telling.showing) view.rest(showing);
    this.because.follow();
    view.scrollable();
    view.past(line.past);
    view.lc.toggleAttribute("data-first", !line.past.length);
    this.pictures.ahead(line.queue);
    if (showing.waits) return;
    if (showing.look) {
      view.say(this.review.spoken());
      return;
    }
    const { from, head, pct, odds, why } = view.el;
    if (showing.told) {
      const says = [from, head, pct].map((e) => e.textContent).join(" ");
      view.say([says, odds.textContent, why.textContent].join(". "));
      return;
    }
    view.say(
      [
        this.did,
        showing.same && view.word("told_same"),
        showing.ask.ref,
        spoken(showing.ask, view),
        !beside(showing.ask) &&
          showing.ask.meta
            .map(([name, value]) => `${name} ${value || view.word("lacks")}`)
            .join(", ")
            .slice(0, 300),
        [from, head, pct].map((e) => e.textContent).join(" "),
        (view.footing(showing) || view.choices(showing)) && odds.textContent,
      ]
        .filter(Boolean)
        .join(". "),
    );
    this.did = "";
    this.telling.same = false;
  }
  changed(what, detail) {
    if (what === "beat") {
      this.rest();
      return;
    }
    if (what === "refused")
      this.notice.show(
        this.view.word("refused", { why: detail.refused }),
        ...(detail.gone ? [] : ["reopen", () => this.reopen(detail.id)]),
      );
    if (what === "answered") {
      this.review.hear(detail);
      this.telling.hear(detail);
      return;
    }
    if (what === "line") {
      if (this.telling.showing?.waits && (this.line.fails || this.line.expired)) this.telling.leave();
      if (this.line.expired) this.notice.show(this.line.shut || this.view.word("expired"), "reload", () => location.reload());
      else if (this.line.problem) this.notice.show(this.line.problem, "retry", () => this.line.retry());
      else this.notice.over();
      if (this.line.barred) {
        this.count();
        this.sheet.close();
      }
      this.review.arrive();
    }
    this.review.filters();
    if (this.showing && !this.line.barred) {
      this.view.line(this.line);
      this.progress();
      if (this.showing.painted) this.pictures.ahead(this.line.queue);
      if (what === "refused") this.view.past(this.line.past);
    } else this.draw();
  }
  progress() {
    // the sentence about reading may move on; a suggestion on screen never does
    const { showing, view, line } = this;
    if (view.lc.dataset.mode === "open" && !showing.ask.blind)
      view.el.odds.textContent = view.word(line.state.reading < 1 ? "reading" : view.below, {
        pct: pct(line.state.reading),
      });
  }

  // Acts
  choose(i, event) {
    const c = this.data.classes[i],
      { showing } = this;
    if (!c || !showing) return false;
    if (this.review.look && !this.toggles.on) return this.review.pick(c.id);
    if (this.toggles.on) return this.toggles.toggle(c.id);
    const old = showing.entry;
    if (old && !showing.told && !old.refused && old.kind === "answer" && old.answer.includes(c.id))
      return this.ready() && this.goBack();
    return this.record("answer", { answer: [c.id] }, event);
  }
  accept(event) {
    if (!this.showing) return;
    if (this.review.look) this.review.accept(event);
    else if (this.toggles.on) this.toggles.send(event);
    else if (this.showing.told) this.record("answer", { answer: this.showing.entry.answer }, event);
    else if (this.canAccept) this.choose(this.showing.best, event);
    else if (this.ready()) this.view.pulse();
  }
  later(event) {
    const old = this.showing?.entry;
    if (this.review.look) this.review.later(event);
    else if (!old) this.record("later", {}, event);
    else if (old.refused) this.goBack();
    else this.record("undo", {}, event);
  }
  ready() {
    const { showing } = this;
    return !!showing?.painted && !showing.waits && performance.now() - showing.painted >= DWELL && !this.cover.on;
  }
  record(kind, { answer = [], note = "" }, event) {
    if (!this.ready()) return false;
    const { showing, line, view } = this,
      { ask, entry } = showing,
      unseen = kind === "answer" && this.pictures.hinders(ask);
    if (unseen) {
      view.pulse(unseen);
      return false;
    }
    if (this.review.on) {
      if (event?.timeStamp) this.measure(event.timeStamp);
      this.count();
      return this.review.record(kind, { answer, note }, event);
    }
    if (event?.timeStamp) this.measure(event.timeStamp);
    this.count();
    const target = entry && !entry.refused ? entry.id : null,
      word = view.proba(showing) && ask.suggestion;
    const wire = {
      id: showing.id,
      ask: ask.id ?? null,
      item: ask.item,
      kind,
      answer,
      note,
      target,
      seconds: Math.min(LONG, Math.round(showing.ms / 100) / 10),
      shown: word || null,
      schema_version: this.data.schema_version,
      digest: ask.digest ?? null,
    };
    const kept = kind === "answer" && entry?.kind === kind && String(entry.answer) === String(answer);
    const said = {
      ...ask,
      suggestion: null,
      ...wire,
      at: Date.now(),
      changed: !!target && !kept,
      refused: "",
      mends: entry?.id,
    };
    line.put(wire, said);
    this.did = kind === "undo" ? view.word("did_undo") : view.said({ kind, answer, note });
    this.reopened = null;
    this.sheet.close();
    if (ask.first && kind === "answer" && !target && !line.fails && !line.expired) this.telling.wait(ask, said);
    else this.telling.leave();
    // The classes have changed: let the page hand them over.
    if (line.state.schema_version !== this.data.schema_version) this.trigger("stale", line.state.schema_version);
    return true;
  }
  measure(at) {
    this.pressed = true;
    if ((this.presses = (this.presses ?? 0) + 1) % MARKS === 0)
      for (const name of ["collab:key", "collab:painted"]) performance.clearMarks(name);
    performance.mark("collab:key", { startTime: at });
  }

  // Going back, without limit
  async reopen(id) {
    if (this.cover.on || this.line.barred || (!id && this.review.stays())) return;
    const { line } = this,
      here = () => (this.showing?.waits ? null : this.showing?.entry?.id), // who waits wants this very item again
      at = () => line.past.findIndex((e) => e.id === (id ?? here()));
    const index = () => (id ? at() : at() + 1);
    while (id && at() < 0 && (await line.earlier()));
    if (index() >= line.past.length - 5) {
      const more = line.earlier();
      if (index() >= line.past.length) await more;
    }
    const entry = line.past[index()];
    if (!entry) {
      this.view.say(this.view.word("no_earlier"));
      return;
    }
    this.count();
    this.sheet.close();
    this.reopened = show({ ...entry, id: entry.ask, suggestion: null, reason: "" }, { entry });
    this.telling.leave();
    if (this.review.on) this.review.recall(this.reopened);
  }
  goBack() {
    if (this.review.on && !this.reopened) return false; // what was answered blind waits for its verdict
    this.count();
    this.reopened = null;
    this.sheet.close();
    this.telling.leave();
    return true;
  }

  // The question that X and F ask
  openSheet(kind) {
    if (this.ready() && !(kind === "expert" && this.review.alone())) this.sheet.open(kind);
  }
  send(note, event) {
    const said = note.trim();
    if (["discard", "expert"].includes(this.sheet.kind)) this.review.send(this.sheet.kind, said, event);
    else if (this.sheet.kind === "unusable" && !said) this.view.el.line.focus();
    else this.record(this.sheet.kind, { note: said }, event);
  }

  // Time, and who is here
  touched() {
    this.count();
    this.line.used = Date.now();
  }
  count() {
    const now = performance.now(),
      { showing } = this;
    if (showing && this.visible !== false && !this.cover.on)
      showing.ms += Math.min(PAUSE, Math.max(0, now - this.touchedAt));
    this.touchedAt = now;
    this.visible = !document.hidden;
  }
  rest() {
    const idle = Date.now() - this.line.used;
    if (!this.cover.on && idle >= this.data.idle_minutes * 60000) this.cover.lay(this.data.annotator);
  }
  uncover() {
    this.cover.lift();
    this.touchedAt = performance.now();
    if (this.showing) {
      this.showing.painted = 0;
      painted(() => {
        if (this.showing) this.showing.painted = performance.now();
      });
    }
    this.line.used = Date.now();
    this.line.sync();
  }
  who() {
    this.line.sync(true);
    this.trigger("who", true);
  }
  setKeys(on) {
    this.keysOn = on;
    remember(localStorage, "collab:keys", on ? "1" : "");
    this.view.lc.toggleAttribute("data-nokeys", !on);
  }
  close() {
    this.because.close();
    this.telling.close();
    this.undisturbed.close();
    this.listening.abort();
    this.view.sizes.disconnect();
    this.line.close();
  }
}

const show = (ask, more = {}) => ({ id: uuid(), ask, entry: null, ms: 0, painted: 0, ...more });
