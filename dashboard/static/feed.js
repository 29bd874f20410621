// The page's own line: a whole state first, then numbered differences. A gap asks anew; a hidden tab is quiet;
// a lost line is taken up again by itself, without a reload and without losing scroll or selection.
const DEAF_AFTER = 25_000; // the server says so every 10 s
const ANSWER_WITHIN = 6_000; // every hello is answered at once
const SLOWEST = 5_000;
const LOGGED_OUT = 4401;

export class Feed {
  constructor(page, { onState, onChange, onWhale, onLine }) {
    Object.assign(this, { page, onState, onChange, onWhale, onLine });
    this.epoch = null;
    this.seq = null;
    this.tries = 0;
    this.refused = 0;
    this.up = false; // the pages answered, and the line was refused all the same
    this.whale = null; // asked about and not answered yet
    this.wakeful = false;
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.look();
    });
    // Another network may have taken the line with it, without a word.
    for (const change of ["online", "offline"]) addEventListener(change, () => this.look());
    setInterval(() => {
      if (this.receivedAt && !this.resting && Date.now() - this.receivedAt > DEAF_AFTER) this.drop();
    }, 5_000);
    this.connect();
  }

  get resting() {
    return document.hidden && !this.wakeful;
  }

  // Whether somebody wants to be told though the tab is hidden: it may be so already.
  set awake(wakeful) {
    const rested = this.resting;
    this.wakeful = wakeful;
    if (rested !== this.resting && this.socket?.readyState === 1) this.look();
  }

  connect() {
    clearTimeout(this.timer);
    const url = new URL("api/v1/live", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = url.hash = "";
    // Behind a proxy that logs people in, a cookie alone opens nothing: the page shows that it was read.
    const token = document.querySelector('meta[name="spout-page"]')?.content;
    const socket = new WebSocket(url, token ? [`spout.page.${token}`] : []);
    const old = this.socket;
    this.socket = socket;
    old?.close(); // it may be opening still
    this.opened = false;
    socket.onopen = () => {
      this.opened = true;
      this.up = false;
      this.receivedAt = Date.now();
      this.hello();
    };
    socket.onmessage = (message) => {
      if (socket === this.socket) this.take(JSON.parse(message.data));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code);
    };
  }

  say(question) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(question));
  }
  ask(id) {
    this.whale = id;
    if (id) this.say({ whale: id });
  }

  hello() {
    if (this.resting) return;
    this.say({ hello: this.page, epoch: this.epoch, seq: this.seq });
    if (this.whale) this.say({ whale: this.whale });
    const asked = Date.now();
    clearTimeout(this.answer);
    this.answer = setTimeout(() => {
      if (!this.resting && !(this.receivedAt > asked)) this.drop();
    }, ANSWER_WITHIN);
  }

  look() {
    if (this.resting) return void this.say({ pause: true });
    if (this.socket?.readyState === 1) this.hello();
    else this.connect();
    return undefined;
  }

  // A dead line may take minutes to close properly: do not wait for it.
  drop() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.lost();
  }

  take(message) {
    this.receivedAt = Date.now();
    if (message.kind === "whale") {
      if (message.id === this.whale) this.whale = null;
      return void this.onWhale?.(message);
    }
    if (message.kind === "snapshot") {
      this.epoch = message.epoch;
      this.seq = message.seq;
      this.tries = this.refused = 0;
      this.onLine?.(true);
      return void this.onState(message);
    }
    if (message.kind === "pulse") {
      // A catch-up without news is answered by a pulse: the line is good.
      if (message.seq !== this.seq) {
        this.seq = null;
        this.hello();
      } else {
        this.tries = 0;
        this.onLine?.(true);
      }
      return undefined;
    }
    if (message.seq <= this.seq) return undefined; // sent twice
    if (message.seq !== this.seq + 1) {
      this.seq = null;
      return void this.hello();
    }
    this.seq = message.seq;
    this.tries = 0;
    this.onLine?.(true);
    return void this.onChange(message);
  }

  lost(code) {
    if (code === LOGGED_OUT) dispatchEvent(new CustomEvent("spout-reload", { detail: "logged out" }));
    this.receivedAt = null;
    clearTimeout(this.answer);
    this.tries += 1;
    if (!this.opened) this.refused += 1;
    this.onLine?.(false);
    const wait = Math.min(SLOWEST, 250 * 2 ** Math.min(this.tries, 5)) * (0.7 + 0.6 * Math.random());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), wait);
  }

  // The pages are up, and the line does not open all the same: the login has ended. A reload shows the way in.
  // Refusals from while the program was away say nothing, so it is asked once more after the pages were seen up.
  async probe() {
    if (this.refused >= 3) {
      const up = await fetch(new URL("healthz", document.baseURI), { cache: "no-store" })
        .then((answer) => answer.json())
        .then(
          (health) => health.pages !== "starting",
          () => false,
        );
      if (up && this.up) dispatchEvent(new CustomEvent("spout-reload", { detail: "refused" }));
      this.up = up;
    }
    this.connect();
  }
}
