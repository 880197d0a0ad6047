// What is known of an item that was answered blind: who said what, what the model says, what is near and says otherwise.
class Looks {
  constructor(card) {
    this.card = card;
    this.view = card.view;
  }
  word(key, values) {
    return this.view.word(key, values);
  }
  parts(look) {
    const chips = look.kinds.map(({ name }) => h("span", {}, name)),
      said = look.said.map((s) => this.said(s));
    return [
      h("h3", { class: "sr" }, this.word("look_all")),
      h("p", { class: "chips" }, ...chips),
      h("h4", {}, this.word("look_said")),
      said.length ? h("ol", { class: "near" }, ...said) : h("p", { class: "muted" }, this.word("look_nobody")),
      ...this.model(look),
      ...(look.contrast ? [h("h4", {}, this.word("look_contrast")), ...this.contrast(look.contrast)] : []),
      ...this.near(look.near),
    ];
  }
  said({ who, answer, color, note, how, day }) {
    return h(
      "li",
      {},
      h("p", {}, this.swatch(color), h("b", { dir: "auto" }, answer), this.aside([who, how, day].filter(Boolean).join(" · "))),
      ...(note ? [h("p", { class: "note", dir: "auto" }, `“${note}”`)] : []),
    );
  }
  model({ flipped, suggested }) {
    if (!flipped && !suggested) return [];
    const sure = (share) => this.aside(this.word("look_sure", { pct: pct(share) })),
      version = (f) => [
        h("dt", {}, this.word("look_version", { n: f.version })),
        h("dd", { dir: "auto" }, h("b", {}, f.name), " ", sure(f.sure)),
      ];
    return [
      h("h4", {}, this.word("look_model")),
      ...(flipped ? [h("dl", { class: "facts2" }, ...flipped.flatMap(version))] : []),
      ...(suggested ? [h("p", {}, this.word("look_unseen", { answer: suggested.name }), " ", sure(suggested.sure))] : []),
    ];
  }
  near(items) {
    if (!items.length) return [];
    return [h("h4", {}, this.word("why_near")), h("ol", { class: "near" }, ...items.map((n) => this.card.because.near(n)))];
  }
  contrast(other) {
    const about = [other.ref, other.by, `${other.alike} ${other.cosine.toFixed(2)}`].filter(Boolean).join(" · ");
    return [
      h("p", {}, this.swatch(other.color), " ", h("b", { dir: "auto" }, other.answer), " ", this.aside(about)),
      ...(other.thumb ? [h("img", { class: "mini", src: other.thumb, alt: "" })] : []),
      ...other.texts.map(({ parts }) => this.sides(parts)),
      ...(other.values.length ? [this.values(other.values)] : []),
      ...(other.texts.length || other.values.length ? [] : [h("p", { class: "excerpt", dir: "auto" }, other.excerpt)]),
    ];
  }
  sides(parts) {
    // each text whole, with what it has alone marked in it
    const side = (of) =>
      parts
        .filter((p) => p.of === "both" || p.of === of)
        .map((p) => (p.of === "both" ? p.text : h("mark", { class: `differs ${of}` }, p.text)));
    return h(
      "dl",
      { class: "sides" },
      h("dt", {}, this.word("look_here")),
      h("dd", { dir: "auto" }, ...side("first")),
      h("dt", {}, this.word("look_there")),
      h("dd", { dir: "auto" }, ...side("second")),
    );
  }
  values(rows) {
    const mark = (of, text) => h("mark", { class: `differs ${of}` }, text || this.word("lacks")),
      row = ({ name, here, there }) => [
        h("dt", { dir: "auto" }, name),
        h("dd", { dir: "auto" }, mark("first", here), " ", mark("second", there)),
      ];
    return h("dl", { class: "facts2" }, ...rows.flatMap(row));
  }
  swatch(color) {
    return h("i", { class: color ? "sw" : "sw void", style: tint({ color }) });
  }
  aside(text) {
    return h("span", { class: "of" }, text);
  }
}
