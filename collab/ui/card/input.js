// Turns keys, touches and clicks into acts of the card. Decides whether a press is meant for the card at all.
const TYPING =
  "input, textarea, select, [contenteditable]:not([contenteditable=false]), [role=dialog], [role=listbox], [role=combobox], [role=menu], [role=textbox]";
const OWN_ENTER =
  "button:focus-visible, a, summary, [role=button]:focus-visible, [role=tab], [role=menuitem], [role=radio], [role=checkbox], [role=switch]";
const SCROLL = { PageDown: 0.8, PageUp: -0.8, " ": 0.8, ArrowDown: 0.15, ArrowUp: -0.15 }; // shares of the visible text
const SWIPE = 84; // px

class Input {
  constructor(card, signal) {
    this.card = card;
    this.el = card.view.el;
    const on = (target, type, act, more = {}) => target.addEventListener(type, act, { signal, ...more });
    // first, for a key that the card takes goes no further: who only uses the keyboard is here too
    for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"])
      on(window, type, () => card.touched(), { capture: true, passive: true });
    on(window, "keydown", (e) => this.key(e), { capture: true });
    const click = (id, act) =>
      on(this.el[id], "click", (e) => {
        act(e);
        if (e.detail) e.currentTarget.blur();
      }); // a mouse click must not keep Enter for its button
    for (const [id, act] of Object.entries(this.acts())) click(id, act);
    for (const id of ["notyou", "leave"]) click(id, () => card.who());
    click("stay", () => card.uncover());
    click("sheetno", () => card.sheet.close());
    click("noticeno", () => card.notice.dismiss());
    click("noticedo", () => card.notice.follow());
    on(this.el.opts, "click", (e) => {
      const b = e.target.closest(".opt");
      if (b) {
        card.choose(+b.dataset.i, e);
        if (e.detail) b.blur();
      }
    });
    on(this.el.past, "click", (e) => {
      const b = e.target.closest("button");
      if (b) card.reopen(b.dataset.id);
    });
    on(this.el.reasons, "click", (e) => {
      const b = e.target.closest("button");
      if (b) card.send(b.dataset.note, e);
    });
    on(this.el.sheet, "submit", (e) => {
      e.preventDefault();
      card.send(this.el.line.value, e);
    });
    on(this.el.find, "input", () => this.filter());
    on(this.el.keyson, "change", (e) => card.setKeys(e.target.checked));
    on(this.el.guide, "toggle", () => remember(localStorage, "collab:guide", this.el.guide.open ? "1" : ""));
    this.touch(on);
  }
  acts() {
    const { card } = this;
    return {
      accept: (e) => card.accept(e),
      back: () => card.goBack(),
      later: (e) => card.later(e),
      unsure: (e) => card.record("unsure", {}, e),
      unusable: () => card.openSheet("unusable"),
      flag: () => card.openSheet("flag"),
      undo: () => card.reopen(),
      keepit: (e) => card.review.keep(e),
      mineit: (e) => card.review.mine(e),
      discard: () => card.openSheet("discard"),
      expert: () => card.openSheet("expert"),
      whyb: () => card.because.toggle(),
      take: () => card.toggles.take(),
      nothing: () => card.toggles.toggle(card.data.none),
      helpb: () => this.help(),
    };
  }
  help() {
    this.el.keyson.checked = this.card.keysOn;
    this.el.help.showModal();
  }

  key(e) {
    const { card, el } = this,
      target = e.composedPath()[0];
    if (!card.here || e.defaultPrevented || e.isComposing || e.keyCode === 229) return;
    if (e.repeat && !SCROLL[e.key] && !(this.meant(e, target) && this.act(e)?.often)) {
      // a held key answers once
      if (this.meant(e, target) && this.act(e)) stop(e);
      return;
    }
    if (el.help.open) return;
    if (card.cover.on) {
      if (e.key === "Enter" && target.id !== "leave") {
        stop(e);
        card.uncover();
      }
      return;
    }
    if (card.sheet.on && this.sheet(e, target)) return;
    if (target === el.find) {
      this.finding(e);
      return;
    }
    if (!this.meant(e, target)) return;
    const act = this.act(e);
    if (act) {
      stop(e);
      act(e);
    }
  }
  meant(e, target) {
    if (e.ctrlKey || e.metaKey || e.altKey) return false;
    if (target.closest?.(TYPING) || document.querySelector("[role=dialog], [role=alertdialog]")) return false;
    return !((e.key === "Enter" || e.key === " ") && target.closest?.(OWN_ENTER));
  }
  act(e) {
    const { card, el } = this,
      { classes } = card.data;
    if (e.key === "Escape") {
      if (card.because.on) return () => card.because.close();
      if (card.review.on && !card.reopened && card.showing?.entry) return null;
      if (card.showing?.entry) return () => card.goBack();
      return card.toggles.on && card.showing?.picked.size ? () => card.toggles.clear() : null;
    }
    if (!card.keysOn) return null;
    const pan = e.key.startsWith("Arrow") && card.pictures.key(e);
    if (pan) return pan;
    const scroll = SCROLL[e.key];
    if (scroll && el.body.tabIndex === 0) return () => el.body.scrollBy({ top: scroll * el.body.clientHeight });
    const typed = letter(e),
      named = (k) => classes.findIndex((c) => c.key && c.key.toLowerCase() === k),
      i = named(e.key.toLowerCase());
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(e.code)?.[1],
      j = i >= 0 ? i : Math.max(named(typed), digit && !e.shiftKey ? named(digit) : -1);
    if (j >= 0) return (event) => card.choose(j, event);
    if (typed === "/" && !el.findbox.hidden) return () => el.find.focus();
    if (card.review.on && (typed === "[" || typed === "]")) return () => card.review.step(typed === "[" ? -1 : 1);
    const acts = this.acts(),
      lens = card.pictures.key(e);
    if (lens) return lens;
    return {
      Enter: acts.accept,
      s: acts.later,
      u: acts.unsure,
      x: acts.unusable,
      f: acts.flag,
      z: acts.undo,
      w: acts.whyb,
      "?": acts.helpb,
      ...(card.toggles.on && { a: acts.take, n: acts.nothing }),
      ...(card.review.look && { k: acts.keepit, m: acts.mineit, d: acts.discard, e: acts.expert }),
    }[e.key === "Enter" ? "Enter" : typed];
  }

