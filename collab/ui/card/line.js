// The line to the server: asks come in, answers go out. Knows nothing of the page; `changed` tells it that something did.
const WANT = 5,
  BATCH = 100,
  PATIENCE = 15000,
  BACK_OFF = [500, 32000],
  IN_USE = 60000;

class Line {
  constructor(data, changed) {
    Object.assign(this, {
      data,
      changed,
      queue: [],
      past: [],
      settled: new Set(),
      replaced: new Set(),
      ranking: 0,
      fails: 0,
      limit: BATCH,
    });
    this.tally = { today: 0, decided: 0, items: 0 };
    this.state = {
      reading: 1,
      checked: false,
      checked_on: 0,
      accept_filled: false,
      exhausted: false,
      schema_version: data.schema_version,
    };
    this.reviews = data.mode === "review"; // then answers go another way, and what waits is kept apart
    this.kind = this.reviews ? (remembered(sessionStorage, "collab:kind") ?? "") : "";
    this.key = `collab:outbox:${data.project}:${data.annotator}${this.reviews ? ":review" : ""}`;
    this.tab = remembered(sessionStorage, "collab:tab") ?? remember(sessionStorage, "collab:tab", uuid());
    this.outbox = this.stored(); // newest last; each { wire, view }
    this.used = Date.now();
    for (const { wire, view } of this.outbox) this.file(wire, view);
    this.heart = setInterval(() => this.beat(), 1000);
  }

  get current() {
    return this.queue[0] ?? null;
  }
  get barred() {
    // the server refuses this person: nothing more is asked, and what was on screen goes
    return this.shut ? "shut" : this.refusing ? "barred" : "";
  }
  get mark() {
    return this.expired ? "dead" : this.fails ? "off" : this.outbox.length || !this.met ? "busy" : "ok";
  }
  get today() {
    // what the server has counted, and what waits here
    const counts = (kind) => kind === "answer" || kind === "unsure";
    return this.outbox.reduce((n, { wire }) => n + (counts(wire.kind) && !wire.target), this.tally.today);
  }

  put(wire, view) {
    // the answered ask leaves the queue; the answer stays in the browser until the server has it
    this.queue = this.queue.filter((a) => a.id !== wire.ask); // also where an answer was mended whose ask has come again
    this.outbox.push({ wire, view });
    this.file(wire, view);
    this.store();
    if (!this.fails) setTimeout(() => this.sync(), 0); // else the back-off decides
  }
  file(wire, view) {
    if (wire.target) this.replaced.add(wire.target);
    this.past = this.past.filter((e) => e.id !== wire.target && e.id !== wire.id && e.id !== view.mends);
    if (wire.kind !== "undo" && wire.kind !== "withdraw" && !wire.look) this.past.unshift(view);
  }

