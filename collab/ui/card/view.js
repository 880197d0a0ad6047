// Draws what the card is told to draw. Texts go in through textContent alone, so whatever an item holds stays inert.
const ROWS = 6; // entries of the strip of earlier answers
const PICTURE_KEYS = [
  ["+ −", "help_zoom", "keyed"],
  ["← ↑ → ↓", "help_pan", "keyed"],
  ["R", "help_whole", "keyed"],
  ["B", "help_bright", "keyed"],
  ["C", "help_contrast", "keyed"],
];
const LOOK_KEYS = [
  ["K", "help_keep"],
  ["M", "help_mine"],
  ["D", "help_discard"],
  ["E", "help_expert"],
  ["[ ]", "help_filter"],
];
const SWATCHES = 3; // colors of an entry of the strip at most

class View {
  constructor(root) {
    this.root = root;
    this.lc = root.querySelector(".lc");
    this.el = Object.fromEntries([...root.querySelectorAll("[id]")].map((e) => [e.id, e]));
    this.sizes = new ResizeObserver(() => requestAnimationFrame(() => this.fit()));
    for (const name of ["bar", "body", "panel"]) this.sizes.observe(this.el[name]);
  }
  get below() {
    return this.data.many ? "choose_any_below" : "choose_below";
  }
  word(key, values = {}) {
    const text = this.strings[key];
    if (text === undefined) throw new Error(`no word for ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  told(key, values) {
    // the same, for a thumb where there is no keyboard
    return this.word(matchMedia("(pointer: coarse)").matches ? `${key}_touch` : key, values);
  }

  dress(data) {
    // everything that hangs on project, person, language or theme; safe to repeat
    const { lc, el } = this;
    Object.assign(this, { data, strings: data.strings });
    lc.lang = data.lang;
    lc.dataset.theme = dark(lc) ? "dark" : "light";
    for (const e of this.root.querySelectorAll("[data-t]")) e.textContent = this.word(e.dataset.t);
    el.q.textContent = data.question;
    el.who.textContent = data.annotator;
    el.helpb.setAttribute("aria-label", this.word("help"));
    el.opts.setAttribute("aria-label", this.word("options"));
    el.acts.setAttribute("aria-label", this.word("other"));
    el.lens.setAttribute("aria-label", this.word("lens"));
    for (const id of ["larger", "smaller", "level", "lamp"]) {
      el[id].title = this.word(`lens_${id}`);
      el[id].setAttribute("aria-label", el[id].title);
    }
    el.find.placeholder = this.word("find");
    const taken = data.classes.some((c) => c.key.toLowerCase() === "w"); // a class has gone before: then by the button
    el.whyk.hidden = taken;
    taken ? el.whyb.removeAttribute("aria-keyshortcuts") : el.whyb.setAttribute("aria-keyshortcuts", "W");
    el.findbox.hidden = data.classes.length <= 10;
    lc.classList.toggle("many", data.classes.length > 10);
    el.nothingbox.hidden = !data.many;
    lc.toggleAttribute("data-toggles", data.many);
    for (const [id, key] of [["take", "a"], ["nothing", "n"]]) {
      const free = !data.classes.some((c) => c.key.toLowerCase() === key); // a class has its key first
      el[`${id}k`].textContent = free ? key.toUpperCase() : "";
      free ? el[id].setAttribute("aria-keyshortcuts", key.toUpperCase()) : el[id].removeAttribute("aria-keyshortcuts");
    }
    el.ownk.hidden = data.classes.some((c) => c.key.toLowerCase() === "r");
    const signature = JSON.stringify([data.classes, data.many, data.guidelines, data.lang, data.pictures]);
    if (signature !== this.signature) {
      this.signature = signature;
      this.rows = data.classes.map((c, i) => this.row(c, i));
      el.opts.replaceChildren(...this.rows.map((r) => r.button));
      el.rules.replaceChildren(...this.guide(data));
      el.keys.replaceChildren(...this.help(data));
    }
  }
  row(c, i) {
    const bar = h("i"),
      pct = h("span", { class: "pc" }),
      mine = h("span", { class: "mine" }, this.word("yours"));
    const button = h(
      "button",
      {
        type: "button",
        class: "opt",
        "data-i": i,
        style: tint(c),
        ...(c.description && { title: c.description }),
        ...(c.key && { "aria-keyshortcuts": c.key.toUpperCase() }),
      },
      h("kbd", { "aria-hidden": "true" }, c.key.toUpperCase()),
      h("i", { class: "sw" }),
      h("span", { class: "nm", dir: "auto" }, c.name),
      mine,
      h("span", { class: "tr" }, bar),
      pct,
    );
    mine.hidden = true;
    return { button, bar, pct, mine };
  }
  guide(data) {
    const part = (c) => [
      h("dt", { style: tint(c) }, h("i", { class: "sw" }), c.name),
      h(
        "dd",
        { dir: "auto" },
        c.description,
        ...(c.example ? [h("span", { class: "eg" }, this.word("example", { text: c.example }))] : []),
        ...(c.near_miss ? [h("span", { class: "eg" }, this.word("near_miss", { text: c.near_miss }))] : []),
      ),
    ];
    const defined = data.classes.filter((c) => c.description || c.example || c.near_miss);
    const rules = data.guidelines
      .split(/\n{2,}/)
      .filter((t) => t.trim())
      .map((t) => h("p", { dir: "auto" }, t.trim()));
    if (!rules.length && !defined.length) return [h("p", { class: "muted" }, this.word("no_guide"))];
    return defined.length ? [...rules, h("dl", {}, ...defined.flatMap(part))] : rules;
  }
  help(data) {
    const own = data.classes.map((c) => c.key.toUpperCase()).filter(Boolean),
      free = (k) => !own.includes(k), // a key of a class is nothing else
      chooses = data.many ? "help_toggle" : data.mode === "review" ? "help_blind" : "help_class";
    const keys = [
      [own.length > 6 ? `${own[0]} … ${own.at(-1)}` : own.join(" "), chooses, "keyed"],
      ...(data.many && free("N") ? [["N", "help_none", "keyed"]] : []),
      ["Enter", data.mode === "review" ? "help_settle" : data.many ? "help_send" : "help_accept"],
      ...(data.many && free("A") ? [["A", "help_take", "keyed"]] : []),
      ["S", "help_later"],
      ["U", "help_unsure"],
      ["X", "help_unusable"],
      ...(data.mode === "review" ? LOOK_KEYS.filter(([k]) => free(k)) : [["F", "help_flag"]]),
      ["Z", "help_undo"],
      ...(free("W") && data.mode !== "review" ? [["W", "help_why"]] : []),
      ["Esc", data.many ? "help_clear" : "help_back", "keyed"],
      ...(data.pictures ? PICTURE_KEYS.filter(([k]) => free(k)) : []),
      ...(data.classes.length > 10 ? [["/", "help_find", "keyed"]] : []),
      ["?", "help", "keyed"],
    ];
    return [
      ...keys
        .filter(([k]) => k)
        .flatMap(([k, w, kind = ""]) => [h("dt", {}, h("kbd", {}, k)), h("dd", { class: kind }, this.word(w))]),
      h("dt", { class: "touch" }),
      h("dd", { class: "touch" }, this.word(data.many ? "help_swipe_many" : "help_swipe")),
      ...(data.pictures ? [h("dt", { class: "touch" }), h("dd", { class: "touch" }, this.word("help_pinch"))] : []),
    ];
  }

  item(showing, whole) {
    // the hot path: text, rows, nothing measured
    const { el } = this,
      { ask } = showing;
    el.body.dataset.ask = ask.id ?? "";
    el.body.lang = ask.lang || "";
    el.body.className = ask.fields.reduce((n, f) => n + String(f.value ?? "").length, 0) > 600 ? "body long" : "body";
    el.body.replaceChildren(...contents(ask, whole ? LONGEST : FIRST, this));
    el.body.scrollTop = 0;
    el.meta.replaceChildren(
      h("b", {}, ask.ref),
      ...(beside(ask) ? ask.meta.filter(([, value]) => value !== "") : []).map(([name, value, more]) =>
        h("span", { title: name }, h("span", { class: "of" }, name), " ", value, more?.unit ? `\u00a0${more.unit}` : ""),
      ),
    );
  }
  mark(showing) {
    // why it is on screen, and what this person has said of it
    const { el } = this,
      { ask, entry } = showing;
    const after = !!(showing.waits || showing.told);
    this.lc.toggleAttribute("data-after", after); // in place of the words "your answer", which would break a long name
    el.opts.classList.remove("pulse");
    // a suggestion that tells of its doubt has said why it is asked
    const said = ask.doubt && this.doubts(showing);
    el.why.textContent = showing.told
      ? this.word(this.data.many ? "told_next_many" : "told_next")
      : entry && !showing.waits
        ? this.word("reopened")
        : showing.same
          ? this.word("told_same")
          : said
            ? ""
            : (this.data.reasons[ask.reason] ?? ask.reason); // a strategy from elsewhere may bring a sentence
    this.rows.forEach(({ button, mine }, i) => {
      const old = !!entry && entry.kind === "answer" && entry.answer.includes(this.data.classes[i].id);
      button.classList.toggle("was", old);
      if (this.data.many) button.removeAttribute("aria-description");
      else if (old) button.setAttribute("aria-pressed", "true");
      else button.removeAttribute("aria-pressed");
      mine.hidden = !old || after;
    });
  }
  rest({ ask }) {
    // what `item` has left out
    if (ask.fields.some((f) => String(f.value ?? "").length > FIRST))
      this.el.body.replaceChildren(...contents(ask, LONGEST, this));
  }
  suggestion(showing, state) {
    const { el, lc } = this,
      { entry, told } = showing,
      proba = this.proba(showing),
      footing = this.footing(showing),
      choices = this.choices(showing),
      learned = footing !== "names",
      checked = state.checked && learned;
    const mode = entry && !told ? "again" : proba ? "word" : "open";
    lc.dataset.mode = mode;
    lc.toggleAttribute("data-checked", checked);
    lc.toggleAttribute("data-filled", !!state.accept_filled && learned && !told);
    lc.dataset.footing = footing;
    lc.toggleAttribute("data-choices", !!choices);
    el.accept.hidden = mode === "again";
    el.accept.disabled = mode !== "word";
    el.back.hidden = mode !== "again";
    el.latert.textContent = this.word(mode === "again" ? "take_back" : "later"); // what is taken back comes later
    el.acceptt.textContent = told ? this.word("keep", { mine: short(this.said(entry)) }) : this.word("accept");
    el.check.textContent = proba && learned && !checked && !told ? this.word("unchecked") : "";
    el.odds.title = "";
    if (!proba) {
      el.head.title = "";
      el.from.textContent = entry ? this.word("you_said") : "";
      el.head.textContent = entry ? this.said(entry) : this.word("your_call");
      el.pct.textContent = "";
      el.odds.textContent = entry
        ? this.word("again")
        : this.word(showing.ask.blind || state.reading >= 1 ? this.below : "reading", { pct: pct(state.reading) });
      return;
    }
    const order = proba.map((p, i) => i).sort((a, b) => proba[b] - proba[a]),
      [best] = order,
      { many, classes } = this.data,
      says = this.suggested(showing).map((i) => classes[i].name);
    showing.best = best;
    el.from.textContent = told
      ? this.word("told", { mine: short(this.said(entry)) })
      : this.word(learned ? "suggests" : "guesses");
    el.head.textContent = el.head.title = says.join(", ") || this.word("none_of");
    el.pct.textContent = checked && !many ? pct(proba[best]) : "";
    el.odds.textContent = sentence(this, showing.ask.suggestion, order, choices, checked && state.checked_on);
    if (choices) el.odds.title = el.odds.textContent;
    this.rows.forEach(({ button, bar, pct: label }, i) => {
      button.classList.toggle("out", !!choices && !choices.has(i));
      bar.style.transform = `scaleX(${learned ? proba[i].toFixed(3) : 0})`; // a guess leans to nothing yet
      label.textContent = checked ? pct(proba[i]) : "";
      if (many && checked) {
        const { each } = showing.ask.suggestion;
        button.setAttribute("aria-description", this.word("each", { often: often(this, each[classes[i].column]) }));
      }
    });
  }
  footing(showing) {
    // what the suggestion stands on, where that is worth a word
    return (this.proba(showing) && showing.ask.suggestion.footing) || "";
  }
  choices(showing) {
    // rows between which the model leaves the choice
    const choices = this.proba(showing) && showing.ask.suggestion.choices,
      rows = [...this.data.classes.keys()];
    return choices && new Set(rows.filter((i) => choices.columns.includes(this.data.classes[i].column)));
  }
  suggested(showing) {
    // rows that the suggestion names; of a question with one answer, its best
    const proba = this.proba(showing);
    if (!proba) return null;
    if (!this.data.many) return [proba.indexOf(Math.max(...proba))];
    const { suggested } = showing.ask.suggestion;
    return [...this.data.classes.keys()].filter((i) => suggested.includes(this.data.classes[i].column));
  }
  doubts(showing) {
    // whether its sentence is one of doubt
    return ["ambiguous", "unfamiliar"].includes(this.footing(showing)) || !!this.choices(showing);
  }
  proba({ ask, entry, told }) {
    // in the order of the rows; retired classes have columns too
    if ((entry && !told) || ask.blind || !ask.suggestion) return null;
    const { proba } = ask.suggestion,
      { classes } = this.data;
    return proba.length === classes.length ? proba : classes.map((c) => proba[c.column]);
  }
  said({ kind, answer, note }) {
    const name = (id) => this.data.classes.find((c) => c.id === id)?.name ?? (id === this.data.none ? this.word("none_of") : id);
    if (kind === "answer") return answer.map(name).join(", ");
    return this.word(`did_${kind}`) + (note ? `: ${note}` : "");
  }

  blank(state, line) {
    // nothing to ask: the first load, the end, or a line that is down
    const { el, lc, data } = this;
    const what =
      line.barred ||
      (!line.met && !line.fails
        ? "loading"
        : line.fails || line.expired
          ? "cut_off"
          : !state.exhausted
            ? "fetching"
            : data.mode === "label"
              ? "end"
              : `end_${data.mode}`);
    lc.dataset.state = what === "loading" || what === "fetching" ? "loading" : "blank";
    el.body.dataset.ask = "";
    el.body.className = "body";
    el.body.lang = "";
    this.pictures.gone();
    el.meta.replaceChildren();
    el.why.textContent = "";
    if (lc.dataset.blank === what) return;
    lc.dataset.blank = what;
    el.body.replaceChildren(
      ...(lc.dataset.state === "loading"
        ? [
            h("p", { class: "sr" }, this.word(what)),
            h("div", { class: "bones", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
          ]
        : [h("p", { class: "title" }, this.word(what)), h("p", { class: "next" }, this.word(`${what}_next`))]),
    );
    this.say(this.word(what));
  }
  line(line) {
    const { el } = this,
      n = line.outbox.length;
    el.save.dataset.s = line.mark;
    el.savet.textContent = this.word(
      { ok: "saved", dead: "ended", busy: n ? "saving" : "connecting", off: line.problem ? "unsaved" : "offline" }[
        line.mark
      ],
      { n },
    );
    el.goalt.textContent = line.reviews
      ? this.word("look_left", { n: line.left?.[line.kind] ?? 0 })
      : this.word("today", { n: line.today, goal: this.data.goal });
    el.goalbar.style.transform = `scaleX(${Math.min(1, line.today / Math.max(1, this.data.goal)).toFixed(3)})`;
  }
  past(entries) {
    const { el } = this;
    el.pastnone.hidden = entries.length > 0;
    el.past.replaceChildren(
      ...entries.slice(0, ROWS).map((e) => {
        const of = e.kind === "answer" ? this.data.classes.filter((c) => e.answer.includes(c.id)).slice(0, SWATCHES) : [];
        const did = e.refused ? this.word("not_stored") : e.changed ? this.word(e.afresh ? "look_decided" : "changed") : "";
        return h(
          "li",
          {},
          h(
            "button",
            { type: "button", "data-id": e.id, class: e.refused ? "refused" : "", title: this.word("reopen") },
            ...(of.length ? of.map((c) => h("i", { class: "sw", style: tint(c) })) : [h("i", { class: "sw void" })]),
            h("span", { class: "did" }, this.said({ ...e, note: "" })),
            ...mini(e),
            h("span", { class: "begin", lang: e.lang || "", dir: "auto" }, beginning(e)),
            h("span", { class: "ch" }, did),
          ),
        );
      }),
    );
  }
  fit() {
    // on a phone the item gets what the answers leave, so that no button moves from item to item
    const { lc, el } = this,
      main = lc.getRootNode().host?.closest("[data-testid=stMain]");
    lc.style.setProperty(
      "--top",
      `${Math.round(el.desk.getBoundingClientRect().top + scrollY + (main?.scrollTop ?? 0))}px`,
    );
    lc.style.setProperty("--panel", `${el.panel.offsetHeight}px`);
    this.scrollable();
  }
  scrollable() {
    // a text that scrolls must be reachable by keyboard
    const { body } = this.el,
      on = body.scrollHeight > body.clientHeight + 1;
    this.el.stage.classList.toggle("scrolls", on);
    on ? body.setAttribute("tabindex", "0") : body.removeAttribute("tabindex");
    on ? body.setAttribute("role", "region") : body.removeAttribute("role");
    on ? body.setAttribute("aria-label", this.word("text")) : body.removeAttribute("aria-label");
  }
  pulse(key = "choose") {
    const { opts } = this.el,
      word = this.word(key);
    this.el.odds.textContent = word;
    this.say(word);
    opts.classList.remove("pulse");
    if (key !== "choose") return; // no class is the answer to that
    void opts.offsetWidth; // starts the animation anew
    opts.classList.add("pulse");
    clearTimeout(this.pulsing);
    this.pulsing = setTimeout(() => opts.classList.remove("pulse"), 1000);
  }
  say(text) {
    this.el.live.textContent = text;
  }
}

function mini({ fields }) {
  // the first picture, small; where it can't be had, the words beside it say enough
  const first = fields.find((f) => f.kind === "image" && f.thumb);
  if (!first) return [];
  const image = h("img", { class: "mini", src: first.thumb, alt: "", decoding: "sync" });
  image.addEventListener("error", () => image.remove());
  return [image];
}
function painted(then) {
  // runs once the frame that draws the present state is out
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      then();
    };
    port2.postMessage(0);
  });
}
