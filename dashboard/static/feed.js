// The page's own line: a whole picture first, then numbered differences. A gap asks anew; a hidden tab is quiet;
// a lost line is taken up again by itself, without a reload and without losing scroll or selection.
const DEAF_AFTER = 25_000; // the server beats every 10 s
const ANSWER_WITHIN = 6_000; // every hello is answered at once
const SLOWEST = 5_000;
const LOGGED_OUT = 4401;

export class Feed {
  constructor(page, { onPicture, onChange, onWhale, onLine }) {
    Object.assign(this, { page, onPicture, onChange, onWhale, onLine });
    this.epoch = null;
    this.seq = null;
    this.tries = 0;
    this.refused = 0;
    this.whale = null; // asked about and not answered yet
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", (event) => { if (event.persisted) this.look(); });
    // Another network may have taken the line with it, without a word.
    for (const change of ["online", "offline"]) addEventListener(change, () => this.look());
    setInterval(() => { if (this.heard && !document.hidden && Date.now() - this.heard > DEAF_AFTER) this.drop(); }, 5_000);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const url = new URL("api/v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = url.hash = "";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.opened = false;
    socket.onopen = () => { this.opened = true; this.heard = Date.now(); this.hello(); };
    socket.onmessage = (message) => { if (socket === this.socket) this.take(JSON.parse(message.data)); };
    socket.onclose = (event) => { if (socket === this.socket) this.lost(event.code); };
  }

  say(question) { if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(question)); }
  ask(id) { this.whale = id; if (id) this.say({ whale: id }); }

  hello() {
    if (document.hidden) return;
    this.say({ hello: this.page, epoch: this.epoch, seq: this.seq });
    if (this.whale) this.say({ whale: this.whale });
    const asked = Date.now();
    clearTimeout(this.answer);
    this.answer = setTimeout(() => { if (!document.hidden && !(this.heard > asked)) this.drop(); }, ANSWER_WITHIN);
  }

  look() {
    if (document.hidden) return void this.say({ pause: true });
    if (this.socket?.readyState === 1) this.hello(); else this.connect();
    return undefined;
  }

  // A dead line may take minutes to close properly: do not wait for it.
  drop() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.lost();
  }

  take(told) {
    this.heard = Date.now();
    if (told.kind === "whale") {
      if (told.id === this.whale) this.whale = null;
      return void this.onWhale?.(told);
    }
    if (told.kind === "snapshot") {
      this.epoch = told.epoch;
      this.seq = told.seq;
      this.tries = this.refused = 0;
      this.onLine?.(true);
      return void this.onPicture(told);
    }
    if (told.kind === "beat") {
      // A catch-up without news is answered by a beat: the line is good.
      if (told.seq !== this.seq) { this.seq = null; this.hello(); } else { this.tries = 0; this.onLine?.(true); }
      return undefined;
    }
    if (told.seq <= this.seq) return undefined; // told twice
    if (told.seq !== this.seq + 1) { this.seq = null; return void this.hello(); }
    this.seq = told.seq;
    this.tries = 0;
    this.onLine?.(true);
    return void this.onChange(told);
  }

  lost(code) {
    if (code === LOGGED_OUT) dispatchEvent(new CustomEvent("spout-reload", { detail: "logged out" }));
    this.heard = null;
    clearTimeout(this.answer);
    this.tries += 1;
    if (!this.opened) this.refused += 1;
    this.onLine?.(false);
    const wait = Math.min(SLOWEST, 250 * 2 ** Math.min(this.tries, 5)) * (0.7 + 0.6 * Math.random());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), wait);
  }

  // The pages are up and the line does not open: the login has ended. A reload shows the way in.
  async probe() {
    if (this.refused >= 3) {
      const alive = await fetch(new URL("healthz", document.baseURI), { cache: "no-store" }).then((answer) => answer.json()).then((told) => told.pages !== "starting", () => false);
      if (alive) dispatchEvent(new CustomEvent("spout-reload", { detail: "refused" }));
      if (!alive) this.refused = 0;
    }
    this.connect();
  }
}
