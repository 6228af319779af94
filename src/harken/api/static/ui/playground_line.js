// The line to `/v1/listen`: sound out, events in, over a WebSocket that may break. Owns that a new connection goes on
// where the old one ended, and that another session does where the old one is gone, its server with it; and why there is
// no connection, which a browser does not say and the server is asked for. Knows neither the microphone nor the page.
// The invariant: it ends once, with null where everything was told, else with an ApiError.

import { ApiError, address, request, sentenceOf } from "./http.js";
import { Kept } from "./playground_kept.js";
import { Pulse } from "./playground_pulse.js";
import { Succession } from "./playground_succession.js";
import { apiKey } from "./settings.js";
import { t } from "./words.js";

/** Seconds of sound that are kept: a server's longest turn (`live.turn_s`), and half a minute to come back. */
const KEPT_S = 330;
/** Seconds of sound of which nobody has to be told that they are lost. */
const TRIFLE_S = 0.1;
/** Milliseconds until a connection that does not come about, or the question why, is given up. */
const PATIENCE = 10_000;
/** Milliseconds for which a broken line is mended. */
const MENDED = 60_000;
/** Milliseconds after which a new session stands; one that ends sooner is no mended line. */
const STANDS = 5_000;
const WAITS = [200, 500, 1000, 2000, 4000];
/** Closes with which the server ends a session; with any other one the line is broken. */
const ENDS = new Set([1007, 1008, 1009, 1011, 1012, 1013]);
const RESTARTING = 1012;
/** Ends after which another session may go on. */
const BEGINS_ANEW = new Set(["draining", "session_expired", "session_unknown"]);

export class Line {
  /**
   * @param {object} about
   * @param {Record<string, string>} about.settings the query of a new session
   * @param {number} about.rate of the samples
   * @param {object} tell
   * @param {(event: object) => void} tell.event what the server tells, but for the session itself
   * @param {(isThere: boolean) => void} tell.there the line is there, or broken and being mended
   * @param {() => void} tell.anew another session begins: turns that have no end are told again
   * @param {(seconds: number) => void} tell.lost of what was said, because more was to be kept than is
   * @param {(error: ApiError | null) => void} tell.ended
   */
  constructor({ settings, rate }, tell) {
    Object.assign(this, { settings, rate, tell, session: "", n: 0, socket: null, error: null, isFinishing: false });
    Object.assign(this, { kept: new Kept(KEPT_S * rate), sessions: new Succession(rate), sent: 0, hadSession: false });
    Object.assign(this, { isThere: false, isOver: false, tries: 0, brokenAt: 0, standsAt: 0 });
    this.pulse = new Pulse(() => this.#say("ping"), () => this.#broke());
    this.onOffline = () => this.#broke();
    window.addEventListener("offline", this.onOffline);
    this.#dial();
  }

  /** Takes the next samples, an Int16Array. */
  send(sound) {
    if (this.isOver || this.isFinishing) return;
    this.kept.put(sound);
    this.#pass();
  }

  /** No more sound: it ends when everything was told. */
  finish() {
    this.isFinishing = true;
    this.#pass();
  }

  /** Leave at once; nothing is told any more. */
  leave() {
    this.#over();
    this.socket?.close(1000);
  }

  #dial() {
    const query = this.session
      ? { encoding: "pcm16", sample_rate: this.rate, session: this.session, after: this.n }
      : { encoding: "pcm16", sample_rate: this.rate, ...this.settings };
    this.path = `v1/listen?${new URLSearchParams(query)}`;
    const where = new URL(address(this.path));
    where.protocol = where.protocol === "https:" ? "wss:" : "ws:";
    const key = apiKey();
    try {
      this.socket = new WebSocket(where, key ? ["realtime", `openai-insecure-api-key.${key}`] : []);
    } catch {
      // A key that no subprotocol can carry; all else in the address is ours.
      this.#end(new ApiError({ status: 0, code: "bad_key", message: t("key.odd") }));
      return;
    }
    const { socket } = this;
    const timer = setTimeout(() => this.#lost(socket), PATIENCE);
    const isNow = () => socket === this.socket && !this.isOver;
    socket.onmessage = ({ data }) => {
      clearTimeout(timer);
      if (!isNow()) return;
      this.pulse.hear();
      this.#hear(readJson(data));
    };
    socket.onclose = ({ code }) => {
      clearTimeout(timer);
      if (isNow()) this.#closed(code);
    };
  }

  #hear(event) {
    if (typeof event?.type !== "string") return;
    this.n = Math.max(this.n, Number(event.n) || 0);
    if (event.type === "session") {
      this.#open(event);
      return;
    }
    if (event.type === "error") this.error = ended(event);
    this.tell.event(this.sessions.hear(event));
    this.kept.forget(this.sessions.endedTo - this.rate); // a second more: times are rounded
  }

