// What our modules are to Panel: `export const render = component(mount)`. A module may be mounted before Panel is
// there; when it comes, its model takes over the parameters, and the same elements stay.
class Params {
  constructor(values) {
    this.values = { ...values };
    this.watchers = [];
    this.waiting = [];
    this.model = null;
  }

  get(name) {
    return this.model ? this.model[name] : this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
    if (this.model) this.model[name] = value;
  }

  on(name, notify) {
    const watcher = [name, () => notify(this.get(name))];
    this.watchers.push(watcher);
    this.model?.on(...watcher);
  }

  // To Python, `_handle_msg`, and from Python, `_send_msg`.
  say(message) {
    this.model?.send_msg(message);
  }

  receive(notify) {
    const watcher = ["msg:custom", notify];
    this.watchers.push(watcher);
    this.model?.on(...watcher);
  }

  // What was changed in the meantime goes to Python; what Python holds else is taken.
  attach(model, names) {
    this.model = model;
    for (const name of names) {
      if (name in model && JSON.stringify(model[name]) !== JSON.stringify(this.values[name])) {
        model[name] = this.values[name];
      }
    }
    for (const watcher of this.watchers) model.on(...watcher);
    for (const notify of this.waiting.splice(0)) notify(model);
  }

  whenAttached(notify) {
    if (this.model) notify(this.model);
    else this.waiting.push(notify);
  }
}

export function component(mount) {
  return ({ model, view }) => {
    const early = view.el.parentElement?.early;
    if (early) {
      move(early.host, view.el);
      early.params.attach(model, Object.keys(early.params.values));
    } else {
      const host = document.createElement("div");
      view.el.append(host);
      const params = new Params({});
      params.attach(model, []);
      mount(host, params);
    }
    // In the light DOM: the page's own style, ids and focus order are in force.
    return document.createElement("slot");
  };
}

// With its focus, its scroll and an open dialog, where a browser can.
function move(host, where) {
  if (where.moveBefore) where.moveBefore(host, null);
  else where.append(host);
}

// Before Panel's views go: what was drawn without them stays in the page, for those that come after them.
export function keepEarly() {
  for (const place of document.querySelectorAll(".place[data-module]")) if (place.early) move(place.early.host, place);
}

// Each as its own module comes. One that does not come takes no other with it.
export const mountEarly = (places) => Promise.all(places.map((place) => mountOne(place).catch(reportError)));

async function mountOne(place) {
  const module = await import(`../components/${place.dataset.module}`);
  const host = document.createElement("div");
  const params = new Params(JSON.parse(place.dataset.params));
  place.append(host);
  place.early = { host, params };
  module.mount(host, params);
}
