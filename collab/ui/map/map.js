// Points on a plane: drawn, moved, and encircled with a lasso. Texts go in through textContent alone.
// Told to the page: an outline in the map's own coordinates, and the number of the point that somebody pointed at.
const NEAR = 14, // px
  REST = 220, // ms
  CORNERS = 240,
  ZOOM = 1.4,
  STEP = 0.15;

const made = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag);
  for (const name in attributes) e.setAttribute(name, attributes[name]);
  e.append(...children);
  return e;
};
const dark = (box) => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = getComputedStyle(box).getPropertyValue("--st-background-color").trim() || "#fff";
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(pen.fillStyle.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
};
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

class Plane {
  constructor(box) {
    this.box = box;
    this.canvas = made("canvas", { tabindex: "0", role: "img" });
    this.tools = made("div", { class: "tools" });
    this.legend = made("ul", { class: "legend" });
    this.hint = made("p", { class: "hint" });
    box.replaceChildren(this.tools, this.canvas, this.legend, this.hint);
    this.paint = this.canvas.getContext("2d");
    this.whole();
    this.outline = [];
    this.near = -1;
    this.fingers = new Map();
    new ResizeObserver(() => this.resize()).observe(box);
    this.listen();
  }

  take(data) {
    this.data = data;
    const places = new Uint16Array(bytes(data.points).buffer);
    this.n = places.length / 2;
    this.x = new Float32Array(this.n);
    this.y = new Float32Array(this.n);
    for (let i = 0; i < this.n; i++) {
      this.x[i] = places[2 * i] / 65535;
      this.y[i] = places[2 * i + 1] / 65535;
    }
    this.color = bytes(data.colors);
    this.rows = data.names.map(() => []);
    for (let i = 0; i < this.n; i++) this.rows[this.color[i]].push(i);
    if (this.map !== data.map) this.outline = []; // other colors leave what is encircled
    this.map = data.map;
    this.canvas.setAttribute("aria-label", data.words.label);
    this.hint.textContent = data.words.hint;
    this.furnish();
    this.resize();
  }

  furnish() {
    const say = this.data.words,
      button = (name, act, more = {}) => {
        const e = made("button", { type: "button", ...more }, name);
        e.addEventListener("click", act);
        return e;
      };
    this.mover = button(say.move, () => this.setMoving(!this.moving), { "aria-pressed": "false" });
    this.tools.replaceChildren(
      this.mover,
      button("+", () => this.zoom(ZOOM), { "aria-label": say.closer, title: say.closer }),
      button("−", () => this.zoom(1 / ZOOM), { "aria-label": say.farther, title: say.farther }),
      button(say.whole, () => (this.whole(), this.draw())),
      button(say.select_view, () => this.selectView()),
      button(say.clear, () => this.tellOutline([])),
    );
    this.setMoving(this.moving);
    this.legend.replaceChildren(
      ...this.data.names.map((name, at) => {
        const dot = made("i", { "aria-hidden": "true" });
        dot.style.color = this.fill(at);
        dot.className = this.shape(at);
        return made("li", {}, dot, made("span", { dir: "auto" }, `${name} (${this.rows[at].length.toLocaleString()})`));
      }),
    );
  }

  fill(at) {
    const color = this.data.palette[at];
    return /^#[0-9a-f]{6}$/i.test(color) ? color : getComputedStyle(this.box).getPropertyValue("--muted") || "#777";
  }

  // A class may be gray too: what has no color differs in shape, or where dots are too small for that, in size.
  shape(at) {
    if (this.data.palette[at] || this.rows.length === 1) return "full";
    return this.n > 3000 ? "small" : "hollow";
  }

  setMoving(on) {
    this.moving = !!on;
    this.mover?.setAttribute("aria-pressed", this.moving);
    this.canvas.style.cursor = this.moving ? "grab" : "crosshair";
  }