  stored() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]").filter((o) => o?.wire?.id && o.view?.fields);
    } catch {
      return [];
    }
  }
  store() {
    // another tab of the same person may have answers waiting under the same key: keep them
    const own = new Set(this.outbox.map((o) => o.wire.id));
    const others = this.stored().filter((o) => !own.has(o.wire.id) && !this.settled.has(o.wire.id));
    const all = [...others, ...this.outbox];
    try {
      all.length ? localStorage.setItem(this.key, JSON.stringify(all)) : localStorage.removeItem(this.key);
      this.kept = true;
    } catch {
      this.kept = false; // private mode or full: memory alone, and the page asks before it closes
    }
  }

  beat() {
    const idle = Date.now() - this.used;
    this.changed("beat");
    if (document.hidden || idle > IN_USE || this.fails || this.busy) return;
    const pause = this.queue.length > 1 ? 0 : this.state.exhausted ? 5000 : 1000;
    if (Date.now() - (this.last ?? 0) >= pause) this.sync();
  }
  retry() {
    this.fails = 0;
    this.sync();
  }

  async sync(leaving = false) {
    if (this.expired || this.closed) return;
    if (this.busy && !leaving) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    const batch = this.outbox.slice(0, this.limit),
      idle = Date.now() - this.used > IN_USE;
    if (leaving && !batch.length) return;
    Object.assign(this, { busy: true, again: false, last: Date.now() });
    try {
      const reply = await this.post(
        this.reviews ? "review" : "sync",
        {
          tab: this.tab,
          want: leaving || idle ? 0 : WANT + !this.current,
          have: this.queue.slice(this.apart ? 0 : 1).map((a) => a.id),
          on_screen: this.apart ?? this.current?.id ?? null,
          ...(this.reviews && { kind: this.kind, looking: this.looking ?? null }),
          ranking: this.ranking,
          idle,
          waits: (!leaving && this.waits) || null,
          answers: batch.map((o) => o.wire),
        },
        leaving,
      );
      this.take(reply);
    } catch (problem) {
      this.failed(problem, batch);
    }
    this.busy = false;
    this.changed("line");
    if (this.fails)
      this.timer = setTimeout(() => this.sync(), Math.min(BACK_OFF[1], BACK_OFF[0] * 2 ** (this.fails - 1)));
    else if (this.again || this.outbox.length) this.timer = setTimeout(() => this.sync(), 0);
  }
  async post(path, body, leaving = false) {
    const reply = await fetch(`${this.data.base}/api/v1/${path}`, {
      method: "POST",
      keepalive: leaving,
      body: JSON.stringify(body),
      signal: leaving ? undefined : AbortSignal.timeout(PATIENCE),
      headers: {
        "content-type": "application/json",
        "accept-language": this.data.lang, // what the server says is said in the language of the card
        authorization: `Bearer ${this.data.token}`,
      },
    });
    const said = await reply.json().catch(() => ({}));
    if (reply.ok && typeof said === "object") return said;
    throw Object.assign(new Error(said.error ?? ""), { status: reply.status, shut: said.shut });
  }
  take(reply) {
    const was = this.current,
      out = new Set([...reply.acked, ...reply.refused.map((r) => r.id)]);
    for (const { id, message, gone } of reply.refused) {
      const lost = this.past.find((e) => e.id === id) ?? this.outbox.find((o) => o.wire.id === id)?.view;
      if (lost) {
        lost.refused = message;
        lost.gone = gone;
        if (gone) this.past = this.past.filter((e) => e.item !== lost.item);
        this.changed("refused", lost);
      }
    }
    if (out.size) {
      this.outbox = this.outbox.filter((o) => !out.has(o.wire.id));
      for (const id of out) this.settled.add(id);
      this.store();
    }
    const asks = this.reviews && reply.kind !== this.kind ? [] : reply.asks; // of a filter that was left meanwhile
    const seen = this.apart ? null : this.queue[0],
      unseen = this.queue.slice(seen ? 1 : 0),
      drop = new Set(reply.drop),
      fresh = reply.fresh;
    const anew = (this.state.fields ?? reply.state.fields) !== reply.state.fields; // what they held may be hidden now
    const held = anew ? [] : unseen.filter((a) => !drop.has(a.id));
    this.again ||= anew;
    for (const ask of held) if (fresh[ask.id] && !ask.blind) ask.suggestion = fresh[ask.id];
    const taken = new Set([...this.queue.map((a) => a.id), ...this.outbox.map((o) => o.wire.ask), this.apart]);
    this.queue = [...(seen ? [seen] : []), ...held, ...asks.filter((a) => !taken.has(a.id))];
    Object.assign(this, {
      ranking: reply.ranking,
      tally: reply.tally,
      state: reply.state,
      fails: 0,
      limit: BATCH,
      met: true,
      refusing: false,
      shut: "",
      problem: "",
      left: reply.left,
    });
    if (out.size || this.looking) this.changed("answered", { out, revealed: reply.revealed, looks: reply.looks });
    if (!was && this.current) this.changed("arrived");
  }
  failed(problem, batch) {
    if (problem.status === 401) {
      this.expired = true;
      this.shut = problem.shut ? problem.message : "";
      return;
    }
    if ((problem.status === 413 || problem.status === 422) && batch.length > 1) {
      this.limit = Math.ceil(batch.length / 2);
      this.again = true;
      return;
    }
    if (problem.status === 422 && batch.length) {
      // this one answer can never be stored: give it back to the person
      this.take({
        acked: [],
        refused: [{ id: batch[0].wire.id, message: problem.message }],
        revealed: {},
        asks: [],
        drop: [],
        fresh: {},
        ranking: this.ranking,
        tally: this.tally,
        state: this.state,
      });
      return;
    }
    if (problem.status === 403) this.refusing = true; // until it takes a message again
    this.fails = Math.min(this.fails + 1, 8);
    this.problem = problem.status ? problem.message : "";
  }

  async earlier() {
    // one more page of this person's annotations in force; false: there are none
    if (this.more === false) return false;
    if (this.reading) return this.reading;
    this.reading = this.post(this.reviews ? "reviewed" : "history", { limit: 20, before: this.before ?? null })
      .then((page) => {
        const known = new Set([...this.past.map((e) => e.id), ...this.replaced]);
        this.past.push(...page.entries.filter((e) => !known.has(e.id)));
        this.before = page.entries.at(-1)?.number ?? this.before;
        this.more = page.more && page.entries.length > 0;
        return true;
      })
      .catch(() => null)
      .finally(() => {
        this.reading = null;
      });
    return this.reading;
  }
  close() {
    this.sync(true);
    this.closed = true;
    clearInterval(this.heart);
    clearTimeout(this.timer);
  }
}

function uuid() {
  // crypto.randomUUID exists on https and localhost alone
  if (crypto.randomUUID) return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 15) | 64;
  b[8] = (b[8] & 63) | 128;
  return [...b].map((x, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + x.toString(16).padStart(2, "0")).join("");
}
function remembered(where, key) {
  try {
    return where.getItem(key);
  } catch {
    return null;
  }
}
function remember(where, key, value) {
  try {
    where.setItem(key, value);
  } catch {
    /* private mode: it lives as long as the page */
  }
  return value;
}
