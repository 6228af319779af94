// What the page knows, and what it does about it: the recording, the options, the work on it. No markup.
// Owns the order of a transcription: the text as a stream, then, where they are wanted, the times by a second request.
// The invariant: whatever a work tells after another has begun is not heard, so that two never mix.

import { ApiError, keyHeaders, request, t } from "./shell.js";
import { fieldsOf } from "./playground_code.js";
import { peaksOf } from "./playground_peaks.js";
import { send } from "./playground_send.js";

const NO_WORK = {
  phase: "idle", // upload, recognise, time, done, cancelled, failed
  share: 0, // of the upload
  heardS: null, // seconds of the recording that are recognised, where the server told,
  allS: null, // and of how many
  began: 0,
  firstS: null,
  tookS: null,
  error: null,
  timesError: null,
  downloadError: null,
  done: null, // the stream's last event
  timed: null, // the answer with times
  facts: {},
  asked: "", // the options it was asked with
};
/** Milliseconds after which a server that does not know its model yet is asked again. */
const LATER = 3000;

export class Session {
  /**
   * @param {object} tell
   * @param {(delta: string) => void} tell.text the next part of the text
   * @param {() => void} tell.clear there is no text any more
   * @param {() => void} tell.changed anything else
   * @param {(error: ApiError) => Promise<boolean>} tell.refused a key is needed; whether there is one now
   */
  constructor(tell) {
    this.tell = tell;
    this.options = { language: "", keywords: "", context: "", hasTimes: true };
    Object.assign(this, { model: null, modelError: null, file: null, sound: null, work: NO_WORK, running: null });
  }

  /** Asks what is served, until it is known. */
  async learn() {
    clearTimeout(this.timer);
    try {
      const models = readJson(await (await request("v1/models")).text());
      if (!models?.data?.[0]) throw notHarken();
      this.#set({ model: models.data[0], modelError: null });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#set({ model: null, modelError: error });
      if (!error.wantsKey) this.timer = setTimeout(() => this.learn(), LATER);
    }
  }

  /** Takes a recording and begins with it. */
  take(file) {
    this.#drop();
    this.#set({ file, sound: null });
    this.transcribe();
  }

  /** There is no recording any more. */
  forget() {
    this.#drop();
    this.#set({ file: null, sound: null });
  }

  /** Computes the waveform; `duration` as the player knows it. */
  async look(file, duration) {
    const sound = (await peaksOf(file, duration)) ?? { peaks: null, duration };
    if (file === this.file) this.#set({ sound });
  }

  option(name, value) {
    this.#set({ options: { ...this.options, [name]: value } });
  }

  /** What would be asked now. */
  get ask() {
    const { language, keywords, context } = this.options;
    return {
      model: this.model?.id ?? "",
      language,
      keywords: keywords.split(/[,，、\n]/).map((each) => each.trim()).filter(Boolean),
      prompt: context.trim(),
      hasWords: this.hasWords,
    };
  }

  /** Whether something here times words of the language that was chosen. */
  get hasWords() {
    const { language } = this.options;
    return Boolean(this.model?.aligner) && (!language || this.model.aligner.languages.includes(language));
  }

  get isBusy() {
    return ["upload", "recognise", "time"].includes(this.work.phase);
  }

  /** Whether the text on the page was asked for with other options. */
  get isOld() {
    return this.work.asked !== "" && this.work.asked !== JSON.stringify([this.ask, this.options.hasTimes]);
  }

  async transcribe() {
    if (!this.file) return;
    this.#drop();
    const run = { abort: new AbortController(), ask: this.ask };
    const asked = JSON.stringify([this.ask, this.options.hasTimes]);
    this.running = run;
    this.tell.clear();
    this.#set({ work: { ...NO_WORK, phase: "upload", began: performance.now(), asked } });
    try {
      await this.#text(run);
      if (this.options.hasTimes) await this.#times(run);
      this.#tellWork(run, { phase: "done" });
    } catch (error) {
      await this.#fail(run, error);
    }
  }

  cancel() {
    this.running?.abort.abort();
  }

  /**
   * Gets the transcript in a form.
   * @param {"srt" | "vtt" | "verbose_json"} format
   * @returns {Promise<string | null>} null where it failed, which the page then says
   */
  async fetch(format) {
    const run = this.running;
    this.#tellWork(run, { downloadError: null });
    try {
      return (await this.#send(run, format)).body;
    } catch (error) {
      if (error instanceof ApiError) this.#tellWork(run, { downloadError: { format, error } });
      return null;
    }
  }

  async #text(run) {
    const since = () => (performance.now() - this.work.began) / 1000;
    const { done, header } = await this.#send(run, "stream", {
      onUpload: (share) => this.#tellWork(run, share < 1 ? { share } : { share: 1, phase: "recognise" }),
      onProgress: (heardS, allS) => this.#tellWork(run, { heardS, allS }),
      onDelta: (delta) => {
        if (run !== this.running) return;
        if (this.work.firstS === null) this.#tellWork(run, { firstS: since(), phase: "recognise" });
        this.tell.text(delta);
      },
    });
    if (!done) throw notHarken();
    const facts = { request: header("X-Request-Id") };
    this.#tellWork(run, { done, tookS: since(), facts, phase: this.options.hasTimes ? "time" : "done" });
  }

  /** The text is there: whatever goes wrong with its times is a note beside it. */
  async #times(run) {
    try {
      const { body, header } = await this.#send(run, "verbose_json");
      const timed = readJson(body);
      if (!Array.isArray(timed?.segments)) throw notHarken();
      const facts = { ...this.work.facts, instance: header("X-Harken-Instance") };
      this.#tellWork(run, { timed, timedBody: body, facts });
    } catch (error) {
      if (error instanceof ApiError) this.#tellWork(run, { timesError: error });
      else if (error.name !== "AbortError") throw error;
    }
  }

  async #fail(run, error) {
    if (error.name === "AbortError") return this.#tellWork(run, { phase: "cancelled" });
    if (!(error instanceof ApiError)) throw error;
    const told = error.code === "unreachable" && !(await isReadable(this.file)) ? fileGone() : error;
    this.#tellWork(run, { phase: "failed", error: told });
    const isRefused = run === this.running && error.hasNoKey;
    if (isRefused && (await this.tell.refused(error)) && run === this.running) await this.transcribe();
  }

  #send(run, format, watch = {}) {
    const form = new FormData();
    for (const [name, value] of fieldsOf(run.ask, format)) form.append(name, value);
    form.append("file", this.file, this.file.name);
    return send(form, { headers: keyHeaders(), signal: run.abort.signal, ...watch });
  }

  /** Nothing of the work before is heard from now on. */
  #drop() {
    this.running?.abort.abort();
    this.running = null;
    this.tell.clear();
    this.#set({ work: NO_WORK });
  }

  #tellWork(run, news) {
    if (run === this.running) this.#set({ work: { ...this.work, ...news } });
  }

  #set(news) {
    Object.assign(this, news);
    this.tell.changed();
  }
}

/** A file may have been moved since it was chosen; a browser says of that only that it could not send. */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Something answered 200 in Harken's place, such as a proxy's page for signing in. */
function notHarken() {
  return new ApiError({ status: 200, code: "http_200", message: t("error.odd", { status: 200 }) });
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fileGone() {
  return new ApiError({ status: 0, code: "file_gone", message: t("play.error.file_gone") });
}