  resize() {
    const wide = Math.max(200, this.box.clientWidth),
      high = Math.round(Math.min(wide * (wide < 500 ? 0.95 : 0.62), 620, Math.max(260, innerHeight * 0.7))),
      dots = devicePixelRatio || 1;
    if (wide === this.wide && high === this.high && dots === this.dots) return this.draw();
    [this.wide, this.high, this.dots] = [wide, high, dots];
    this.canvas.width = wide * dots;
    this.canvas.height = high * dots;
    this.canvas.style.height = `${high}px`;
    this.draw();
  }

  // The view: its middle in the map's coordinates, and how many times as large as the whole it is.
  whole() {
    this.view = { x: 0.5, y: 0.5, size: 1 };
  }
  get scale() {
    return Math.min(this.wide, this.high) * 0.94 * this.view.size;
  }
  toMap(px, py) {
    return [this.view.x + (px - this.wide / 2) / this.scale, this.view.y + (py - this.high / 2) / this.scale];
  }
  zoom(by, px = this.wide / 2, py = this.high / 2) {
    const [x, y] = this.toMap(px, py);
    this.view.size = Math.min(400, Math.max(0.5, this.view.size * by));
    this.view.x = x - (px - this.wide / 2) / this.scale;
    this.view.y = y - (py - this.high / 2) / this.scale;
    this.draw();
  }
  pan(dx, dy) {
    this.view.x -= dx / this.scale;
    this.view.y -= dy / this.scale;
    this.draw();
  }

