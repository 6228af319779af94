// The picture of a recording while it is made: its loudness in the last seconds, newest at the right.

const BAR = 2;
const STEP = 3;

export class Meter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    Object.assign(this, { canvas, levels: [] });
  }

  /** Takes the next reading, 0 to 1. */
  add(level) {
    const most = Math.ceil(this.canvas.clientWidth / STEP) + 1;
    this.levels = [...this.levels, level].slice(-most);
    this.#draw();
  }

  #draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const bars = Math.floor(width / STEP);
    const silent = Math.max(0, bars - this.levels.length);
    [...Array(silent).fill(0), ...this.levels].forEach((level, index, all) => {
      pen.fillStyle = style.getPropertyValue(index < silent ? "--wave-rest" : "--wave-played");
      const x = width - (all.length - index) * STEP;
      // Speech is mostly quiet in figures: the root shows it as loud as it seems.
      const tall = Math.max(BAR, Math.sqrt(level) * (height - 8));
      pen.beginPath();
      pen.roundRect(x, (height - tall) / 2, BAR, tall, 1);
      pen.fill();
    });
  }
}
