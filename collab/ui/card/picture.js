// Pictures of an item: fetched and decoded ahead, fitted to the stage, enlarged, moved, lit. Knows no answers. A `.pane` is
// exactly as large as its picture and grows and moves with it, so that whatever lies on a picture goes inside it.
const SMALL = 256, // px: what is smaller was not shrunk for its thumbnail, so that its size is known from there
  ENLARGED = 400, // px that the longer side of such a one gets at most
  SHARP = 4, // css px for a pixel of a picture from which its pixels are drawn as squares
  CLOSE = 16, // times 100 %
  STEP = 1.25,
  STRIDE = 0.15, // of the frame, for an arrow key
  AHEAD = 2, // asks whose whole pictures are decoded ahead; those of the others are only fetched
  KEPT = 48, // fetched pictures kept beside those of the queue
  LIGHT = [0.4, 2.5];

class Shelf {
  constructor(renew) {
    Object.assign(this, { renew, kept: new Map() });
  }
  get(link) {
    const known = this.kept.get(link);
    if (known) return known;
    const image = h("img", { alt: "", draggable: "false" });
    image.src = link;
    const one = { image, link, done: false, ready: null };
    this.kept.set(link, one);
    return one;
  }
  decode(one) {
    // a link may have run out: one fresh one, then it fails
    one.ready ??= one.image
      .decode()
      .catch(async () => {
        const { link } = await this.renew(one.link);
        one.image.src = link;
        await one.image.decode();
      })
      .then(
        () => (one.done = true),
        (problem) => {
          this.kept.delete(one.link);
          throw problem;
        },
      );
    one.ready.catch(() => {}); // who shows it says so
    return one.ready;
  }
  prune(needed) {
    const spare = [...this.kept.keys()].filter((link) => !needed.has(link));
    for (const link of spare.slice(0, Math.max(0, spare.length - KEPT))) this.kept.delete(link);
  }
}

class Picture {
  constructor(pictures, field, name, alt) {
    Object.assign(this, { pictures, field, name, alt, z: 1, x: 0, y: 0, state: "waits", fingers: new Map() });
    this.pane = h("div", { class: "pane" });
    this.says = h("p", { class: "says" });
    this.frame = h("figure", { class: "picture", role: "group", "aria-label": name || alt });
    this.window = h("div", { class: "window", tabindex: "0", "aria-label": alt, role: "img" }, this.pane);
    this.frame.append(this.window, this.says, ...(name ? [h("figcaption", { dir: "auto" }, name)] : []));
    if (field.view) this.listen();
    this.load();
  }
  get drawn() {
    return this.state === "small" || this.state === "whole";
  }
  async load() {
    const { field, pictures } = this,
      { shelf } = pictures;
    if (!field.view) return this.tell("lacks", "picture_lacks");
    this.tell("waits", "");
    const small = shelf.get(field.thumb),
      whole = shelf.get(field.view);
    if (whole.done) return this.draw(whole, "whole");
    if (small.done) this.draw(small, "small");
    const first = shelf.decode(small).then(
      () => this.state === "waits" && this.draw(small, "small"),
      () => {},
    );
    try {
      await shelf.decode(whole);
      this.draw(whole, "whole");
    } catch {
      await first;
      this.tell(this.drawn ? "small" : "fails", this.drawn ? "picture_small" : "picture_fails", true);
    }
  }
  draw({ image }, state) {
    const { naturalWidth: w, naturalHeight: h } = image,
      longer = Math.max(w, h);
    this.tell(state, "");
    this.pane.style.setProperty("--w", w);
    this.pane.style.setProperty("--h", h);
    if (longer < SMALL) this.pane.style.setProperty("--cap", `${Math.round(w * Math.max(1, ENLARGED / longer))}px`);
    this.natural = { w, h };
    // what others have laid on it stays
    this.pane.querySelector(":scope > img")?.remove();
    this.pane.prepend(image.isConnected ? image.cloneNode() : image); // two fields may hold the same picture
    this.put();
    this.pictures.shown(this);
  }
  tell(state, key, again = false) {
    const { view } = this.pictures;
    this.state = this.frame.dataset.state = state;
    this.says.replaceChildren(...(key ? [view.word(key)] : []));
    if (again) {
      const button = h("button", { type: "button", class: "link" }, view.word("picture_again"));
      button.addEventListener("click", () => this.load());
      this.says.append(" ", button);
    }
    if (state === "fails") view.say(view.word(key));
  }

