// The overview as it changes: a WebSocket, server-sent events behind it, and the truth about its age.

const STALE_AFTER_MS = 6000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;
const SILENT_MS = 15000;
const LOGGED_OUT = 4401;

/** told(document): each message. state(name, since): live, wait, stale or over (logged out). */
export class Stream {
  constructor({ told, state }) {
    this.told = told;
    this.state = state;
    this.heardAt = null;
    this.wait = FIRST_WAIT_MS;
    this.useEvents = false;
    this.failures = 0;
    this.over = false;
    setInterval(() => this.judge(), 1000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.judge(); });
    addEventListener("online", () => this.again(0));
  }

  open() {
    clearTimeout(this.timer);
    if (this.over) return;
    this.close();
    this.openedAt = Date.now();
    if (this.useEvents) this.openEvents();
    else this.openSocket();
  }

  openSocket() {
    const address = new URL("/ui/stream", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    let heard = false;
    const socket = new WebSocket(address);
    this.source = socket;
    socket.onmessage = (message) => { heard = true; this.hear(message.data); };
    socket.onclose = (event) => {
      if (socket !== this.source) return;
      if (event.code === LOGGED_OUT) return this.end();
      this.failures = heard ? 0 : this.failures + 1;
      if (this.failures >= 2) this.useEvents = true;
      this.again();
    };
  }

  openEvents() {
    const events = new EventSource("/ui/events");
    this.source = events;
    events.onmessage = (message) => this.hear(message.data);
    events.addEventListener("logged_out", () => this.end());
    events.onerror = () => {
      if (events !== this.source) return;
      // A WebSocket may work again by then; an event stream says nothing of a 401, so ask.
      this.useEvents = false;
      this.failures = 0;
      fetch("/ui/me", { cache: "no-store" }).then((answer) => (answer.status === 401 ? this.end() : null)).catch(() => null);
      this.again();
    };
  }

  close() {
    const source = this.source;
    this.source = null;
    source?.close();
  }

  hear(text) {
    this.heardAt = Date.now();
    this.wait = FIRST_WAIT_MS;
    this.told(JSON.parse(text));
    this.state("live", null);
  }

  again(after = this.wait * (0.75 + Math.random() / 2)) {
    this.close();
    clearTimeout(this.timer);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    this.timer = setTimeout(() => this.open(), after);
  }

  judge() {
    if (this.over) return;
    const quiet = Date.now() - (this.heardAt ?? this.openedAt);
    if (this.heardAt === null) this.state(quiet > STALE_AFTER_MS ? "stale" : "wait", null);
    else if (quiet > STALE_AFTER_MS) this.state("stale", this.heardAt);
    // A connection that is open and silent is none.
    if (this.source && quiet > SILENT_MS && Date.now() - this.openedAt > SILENT_MS) this.again();
  }

  end() {
    this.over = true;
    this.close();
    this.state("over", this.heardAt);
  }
}
