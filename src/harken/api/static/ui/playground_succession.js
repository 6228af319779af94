// Sessions that follow each other, because a server was started anew, as if they were one: turns and times count on.
// Owns where each turn lies in all that was said, in samples. Knows neither sound nor line. The invariant: a turn that had
// its end is not heard again, and the sound of one that had none is.

/** Seconds before a turn from which on it is heard again: who begins to listen within a word hears another one. */
const LEAD_S = 2;
/** Seconds that no server is behind: where it has said of nothing that it is speech, it was none. */
const BEHIND_S = 120;

export class Succession {
  /** @param {number} rate of the samples */
  constructor(rate) {
    Object.assign(this, { rate, base: 0, before: 0, ended: 0, endedTo: 0, open: new Map() });
  }

  /** Where a second of this session lies. */
  place(second) {
    return this.base + Math.round(second * this.rate);
  }

  /**
   * Another session begins.
   * @param {number} sent what was said up to here went to the one before
   * @param {number} oldest what was said before is kept no longer
   * @returns {number} samples of speech that nobody has heard to its end, and nobody will
   */
  begin(sent, oldest) {
    const speech = Math.min(sent, ...[...this.open.values()].map(({ from }) => from));
    const early = this.open.size ? LEAD_S : BEHIND_S;
    this.base = Math.max(this.endedTo, oldest, speech - early * this.rate);
    this.before = this.ended;
    this.open.clear();
    return Math.max(0, this.base - Math.max(this.endedTo, speech));
  }

  /** So many samples of this session are lost. */
  lose(samples) {
    this.base += samples;
  }

  /** Takes what a session tells; returns it as one for all sessions would. */
  hear(event) {
    const told = this.#placed(event);
    const { type, turn } = told;
    if (type === "speech_started") this.open.set(turn, { from: this.place(event.at_s), to: 0 });
    if (type === "committed") this.open.set(turn, { from: this.place(event.start_s), to: this.place(event.end_s) });
    if (type === "completed" || type === "failed") {
      this.ended = Math.max(this.ended, turn);
      this.endedTo = Math.max(this.endedTo, this.open.get(turn)?.to ?? 0);
      this.open.delete(turn);
    }
    return told;
  }

  #placed(event) {
    const later = this.base / this.rate;
    const told = { ...event };
    if (told.turn) told.turn += this.before;
    for (const name of ["at_s", "start_s", "end_s"]) if (name in told) told[name] += later;
    if (told.warnings) told.warnings = told.warnings.map((each) => this.#placed(each));
    return told;
  }
}