  // Enlarged and moved: (x, y) is where the middle of the picture lies beside that of its frame
  get whole() {
    return this.z === 1;
  }
  get full() {
    // the enlargement at which a pixel of the picture is one of the page
    return (this.natural?.w ?? 1) / (this.pane.offsetWidth || 1);
  }
  zoom(z, at = { x: 0, y: 0 }) {
    if (!this.drawn) return;
    const next = Math.min(Math.max(1, z), CLOSE * Math.max(1, this.full)),
      by = next / this.z;
    Object.assign(this, { z: next, x: at.x - (at.x - this.x) * by, y: at.y - (at.y - this.y) * by });
    this.put();
    this.pictures.level();
  }
  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.put();
  }
  put() {
    const { pane, window: box } = this,
      most = (size, frame) => Math.max(0, (size * this.z - frame) / 2),
      keep = (at, limit) => Math.min(limit, Math.max(-limit, at));
    if (this.z !== 1) {
      this.x = keep(this.x, most(pane.offsetWidth, box.clientWidth));
      this.y = keep(this.y, most(pane.offsetHeight, box.clientHeight));
    } else this.x = this.y = 0;
    pane.style.transform = this.whole ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.z})`;
    box.toggleAttribute("data-zoomed", !this.whole);
    const { w, h } = this.natural ?? {},
      squares = Math.max(w, h) <= 64 || (!this.whole && this.z / this.full >= SHARP);
    pane.toggleAttribute("data-squares", squares);
  }
  place(e) {
    const box = this.window.getBoundingClientRect();
    return { x: e.clientX - box.left - box.width / 2, y: e.clientY - box.top - box.height / 2 };
  }
  listen() {
    const { window: box, fingers } = this,
      on = (type, act, more = {}) => box.addEventListener(type, act, more);
    on("focus", () => this.pictures.choose(this));
    on("wheel", (e) => this.wheel(e), { passive: false });
    on("dblclick", (e) => this.zoom(this.whole ? (this.full > 1.05 ? this.full : 2) : 1, this.place(e)));
    on("keydown", (e) => {
      // where single keys are off, whoever is on the picture may still use them
      const act = !e.ctrlKey && !e.metaKey && !e.altKey && this.pictures.key(e);
      if (act) {
        e.preventDefault();
        act();
      }
    });
    on("pointerdown", (e) => {
      if (e.button) return;
      this.pictures.choose(this);
      fingers.set(e.pointerId, this.place(e));
      if (this.whole && fingers.size < 2) return; // a swipe may answer
      e.stopPropagation();
      for (const id of fingers.keys()) box.setPointerCapture(id);
    });
    on("pointermove", (e) => {
      const was = fingers.get(e.pointerId);
      if (!was || (this.whole && fingers.size < 2)) return;
      e.stopPropagation();
      const at = this.place(e),
        other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
      fingers.set(e.pointerId, at);
      if (!other) return this.move(at.x - was.x, at.y - was.y);
      const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y),
        middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
      this.move((at.x - was.x) / 2, (at.y - was.y) / 2);
      this.zoom((this.z * apart(at)) / Math.max(1, apart(was)), middle);
    });
    for (const type of ["pointerup", "pointercancel"]) on(type, (e) => fingers.delete(e.pointerId));
  }
  wheel(e) {
    // what scrolls goes on scrolling, until the picture is enlarged
    const scrolls = this.pictures.view.el.body.tabIndex === 0;
    if (this.whole && !e.ctrlKey && (scrolls || e.deltaY > 0)) return;
    e.preventDefault();
    const lines = e.deltaMode ? 16 : 1;
    this.zoom(this.z * Math.exp(-e.deltaY * lines * (e.ctrlKey ? 0.01 : 0.002)), this.place(e));
  }
}

class Pictures {
  constructor(view, renew, signal) {
    Object.assign(this, { view, shelf: new Shelf(renew), on: [], of: "" });
    this.sizes = new ResizeObserver(() => this.on.forEach((p) => p.natural && p.put()));
    signal.addEventListener("abort", () => this.sizes.disconnect());
    const { el } = view,
      click = (id, act) =>
        el[id].addEventListener(
          "click",
          (e) => {
            act();
            if (e.detail) e.currentTarget.blur();
          },
          { signal },
        );
    click("larger", () => this.zoom(STEP));
    click("smaller", () => this.zoom(1 / STEP));
    click("level", () => this.reset());
    click("lamp", () => this.lamp(el.light.hidden));
    for (const id of ["unlit", "own"]) click(id, () => this.shine(1, 1));
    for (const id of ["bright", "contrast"]) {
      el[id].addEventListener("input", () => this.shine(+el.bright.value, +el.contrast.value), { signal });
      el[id].addEventListener("pointerup", () => el[id].blur(), { signal }); // keys go on answering
    }
    el.light.addEventListener("keydown", (e) => e.key === "Escape" && this.lamp(false), { signal });
    this.shine(1, 1);
  }
  get active() {
    return this.chosen && this.on.includes(this.chosen) ? this.chosen : this.on.find((p) => p.field.view);
  }

  // What is on the stage
  figures(ask) {
    // the same ones for as long as the same item is on screen
    const seen = ask.fields.filter((f) => f.kind === "image"),
      of = seen.length ? JSON.stringify([ask.item, ask.digest, seen.map((f) => f.view.split("?")[0])]) : "";
    if (of !== this.of) {
      this.sizes.disconnect();
      this.of = of;
      this.chosen = null;
      this.on = seen.map((field) => {
        const alt = this.view.word("picture_of", { name: field.name, ref: ask.ref });
        return new Picture(this, field, seen.length > 1 ? field.name : "", alt);
      });
      for (const p of this.on) this.sizes.observe(p.window);
    }
    this.view.lc.toggleAttribute("data-pictured", seen.length > 0);
    this.view.el.lens.hidden = !seen.some((f) => f.view);
    this.level();
    return this.on.map((p) => p.frame);
  }
  gone() {
    this.figures({ fields: [] });
    this.lamp(false);
  }
  hinders(ask) {
    // why a class can't be chosen yet, as the key of a sentence; "": nothing does
    if (this.on.some((p) => p.state === "waits")) return "picture_waits";
    const other = ask.meta.length || ask.fields.some((f) => f.kind !== "image" && f.value);
    return !other && this.on.length && !this.on.some((p) => p.drawn) ? "picture_needed" : "";
  }
  ahead(asks) {
    // what is asked next is there before it is asked
    const needed = new Set();
    asks.forEach((ask, place) => {
      for (const field of ask.fields.filter((f) => f.kind === "image" && f.view)) {
        for (const link of [field.thumb, field.view]) needed.add(link);
        this.shelf.decode(this.shelf.get(field.thumb));
        const whole = this.shelf.get(field.view);
        if (place < AHEAD) this.shelf.decode(whole);
      }
    });
    this.shelf.prune(needed);
  }
  shown(picture) {
    if (picture === this.active) this.level();
  }
  choose(picture) {
    this.chosen = picture;
    this.level();
  }

  // Enlarging and light
  zoom(by, told = false) {
    const p = this.active;
    p?.zoom(p.z * by);
    if (told && p) this.view.say(this.view.word("picture_level", { pct: this.percent(p) }));
  }
  reset() {
    // the whole picture; where it is whole already, in its own light
    const p = this.active;
    if (p && !p.whole) p.zoom(1);
    else this.shine(1, 1);
    this.view.say(this.view.word("picture_whole"));
  }
  percent(p) {
    return pct(p.natural && p.state === "whole" ? p.z / p.full : p.z);
  }
  level() {
    const { el } = this.view,
      p = this.active;
    requestAnimationFrame(() => {
      // measures, so not while an item is drawn
      if (p !== this.active) return;
      el.levelt.textContent = p?.drawn ? this.percent(p) : "";
      el.smaller.disabled = !p || p.whole;
      for (const each of this.on) each.frame.toggleAttribute("data-active", this.on.length > 1 && each === p);
    });
  }
  lamp(open) {
    const { el } = this.view;
    el.light.hidden = !open;
    el.lamp.setAttribute("aria-expanded", open);
    if (open) el.bright.focus();
  }
  shine(bright, contrast, told = false) {
    const { lc, el } = this.view,
      within = (v) => Math.round(Math.min(LIGHT[1], Math.max(LIGHT[0], v)) * 100) / 100;
    Object.assign(this, { bright: within(bright), contrast: within(contrast) });
    const own = this.bright === 1 && this.contrast === 1;
    lc.toggleAttribute("data-lit", !own);
    lc.style.setProperty("--bright", this.bright);
    lc.style.setProperty("--contrast", this.contrast);
    el.bright.value = this.bright;
    el.contrast.value = this.contrast;
    const said = this.view.word("picture_lit", { bright: pct(this.bright), contrast: pct(this.contrast) });
    el.lit.hidden = own; // it stays for the next pictures, so they say so
    el.litt.textContent = said;
    if (told) this.view.say(said);
  }
  key(e) {
    // an act that a held key may repeat, or nothing
    const p = this.active;
    if (!p) return null;
    const often = (act) => Object.assign(act, { often: true }),
      { clientWidth: w, clientHeight: h } = p.window,
      [dx, dy] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key] ?? [0, 0];
    if (dx || dy) return p.whole ? null : often(() => p.move(dx * w * STRIDE, dy * h * STRIDE));
    const typed = letter(e),
      more = e.shiftKey ? 1 / 1.1 : 1.1;
    if (typed === "+" || typed === "=") return often(() => this.zoom(STEP, true));
    if (typed === "-" || typed === "_") return often(() => this.zoom(1 / STEP, true));
    if (typed === "r") return () => this.reset();
    if (typed === "b") return often(() => this.shine(this.bright * more, this.contrast, true));
    if (typed === "c") return often(() => this.shine(this.bright, this.contrast * more, true));
    return null;
  }
}

function arranged(nodes, body) {
  // pictures that follow each other in a group; one group and words stand side by side where there is room
  const parts = [];
  for (const node of nodes) {
    const kind = node.matches("figure") ? "pictures" : "words";
    if (parts.at(-1)?.className !== kind) parts.push(h("div", { class: kind }));
    parts.at(-1).append(node);
  }
  for (const part of parts) if (part.className === "pictures") part.style.setProperty("--n", part.children.length);
  const pictured = parts.some((p) => p.className === "pictures");
  body.classList.toggle("alone", pictured && parts.length === 1);
  body.classList.toggle("beside", pictured && parts.length === 2);
  body.classList.toggle("mixed", pictured && parts.length > 1);
  return pictured ? parts : nodes;
}