  draw() {
    if (!this.data || this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const p = this.paint,
      scale = this.scale,
      left = this.wide / 2 - this.view.x * scale,
      top = this.high / 2 - this.view.y * scale,
      dot = Math.min(9, (this.n > 20000 ? 2 : this.n > 3000 ? 3 : 5) * this.view.size ** 0.35),
      bare = this.rows[this.rows.length - 1].length > this.n / 2,
      onDark = dark(this.box);
    p.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    p.clearRect(0, 0, this.wide, this.high);
    // Last in the legend first: what has no color lies under what has one.
    for (let at = this.rows.length - 1; at >= 0; at--) {
      const colored = this.data.palette[at],
        shape = this.shape(at),
        size = colored && bare ? dot * 2 : shape === "small" ? dot / 2 : dot, // few answers must not drown
        half = size / 2;
      p.fillStyle = p.strokeStyle = this.fill(at);
      p.lineWidth = 1;
      p.globalAlpha = colored ? 0.85 : onDark ? 0.6 : shape === "full" ? 0.3 : 0.5;
      for (const i of this.rows[at]) {
        const x = left + this.x[i] * scale,
          y = top + this.y[i] * scale;
        if (x < -size || y < -size || x > this.wide + size || y > this.high + size) continue;
        if (shape === "hollow") p.strokeRect(x - half, y - half, size, size);
        else p.fillRect(x - half, y - half, size, size);
      }
    }
    p.globalAlpha = 1;
    const accent = getComputedStyle(this.box).getPropertyValue("--accent") || "#4654c9",
      drawn = this.lasso ?? this.outline;
    if (drawn?.length > 1) {
      p.beginPath();
      for (const [x, y] of drawn) p.lineTo(left + x * scale, top + y * scale);
      if (!this.lasso) p.closePath();
      p.strokeStyle = p.fillStyle = accent;
      p.lineWidth = 2;
      p.stroke();
      p.globalAlpha = 0.12;
      p.fill();
      p.globalAlpha = 1;
    }
    if (this.near >= 0 && this.near < this.n) {
      p.beginPath();
      p.arc(left + this.x[this.near] * scale, top + this.y[this.near] * scale, dot + 4, 0, 7);
      p.strokeStyle = accent;
      p.lineWidth = 2;
      p.stroke();
    }
    this.canvas.dataset.points = this.n;
  }

  nearest(px, py) {
    const scale = this.scale,
      [mx, my] = this.toMap(px, py);
    let best = (NEAR / scale) ** 2,
      found = -1;
    for (let i = 0; i < this.n; i++) {
      const dx = this.x[i] - mx,
        dy = this.y[i] - my,
        far = dx * dx + dy * dy;
      if (far < best) [best, found] = [far, i];
    }
    return found;
  }

  tellNear(at) {
    if (at === this.near || at < 0) return;
    this.near = at;
    this.draw();
    this.tell("near", at);
  }
  tellOutline(outline) {
    const every = Math.max(1, Math.ceil(outline.length / CORNERS));
    this.outline = outline.filter((_, i) => i % every === 0).map(([x, y]) => [+x.toFixed(5), +y.toFixed(5)]);
    this.draw();
    this.tell("outline", this.outline);
  }
  selectView() {
    this.tellOutline([this.toMap(0, 0), this.toMap(this.wide, 0), this.toMap(this.wide, this.high), this.toMap(0, this.high)]);
  }

  listen() {
    const c = this.canvas,
      at = (e) => {
        const r = c.getBoundingClientRect();
        return [e.clientX - r.left, e.clientY - r.top];
      };
    c.addEventListener("pointerdown", (e) => {
      if (e.button > 1) return;
      c.setPointerCapture(e.pointerId);
      this.fingers.set(e.pointerId, at(e));
      this.start = at(e);
      this.far = 0;
      this.lasso = this.fingers.size > 1 || this.moving || e.shiftKey || e.button === 1 ? null : [this.toMap(...at(e))];
    });
    c.addEventListener("pointermove", (e) => {
      const here = at(e),
        before = this.fingers.get(e.pointerId);
      if (!before) {
        clearTimeout(this.timer);
        if (e.pointerType === "mouse") this.timer = setTimeout(() => this.tellNear(this.nearest(...here)), REST);
        return;
      }
      this.far += Math.hypot(here[0] - before[0], here[1] - before[1]);
      if (this.fingers.size === 2) {
        const other = [...this.fingers].find(([id]) => id !== e.pointerId)[1],
          wide = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        this.pan((here[0] - before[0]) / 2, (here[1] - before[1]) / 2);
        this.zoom(wide(here) / Math.max(1, wide(before)), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
      } else if (this.lasso) {
        this.lasso.push(this.toMap(...here));
        this.draw();
      } else this.pan(here[0] - before[0], here[1] - before[1]);
      this.fingers.set(e.pointerId, here);
    });
    const up = (e) => {
      if (!this.fingers.delete(e.pointerId)) return;
      const lasso = this.lasso;
      this.lasso = null;
      if (e.type === "pointercancel") return this.draw();
      if (this.far < 6) this.tellNear(this.nearest(...at(e)));
      else if (lasso && lasso.length > 2) this.tellOutline(lasso);
      this.draw();
    };
    c.addEventListener("pointerup", up);
    c.addEventListener("pointercancel", up);
    c.addEventListener("pointerleave", () => clearTimeout(this.timer));
    c.addEventListener(
      "wheel",
      (e) => {
        if (!e.ctrlKey && this.box.getRootNode().activeElement !== c) return; // else the page scrolls
        e.preventDefault();
        this.zoom(Math.exp(-e.deltaY / 400), ...at(e));
      },
      { passive: false },
    );
    c.addEventListener("keydown", (e) => {
      const move = STEP * Math.min(this.wide, this.high),
        act = {
          ArrowLeft: () => this.pan(move, 0),
          ArrowRight: () => this.pan(-move, 0),
          ArrowUp: () => this.pan(0, move),
          ArrowDown: () => this.pan(0, -move),
          "+": () => this.zoom(ZOOM),
          "=": () => this.zoom(ZOOM),
          "-": () => this.zoom(1 / ZOOM),
          0: () => (this.whole(), this.draw()),
          Enter: () => this.selectView(),
          Escape: () => this.tellOutline([]),
        }[e.key];
      if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      e.stopPropagation();
      act();
    });
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const box = parentElement.querySelector(".plane");
  box.plane ??= new Plane(box);
  box.plane.tell = setStateValue;
  if (box.plane.key === data.key) return box.plane.draw(); // the theme may be another one
  box.plane.key = data.key;
  box.plane.near = -1;
  box.plane.take(data);
}
