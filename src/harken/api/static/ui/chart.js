// A small chart of lines or areas over time, as SVG: the page's own colours and font, sharp at any zoom, readable in
// forced colours. It draws what it is given; a gap in the figures is a gap in the line. Its text alternative is its
// label, and the figures themselves are in a table elsewhere.

import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { clock } from "./format.js";

const HEIGHT = 116;
const PAD = { top: 8, right: 2, bottom: 18, left: 40 };

/**
 * `at`: times, in seconds. `lines`: [{name, values, area}]; `name` is its class. `write(value)` labels the axis, which
 * ends at `round(most)` and shows at least up to `least`.
 * `hovered`: index of the step under the pointer in any chart, or null; `onHover(index)`.
 */
export function Chart({ at, lines, write, least, round = roundTop, label, hovered, onHover }) {
  const frame = useRef(null);
  const [width, setWidth] = useState(300);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(160, Math.floor(entry.contentRect.width))));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  const top = round(Math.max(least, ...lines.flatMap(({ values }) => values.filter((value) => value !== null))));
  const inner = { width: width - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
  const x = (index) => PAD.left + (at.length > 1 ? (index / (at.length - 1)) * inner.width : inner.width);
  const y = (value) => PAD.top + inner.height * (1 - value / top);
  const onMove = (event) => {
    const share = (event.clientX - frame.current.getBoundingClientRect().left - PAD.left) / inner.width;
    onHover(Math.max(0, Math.min(at.length - 1, Math.round(share * (at.length - 1)))));
  };
  return html`
    <div class="chart" ref=${frame} onPointerMove=${onMove} onPointerLeave=${() => onHover(null)}>
      <svg role="img" aria-label=${label} width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`}>
        ${[0, top / 2, top].map((value) => html`
          <line class="grid" x1=${PAD.left} x2=${width - PAD.right} y1=${y(value)} y2=${y(value)} />
          <text class="tick" x=${PAD.left - 6} y=${y(value) + 3.5} text-anchor="end">${write(value)}</text>
        `)}
        ${timeTicks(at, inner.width).map(([index, time], place, all) => html`
          <text class="tick" x=${x(index)} y=${HEIGHT - 3} text-anchor=${place === all.length - 1 && index > at.length * 0.93 ? "end" : "middle"}>
            ${clock(time, false)}
          </text>
        `)}
        ${lines.map(({ name, values, area }) => html`
          ${area && html`<path class=${`area ${name}`} d=${areaPath(values, x, y)} />`}
          <path class=${`line ${name}`} d=${linePath(values, x, y)} />
        `)}
        ${hovered !== null && hovered < at.length && html`
          <line class="cursor" x1=${x(hovered)} x2=${x(hovered)} y1=${PAD.top} y2=${HEIGHT - PAD.bottom} />
          ${lines.filter(({ values }) => values[hovered] !== null).map(({ name, values }) => html`
            <circle class=${`point ${name}`} cx=${x(hovered)} cy=${y(values[hovered])} r="3" />
          `)}
        `}
      </svg>
    </div>
  `;
}

/** The least round number that is not below: 1, 2, 4, 5 or 8 times a power of ten. */
export function roundTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 5, 8, 10].find((step) => value <= step * power * 1.0001);
}

/** The same for seconds: 10 s, half a minute, …, then hours by the rule of tens. */
export function roundSpan(value) {
  const top = [10, 20, 40, 60, 120, 240, 600, 1200, 2400, 3600].find((span) => value <= span);
  return top ?? 3600 * roundTop(value / 3600);
}

/** A label needs so many pixels. */
const TICK = 44;

/** Every full minute, or every second or fifth where there are many or little room: [index, time]. */
function timeTicks(at, width) {
  const lengthS = at.at(-1) - at[0];
  const least = lengthS < 400 ? 60 : lengthS < 600 ? 120 : 300;
  const everyS = [60, 120, 300].find((step) => step >= least && (width * step) / lengthS >= TICK) ?? 300;
  const isFirst = (index) => index > 0 && Math.floor(at[index] / everyS) > Math.floor(at[index - 1] / everyS);
  return [...at.entries()].filter(([index]) => isFirst(index) && index > at.length / 20);
}

/** Runs of figures without a gap: [[index, value], …]. */
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null || !found.length) found.push([]);
    found.at(-1).push([index, value]);
  });
  return found;
}

const point = (x, y) => ([index, value]) => `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;

function linePath(values, x, y) {
  // A lone figure would be a line without length: it is drawn as a dash as wide as a step.
  const half = (x(1) - x(0)) / 2 || 1;
  return runs(values)
    .map((run) =>
      run.length > 1
        ? `M${run.map(point(x, y)).join("L")}`
        : `M${(x(run[0][0]) - half).toFixed(1)} ${y(run[0][1]).toFixed(1)}h${(2 * half).toFixed(1)}`)
    .join("");
}

function areaPath(values, x, y) {
  const close = (run) => `L${x(run.at(-1)[0]).toFixed(1)} ${y(0)}L${x(run[0][0]).toFixed(1)} ${y(0)}Z`;
  return runs(values).filter((run) => run.length > 1).map((run) => `M${run.map(point(x, y)).join("L")}${close(run)}`).join("");
}
