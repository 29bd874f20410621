// The little of a browser that our modules ask of one when they are loaded: the words that a page carries.
const words = {
  threshold: 10_000_000_000,
  flows: {
    inflow: ["▼", "To exchange"],
    outflow: ["▲", "From exchange"],
    inter_exchange: ["⇄", "Exchange to exchange"],
    internal: ["↻", "Internal"],
    unknown: ["•", "Unknown"],
  },
  moved: { certain: "certain", likely: "likely", up_to: "up to" },
};
const texts = { "page-words": JSON.stringify(words), session: JSON.stringify({ channel: "live", scripts: [] }) };

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, dataset: {}, className: "", own: "" });
  }
  append(...children) {
    this.children.push(...children);
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  addEventListener() {}
  set textContent(text) {
    this.own = text;
  }
  get textContent() {
    return this.own + this.children.map((child) => child.textContent ?? child).join("");
  }
}

globalThis.document = {
  getElementById: (id) => (id in texts ? { textContent: texts[id] } : null),
  createElement: (tag) => new Element(tag),
};
