// Plays the recording, and tells where it is.
// While it plays it tells for every frame of the screen, so that words light up when they are said and not a quarter of
// a second later. The invariant: what it tells lies within the recording, whatever the browser thinks of its length.

export class Player {
  /**
   * @param {HTMLAudioElement} audio
   * @param {object} tell
   * @param {(time: number) => void} tell.moved seconds
   * @param {(isPlaying: boolean) => void} tell.changed
   * @param {(canPlay: boolean) => void} tell.known whether the browser can play it, and its `duration`, are known now
   */
  constructor(audio, tell) {
    Object.assign(this, { audio, tell, duration: NaN, canPlay: false, isMeasuring: false, address: "" });
    audio.addEventListener("loadedmetadata", () => this.#measure());
    audio.addEventListener("durationchange", () => this.#measured());
    audio.addEventListener("error", () => this.address && this.#know(false));
    audio.addEventListener("play", () => this.#play());
    audio.addEventListener("pause", () => this.tell.changed(false));
    audio.addEventListener("seeked", () => this.#moved());
    audio.addEventListener("ended", () => this.#moved());
  }

  /** Takes another recording. */
  load(file) {
    this.close();
    Object.assign(this, { duration: NaN, canPlay: false, isMeasuring: false, address: URL.createObjectURL(file) });
    this.audio.src = this.address;
  }

  /** Lets go of the recording. */
  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }

  get isPlaying() {
    return !this.audio.paused && !this.audio.ended;
  }

  get time() {
    return Math.min(this.audio.currentTime, Number.isFinite(this.duration) ? this.duration : Infinity);
  }

  set speed(factor) {
    this.audio.playbackRate = factor;
    this.audio.defaultPlaybackRate = factor;
  }

  toggle() {
    if (!this.canPlay) return;
    if (this.isPlaying) this.audio.pause();
    else this.audio.play().catch(() => this.tell.changed(false));
  }

  seek(time) {
    if (!this.canPlay) return;
    this.audio.currentTime = Math.min(Math.max(0, time), Number.isFinite(this.duration) ? this.duration : time);
    this.#moved();
  }

  /** A browser's own recordings do not say how long they are; looking for their end finds it out. */
  #measure() {
    this.isMeasuring = this.audio.duration === Infinity;
    if (this.isMeasuring) this.audio.currentTime = 1e7;
    else this.#measured();
  }

  #measured() {
    if (!Number.isFinite(this.audio.duration)) return;
    if (this.isMeasuring) this.audio.currentTime = 0;
    Object.assign(this, { isMeasuring: false, duration: this.audio.duration });
    this.#know(true);
  }

  #know(canPlay) {
    this.canPlay = canPlay;
    this.tell.known(canPlay);
  }

  #play() {
    this.tell.changed(true);
    const frame = () => {
      if (!this.isPlaying) return;
      this.#moved();
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #moved() {
    if (!this.isMeasuring) this.tell.moved(this.time);
  }
}
