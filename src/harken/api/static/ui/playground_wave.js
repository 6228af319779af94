// The waveform: how loud it is, where the player stands, which word is being said.
// A canvas that is a slider for keyboards and screen readers. It draws what it was last told and says where somebody
// wants to go; it plays nothing. Colours are the page's own, read anew for each picture, so light and dark are right.

const BAR = 2;
const GAP = 1;
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

export class Wave {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {object} tell
   * @param {(time: number) => void} tell.seek in seconds
   * @param {() => void} tell.toggle play or pause
   * @param {(time: number, duration: number) => string} tell.say a position in words
   */
  constructor(canvas, tell) {
    Object.assign(this, { canvas, tell, peaks: null, duration: 0, time: 0, marked: null, hover: null });
    canvas.addEventListener("pointerdown", (event) => this.#drag(event));
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("pointerleave", () => this.#hover(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.watching = [new ResizeObserver(() => this.draw()), new MutationObserver(() => this.at(this.time, this.marked))];
    this.watching[0].observe(canvas);
    this.watching[1].observe(document.documentElement, { attributes: true }); // the theme, the language
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.onchange = () => this.draw();
  }

  /** Stops watching the page. */
  close() {
    this.watching.forEach((each) => each.disconnect());
    this.scheme.onchange = null;
  }

  /** Shows a recording. `peaks` is null while they are unknown, or for ever. */
  show(peaks, duration) {
    Object.assign(this, { peaks, duration: Number.isFinite(duration) ? duration : 0 });
    this.at(this.time, this.marked);
  }

  /** Shows where the player stands, and the stretch of time of the word that is said there. */
  at(time, marked = null) {
    Object.assign(this, { time, marked });
    this.canvas.setAttribute("aria-valuemax", this.duration.toFixed(1));
    this.canvas.setAttribute("aria-valuenow", time.toFixed(1));
    this.canvas.setAttribute("aria-valuetext", this.tell.say(time, this.duration));
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    this.#drawMarked(pen, width, height, colour("--wave-word"));
    this.#drawBars(pen, width, height, [colour("--wave-played"), colour("--wave-rest")]);
    if (this.duration) this.#drawHead(pen, width, height, colour("--wave-head"));
  }

  #drawMarked(pen, width, height, colour) {
    if (!this.marked || !this.duration) return;
    const [from, to] = [this.marked.start, this.marked.end].map((time) => (time / this.duration) * width);
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(from - 2, 0, Math.max(4, to - from + 4), height, 4);
    pen.fill();
  }

  #drawBars(pen, width, height, [played, rest]) {
    const head = this.duration ? (this.time / this.duration) * width : 0;
    const bars = Math.floor((width + GAP) / (BAR + GAP));
    for (let bar = 0; bar < bars; bar += 1) {
      const x = bar * (BAR + GAP);
      const tall = Math.max(BAR, this.#loudness(bar, bars) * (height - 8));
      pen.fillStyle = x + BAR / 2 < head ? played : rest;
      pen.beginPath();
      pen.roundRect(x, (height - tall) / 2, BAR, tall, 1);
      pen.fill();
    }
  }

  #loudness(bar, bars) {
    if (!this.peaks) return 0;
    const from = Math.floor((bar / bars) * this.peaks.length);
    const to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * this.peaks.length));
    let most = 0;
    for (let at = from; at < to; at += 1) most = Math.max(most, this.peaks[at]);
    return most;
  }

  #drawHead(pen, width, height, colour) {
    const x = Math.min(width - 1.5, Math.max(0, (this.time / this.duration) * width - 0.75));
    pen.fillStyle = colour;
    pen.fillRect(x, 0, 1.5, height);
    if (this.hover === null) return;
    pen.globalAlpha = 0.35;
    pen.fillRect(this.hover, 0, 1, height);
    pen.globalAlpha = 1;
  }

  #timeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.duration;
  }

  #drag(event) {
    if (!this.duration || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.tell.seek(this.#timeAt(event));
  }

  #point(event) {
    if (this.duration && this.canvas.hasPointerCapture(event.pointerId)) this.tell.seek(this.#timeAt(event));
    this.#hover(event.offsetX);
  }

  #hover(x) {
    this.hover = x;
    this.draw();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.duration) return;
    if (event.key === " " || event.key === "Enter") this.tell.toggle();
    else if (event.key === "Home") this.tell.seek(0);
    else if (event.key === "End") this.tell.seek(this.duration);
    else if (event.key in STEPS) this.tell.seek(this.time + STEPS[event.key] * (event.shiftKey ? 5 : 1));
    else return;
    event.preventDefault();
  }
}