  #open({ session, received_s: receivedS }) {
    const { kept, sessions, hadSession } = this;
    const isNew = !this.session;
    let lost = isNew ? sessions.begin(this.sent, kept.oldest) : 0;
    const missing = Math.max(0, kept.oldest - sessions.place(receivedS));
    sessions.lose(missing);
    lost += missing;
    Object.assign(this, { session, hadSession: true, isThere: true, error: null });
    this.sent = Math.min(kept.total, sessions.place(receivedS));
    this.standsAt = performance.now() + (isNew ? STANDS : 0);
    if (isNew && hadSession) this.tell.anew();
    if (lost > TRIFLE_S * this.rate) this.tell.lost(lost / this.rate);
    this.tell.there(true);
    this.#pass();
  }

  /** Send what was not sent on this connection. */
  #pass() {
    if (!this.isThere || this.socket.readyState !== WebSocket.OPEN) return; // who is closing takes nothing any more
    for (const sound of this.kept.from(this.sent)) this.socket.send(sound);
    this.sent = this.kept.total;
    if (this.isFinishing) this.#say("finish");
  }

  #say(type) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type }));
  }

  #closed(code) {
    const isGone = this.isThere && (code === RESTARTING || BEGINS_ANEW.has(this.error?.code));
    if (code === 1000) this.#end(null);
    else if (isGone) this.#broke(this.error ?? brokenOff());
    else if (this.isThere && ENDS.has(code)) this.#end(this.error ?? brokenOff());
    else this.#broke();
  }

  /** A connection that does not come about. */
  #lost(socket) {
    if (socket === this.socket) this.#broke();
  }

  /** `gone`: why the session is over, where it is known to be. */
  #broke(gone = null) {
    if (this.isOver || (!this.isThere && this.socket === null)) return;
    const { isThere: wasThere } = this;
    this.pulse.stop();
    this.socket.close(); // without a code, which would give the session up
    const now = performance.now();
    if (!this.brokenAt || (wasThere && now > this.standsAt)) Object.assign(this, { brokenAt: now, tries: 0 });
    Object.assign(this, { isThere: false, socket: null });
    if (wasThere) this.tell.there(false);
    this.#mend(wasThere, gone);
  }

  /** Ask why, and dial again where that makes sense: the same session, or another where that one is gone. */
  async #mend(wasThere, gone) {
    const error = gone ?? (wasThere ? null : await this.#why());
    if (this.isOver) return;
    const isUnknown = Boolean(this.session) && error?.code === "session_unknown";
    if (gone || isUnknown) Object.assign(this, { session: "", n: 0 });
    const left = this.brokenAt + MENDED - performance.now();
    const isNew = !this.hadSession && !error && this.tries > 0; // nothing is refused, and yet there is no connection
    if (isNew || left < 0 || (!gone && !isUnknown && this.#isHopeless(error))) {
      this.#end(error ?? (this.hadSession ? brokenOff() : noWebSocket()));
      return;
    }
    const asked = (error?.retryAfterS ?? 0) * 1000;
    const wait = isUnknown ? 0 : Math.max(asked, WAITS[Math.min(this.tries, WAITS.length - 1)]);
    await new Promise((resolve) => setTimeout(resolve, Math.min(wait, left)));
    this.tries += 1;
    if (!this.isOver) this.#dial();
  }

  /** Whoever has spoken waits for a server that may let him in later; who has not is told at once. */
  #isHopeless(error) {
    if (!error || !this.hadSession) return Boolean(error);
    return error.isForGood || error.code === "bad_key" || (error.status > 0 && error.status < 500 && error.status !== 429);
  }

  /** Why there is no connection; null where the server would let us in. */
  async #why() {
    try {
      await request(this.path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    } catch (error) {
      if (error.code === "head_too_large" && this.settings.prompt) return tooLong(error);
      return error.status === 426 ? null : error;
    }
    return null; // somebody answered in Harken's place
  }

  #end(error) {
    if (this.isOver) return;
    this.#over();
    this.tell.ended(error);
  }

  #over() {
    this.isOver = true;
    this.pulse.stop();
    this.kept.forget(Infinity);
    window.removeEventListener("offline", this.onOffline);
  }
}

/** What the server said before it closed. */
function ended({ code, message, retry_after_s: retryAfterS = null }) {
  return new ApiError({ status: 0, code, message: sentenceOf({ code, message }), retryAfterS });
}

const brokenOff = () => new ApiError({ status: 0, code: "broken_off", message: t("play.error.broken_off") });
const noWebSocket = () => new ApiError({ status: 0, code: "no_websocket", message: t("play.error.no_websocket") });

/** The form's words are what may be long in a handshake; its other lines are the browser's. */
const tooLong = ({ status, code, requestId }) =>
  new ApiError({ status, code, message: t("play.error.too_long"), requestId });

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
