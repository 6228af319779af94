// What the page knows of somebody who speaks, and what it does about it: the microphone, the line, the turns. No markup.
// Owns the order: first the microphone, then the line, and at the end the microphone first, so that the last word is sent.
// The invariant: text that was told as final is only ever added to, and stays whatever happens to the line.

import { joined } from "./playground_join.js";
import { Line } from "./playground_line.js";
import { openMicrophone } from "./playground_microphone.js";

/** Below this level for so many packets, nothing is heard. */
const SILENCE = 0.01;
const SILENT_PACKETS = 80;

const NOTHING = {
  phase: "off", // asking, connecting, on, broken, finishing, done, failed
  // Of each turn; where its session was lost before it had its end, `held` was shown as final, and it is `told` again.
  turns: [], // {turn, startS, text, tentative, language, warnings, error: {code, message}, held, told}
  seconds: 0,
  lostS: 0, // of what was said
  isQuiet: false,
  error: null, // why it ended
  noMicrophone: "", // why there is none, in one word
};

const BLANK = { startS: 0, text: "", tentative: "", language: "", held: "", told: "" };

export class Live {
  /**
   * @param {object} tell
   * @param {() => void} tell.changed something is another
   * @param {(text: string) => void} tell.said a turn has its final text
   * @param {(error: ApiError) => Promise<boolean>} tell.refused a key is needed; whether there is one now
   */
  constructor(tell) {
    Object.assign(this, { tell, ...NOTHING, microphone: null, line: null, run: 0, silent: 0, samples: 0 });
    this.onLevel = () => {};
    window.addEventListener("pagehide", () => this.leave());
  }

  /** The microphone is asked for, on, or its last words are on their way. */
  get isOn() {
    return ["asking", "connecting", "on", "broken", "finishing"].includes(this.phase);
  }

  /** There is something to show in the place of a transcript. */
  get isShown() {
    return this.phase !== "off" && (this.phase !== "failed" || this.error !== null);
  }

  /** All that was said, a line for each turn; of one that has no end, what is supposed as well. */
  get text() {
    return this.turns.map(({ text, tentative }) => `${text}${tentative}`.trim()).filter(Boolean).join("\n");
  }

  /** Whom the loudness of each packet is told, 0 to 1. */
  listen(onLevel) {
    this.onLevel = onLevel;
  }

  /** Begin; `ask` is what a recording would be asked with. */
  async start(ask) {
    this.leave();
    const run = this.run;
    this.#set({ ...NOTHING, phase: "asking" });
    let microphone;
    try {
      microphone = await openMicrophone((sound, peak) => run === this.run && this.#sound(sound, peak), () => this.finish());
    } catch (error) {
      if (run === this.run) this.#set({ phase: "failed", noMicrophone: error.code ?? "failed" });
      return;
    }
    if (run !== this.run) {
      await microphone.close(); // thought better of it while the browser asked
      return;
    }
    const mine = (take) => (told) => run === this.run && take(told);
    this.microphone = microphone;
    this.ask = ask;
    this.line = new Line({ settings: settingsOf(ask), rate: microphone.rate }, {
      event: mine((event) => this.#event(event)),
      there: mine((isThere) => this.#there(isThere)),
      anew: mine(() => this.#anew()),
      lost: mine((seconds) => this.#set({ lostS: this.lostS + seconds })),
      ended: mine((error) => this.#ended(error)),
    });
    this.#set({ phase: "connecting" });
  }

  /** The last word was said: the text of it is waited for. */
  async finish() {
    if (!["connecting", "on", "broken"].includes(this.phase)) return;
    const { line, run } = this;
    this.#set({ phase: "finishing" });
    await this.#hangUp();
    if (run === this.run) line.finish();
  }

  /** Stop at once, and show nothing of it any more. */
  leave() {
    this.run += 1;
    this.line?.leave();
    this.line = null;
    this.#hangUp();
    Object.assign(this, { silent: 0, samples: 0 });
    if (this.phase !== "off") this.#set(NOTHING);
  }

  async #hangUp() {
    const { microphone } = this;
    this.microphone = null;
    await microphone?.close();
  }

  #sound(sound, peak) {
    if (!this.line) return; // it has ended, and the microphone is about to
    this.silent = peak < SILENCE ? this.silent + 1 : 0;
    this.samples += sound.length;
    this.line.send(sound);
    this.onLevel(peak);
    this.#set({ seconds: this.samples / this.line.rate, isQuiet: this.silent > SILENT_PACKETS });
  }

  #there(isThere) {
    if (this.phase === "finishing") return;
    this.#set({ phase: isThere ? "on" : "broken" });
  }

  #event({ type, turn, ...told }) {
    if (type === "speech_started") this.#turn(turn, begunAt(told.at_s));
    if (type === "committed") this.#turn(turn, begunAt(told.start_s));
    if (type === "text") this.#turn(turn, (before) => grown(before, told));
    if (type === "completed") {
      const { language, warnings } = told;
      this.#turn(turn, ({ held }) => ({ text: joined(held, told.text), tentative: "", language, warnings, isOver: true }));
      if (told.text) this.tell.said(told.text);
    }
    if (type === "failed") this.#turn(turn, { tentative: "", error: told, isOver: true });
  }

  #turn(turn, news) {
    const before = this.turns.find((one) => one.turn === turn) ?? { turn, ...BLANK };
    const after = { ...before, ...(typeof news === "function" ? news(before) : news) };
    this.#set({ turns: [...this.turns.filter((one) => one.turn !== turn), after].sort((a, b) => a.turn - b.turn) });
  }

  /** What was only supposed is told again. */
  #anew() {
    const turns = this.turns.filter(({ isOver, text }) => isOver || text);
    this.#set({ turns: turns.map((one) => (one.isOver ? one : { ...one, held: one.text, told: "", tentative: "" })) });
  }

  async #ended(error) {
    this.line = null;
    const { run } = this;
    this.#set({ phase: error ? "failed" : "done", error }); // what was only supposed stays, and stays grey
    await this.#hangUp();
    if (!error?.hasNoKey || this.turns.length || run !== this.run) return; // who begins anew loses what he has
    if ((await this.tell.refused(error)) && run === this.run) await this.start(this.ask);
  }

  #set(news) {
    Object.assign(this, news);
    this.tell.changed();
  }
}

/** Where a turn begins; one that is told again has begun. */
const begunAt = (startS) => (before) => (before.held ? {} : { startS });

/** A turn to whose text is added; one that is told again grows when it has come as far as before. */
function grown({ held, told }, { delta, tentative }) {
  const now = told + delta;
  return now.startsWith(held) ? { told: now, text: now, tentative } : { told: now, text: held, tentative: "" };
}

/** What `/v1/listen` is told: hot words and context are one text there. */
function settingsOf({ language, keywords, prompt }) {
  const text = [prompt, keywords.join(", ")].filter(Boolean).join("\n");
  return { ...(language ? { language } : {}), ...(text ? { prompt: text } : {}) };
}
