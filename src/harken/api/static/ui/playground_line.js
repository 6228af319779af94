// The line to `/v1/listen`: sound out, events in, over a WebSocket that may break. Owns what was said since the server last
// told how much it has, so that a new connection goes on where the old one ended; and why there is no connection, which a
// browser does not say and the server is asked for. Knows neither the microphone nor the page. The invariant: it ends
// once, with null where everything was told, else with an ApiError.

import { ApiError, address, request, sentenceOf } from "./http.js";
import { apiKey } from "./settings.js";
import { t } from "./words.js";

/** Seconds of sound that are kept for a connection that comes back; what is older is lost. */
const KEPT_S = 120;
/** Milliseconds until a connection that does not come about is given up. */
const PATIENCE = 10_000;
/** Milliseconds for which a broken line is mended. */
const MENDED = 60_000;
const WAITS = [200, 500, 1000, 2000, 4000];
/** Closes with which the server ends a session; with any other one the line is broken. */
const ENDS = new Set([1007, 1008, 1009, 1011, 1012, 1013]);

export class Line {
  /**
   * @param {object} about
   * @param {Record<string, string>} about.settings the query of a new session
   * @param {number} about.rate of the samples
   * @param {object} tell
   * @param {(event: object) => void} tell.event what the server tells, but for the session itself
   * @param {(isThere: boolean) => void} tell.there the line is there, or broken and being mended
   * @param {(error: ApiError | null) => void} tell.ended
   */
  constructor({ settings, rate }, tell) {
    Object.assign(this, { settings, rate, tell, session: "", n: 0, socket: null, error: null, isFinishing: false });
    Object.assign(this, { kept: [], total: 0, sent: 0, shift: 0, isThere: false, isOver: false, tries: 0, brokenAt: 0 });
    this.onOffline = () => this.#broke();
    window.addEventListener("offline", this.onOffline);
    this.#dial();
  }

  /** Takes the next samples, an Int16Array. */
  send(sound) {
    if (this.isOver || this.isFinishing) return;
    this.kept.push({ from: this.total, sound });
    this.total += sound.length;
    while (this.kept[0].from < this.total - KEPT_S * this.rate) this.kept.shift();
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
      if (isNow()) this.#hear(readJson(data));
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
    this.tell.event(event);
  }

  #open({ session, received_s: receivedS }) {
    const oldest = this.kept[0]?.from ?? this.total;
    const received = Math.round(receivedS * this.rate);
    if (received + this.shift < oldest) this.shift = oldest - received; // what lay between is lost
    Object.assign(this, { session, sent: Math.min(this.total, received + this.shift), tries: 0, brokenAt: 0, isThere: true });
    this.tell.there(true);
    this.#pass();
  }

  /** Send what was not sent on this connection. */
  #pass() {
    if (!this.isThere || this.socket.readyState !== WebSocket.OPEN) return; // who is closing takes nothing any more
    for (const { from, sound } of this.kept) {
      if (from + sound.length > this.sent) this.socket.send(sound.subarray(Math.max(0, this.sent - from)));
    }
    this.sent = this.total;
    if (this.isFinishing) this.socket.send(JSON.stringify({ type: "finish" }));
  }

  #closed(code) {
    if (code === 1000) this.#end(null);
    else if (this.isThere && ENDS.has(code)) this.#end(this.error ?? brokenOff());
    else this.#broke();
  }

  /** A connection that does not come about. */
  #lost(socket) {
    if (socket !== this.socket || this.isOver) return;
    socket.close();
    this.#broke();
  }

  #broke() {
    if (this.isOver || (!this.isThere && this.socket === null)) return;
    const wasThere = this.isThere;
    Object.assign(this, { isThere: false, socket: null });
    if (wasThere) this.tell.there(false);
    this.brokenAt ||= performance.now();
    this.#mend(wasThere);
  }

  /** Ask why, and dial again where that makes sense. */
  async #mend(wasThere) {
    const error = wasThere ? null : await this.#why();
    if (this.isOver) return;
    const isHopeless = error && (this.session ? error.status > 0 && error.status < 500 : true);
    const isNew = !this.session && !error && this.tries > 0; // nothing is refused, and yet there is no connection
    if (isHopeless || isNew || performance.now() - this.brokenAt > MENDED) {
      this.#end(error ?? (this.session ? brokenOff() : noWebSocket()));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(this.tries, WAITS.length - 1)]));
    this.tries += 1;
    if (!this.isOver) this.#dial();
  }

  /** Why there is no connection; null where the server would let us in. */
  async #why() {
    try {
      await request(this.path, { cache: "no-store" });
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
    this.kept = [];
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
const tooLong = ({ status, code, requestId }) => new ApiError({ status, code, message: t("play.error.too_long"), requestId });

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