  sheet(e, target) {
    // true: the press was for the open question
    const { card, el } = this;
    if (e.key === "Escape") {
      stop(e);
      card.sheet.close();
      return true;
    }
    const typing = target === el.line && (el.line.value || card.sheet.kind !== "expert"); // no name begins with a digit
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return true;
    const reason = el.reasons.children[+e.key - 1];
    if (reason && e.key !== " ") {
      stop(e);
      card.send(reason.dataset.note, e);
    } else if (e.key === "Enter") {
      if (!target.closest?.(OWN_ENTER)) {
        stop(e);
        card.send(el.line.value, e);
      }
    } else if (e.key.length === 1 && e.key !== " ") el.line.focus();
    return true;
  }

  filter() {
    const { el, card } = this,
      plain = (s) => s.normalize("NFKC").toLocaleLowerCase(),
      wanted = plain(el.find.value.trim());
    card.view.rows.forEach(({ button }, i) => {
      button.hidden = !!wanted && !plain(card.data.classes[i].name).includes(wanted);
    });
    this.point(wanted ? 0 : -1);
    el.none.hidden = !wanted || this.found.length > 0;
  }
  point(n) {
    this.found = this.card.view.rows.filter(({ button }) => !button.hidden);
    this.at = this.found.length ? Math.max(-1, Math.min(n, this.found.length - 1)) : -1;
    for (const { button } of this.card.view.rows) button.classList.remove("next");
    const next = this.found[this.at]?.button;
    next?.classList.add("next");
    next?.scrollIntoView({ block: "nearest" });
    if (next && this.at >= 0) this.card.view.say(next.querySelector(".nm").textContent);
  }
  finding(e) {
    const { el, card } = this;
    if (e.key === "/" && !el.find.value) stop(e); // who is here already
    if (e.key === "Escape") {
      stop(e);
      this.clear();
      el.find.blur();
    }
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      stop(e);
      this.point(this.at + (e.key === "ArrowDown" ? 1 : -1));
    }
    if (e.key === "Enter") {
      stop(e);
      const row = this.found?.[this.at];
      if (!row && card.toggles.on && !el.find.value && card.toggles.picked.length) {
        el.find.blur();
        card.accept(e);
      } else if (row && card.choose(+row.button.dataset.i, e)) {
        if (card.toggles.on) this.clear(); // ready for the next name, or for Enter to send
        else el.find.blur();
      }
    }
  }
  clear() {
    if (this.el.find.value) {
      this.el.find.value = "";
      this.filter();
    }
  }

  touch(on) {
    const { card, el } = this,
      { stage } = el,
      [yes, no] = stage.querySelectorAll(".swipe");
    let from = null;
    const show = (dx) => {
      stage.style.transform = dx ? `translateX(${dx}px)` : "";
      yes.style.opacity = Math.max(0, Math.min(1, dx / SWIPE));
      no.style.opacity = Math.max(0, Math.min(1, -dx / SWIPE));
    };
    on(stage, "pointerdown", (e) => {
      if (e.pointerType !== "mouse" && card.showing && !card.showing.entry)
        from = { x: e.clientX, y: e.clientY, id: e.pointerId, dx: 0 };
    });
    on(stage, "pointermove", (e) => {
      if (!from || e.pointerId !== from.id) return;
      const dx = e.clientX - from.x;
      if (!from.dx && (Math.abs(dx) < 12 || Math.abs(e.clientY - from.y) > Math.abs(dx))) return;
      from.dx = dx > 0 && !card.canAccept ? 0 : dx;
      show(from.dx);
    });
    const end = (e) => {
      if (!from || e.pointerId !== from.id) return;
      const { dx } = from;
      from = null;
      show(0);
      if (e.type === "pointerup" && dx > SWIPE) card.accept(e);
      if (e.type === "pointerup" && dx < -SWIPE) card.later(e);
    };
    on(stage, "pointerup", end);
    on(stage, "pointercancel", end);
  }
}

function stop(e) {
  e.preventDefault();
  e.stopImmediatePropagation();
}
function letter(e) {
  // where a keyboard writes another alphabet, the place of the key counts
  return e.key.length === 1 && e.key > "\u007f" && /^Key[A-Z]$/.test(e.code)
    ? e.code[3].toLowerCase()
    : e.key.toLowerCase();
}
