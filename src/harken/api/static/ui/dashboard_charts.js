// The last quarter of an hour in charts, each below the figure of this minute: latency, speed, requests, queue, and who
// speaks where live transcription is offered. One pointer reads all of them at the same moment; whoever sees no charts finds the figures in a table below.

import { html, useState } from "./vendor/preact.js";
import { Chart, roundSpan } from "./chart.js";
import { clock, number, seconds, span, speed } from "./format.js";
import { Bar, wordOf } from "./marks.js";
import { t } from "./words.js";

/** A chart is never narrower than five minutes, in steps of five seconds. */
const STEPS = 60;

/** `told`: the document. */
export function Charts({ told }) {
  const [hovered, setHovered] = useState(null);
  const series = overSteps(told.series);
  const shared = { series, told, hovered, onHover: setHovered };
  const isLive = Boolean(told.live);
  return html`
    <section class=${`charts ${isLive ? "has-live" : ""}`} aria-label=${t("charts.title")}>
      <${Latency} ...${shared} /><${Speed} ...${shared} /><${Requests} ...${shared} /><${Queue} ...${shared} />
      ${isLive && html`<${Live} ...${shared} />`}
    </section>
    <${FigureTable} series=${series} isLive=${isLive} />
  `;
}

/**
 * The steps that are over (the last one is not), with what is computed of them. A server that began a minute ago has
 * told little: the time before it is a gap, so that a minute does not look like an hour.
 */
function overSteps(series) {
  const told = Math.max(0, series.at.length - 1);
  const missing = Math.max(0, STEPS - told);
  const first = series.at[0] ?? Date.now() / 1000;
  const early = Array.from({ length: missing }, (_, step) => first - (missing - step) * series.step_s);
  const cut = (values) => [...Array(missing).fill(null), ...values.slice(0, told)];
  const each = (values) => cut(values).map((value) => (value === null ? null : value / series.step_s));
  return {
    at: [...early, ...series.at.slice(0, told)],
    p50: cut(series.p50_s), p95: cut(series.p95_s), p99: cut(series.p99_s),
    rtfx: each(series.audio_s), requests: each(series.requests), failed: cut(series.failed), failing: each(series.failed),
    queued: cut(series.queued_audio_s), speaking: cut(series.speaking ?? []), finals: cut(series.final_p95_s ?? []),
  };
}

function Card({ title, value, unit, keys, chart, children, series, hovered }) {
  const when = hovered === null || hovered >= series.at.length ? "" : clock(series.at[hovered]);
  return html`
    <div class="panel card">
      <div class="card-head"><h2>${title}</h2><span class="quiet when">${when}</span></div>
      <p class="figure"><strong>${value}</strong> <span class="quiet">${unit}</span></p>
      ${chart}
      ${children}
      <ul class="keys">
        ${keys.map(({ name, text, value: figure }) => html`
          <li>${name && html`<i class=${`swatch ${name}`}></i>`}<span class="quiet">${text}</span> ${figure}</li>
        `)}
      </ul>
    </div>
  `;
}

const pick = (values, hovered, otherwise) => (hovered === null || hovered >= values.length ? otherwise : values[hovered]);

function described(key, values, write) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return t("charts.none", { what: t(key) });
  const range = { least: write(Math.min(...known)), most: write(Math.max(...known)), last: write(known.at(-1)) };
  return t("charts.described", { what: t(key), ...range });
}

function Latency({ series, told: { now }, hovered, onHover }) {
  const lines = ["p50", "p95", "p99"].map((name) => ({ name, values: series[name] }));
  const keys = ["p50", "p95", "p99"].map((name) => ({
    name, text: name, value: seconds(pick(series[name], hovered, now[`${name}_s`])),
  }));
  const short = (value) => number(value, value === 0 ? 0 : value < 0.1 && (value * 100) % 1 ? 3 : value < 1 ? 2 : value < 10 ? 1 : 0);
  const chart = html`<${Chart} at=${series.at} lines=${lines} least=${0.02} write=${short} hovered=${hovered} onHover=${onHover}
    label=${described("charts.latency", series.p95, seconds)} />`;
  return html`<${Card} title=${t("charts.latency")} value=${seconds(now.p95_s)} unit=${t("charts.p95")} keys=${keys}
    chart=${chart} series=${series} hovered=${hovered} />`;
}

function Speed({ series, told: { now, instances }, hovered, onHover }) {
  const least = Math.min(...instances.map((one) => one.rtfx).filter((rtfx) => rtfx !== null));
  const keys = [{ name: "rtfx", text: t("charts.audio_per_s"), value: number(pick(series.rtfx, hovered, now.rtfx), 1) }];
  if (instances.length > 1 && Number.isFinite(least)) keys.push({ text: t("charts.slowest"), value: speed(least) });
  const chart = html`<${Chart} at=${series.at} lines=${[{ name: "rtfx", values: series.rtfx, area: true }]} least=${1}
    write=${(value) => number(value, value && value < 2 ? 1 : 0)} hovered=${hovered} onHover=${onHover}
    label=${described("charts.speed", series.rtfx, speed)} />`;
  return html`<${Card} title=${t("charts.speed")} value=${speed(now.rtfx)} unit=${t("charts.real_time")} keys=${keys}
    chart=${chart} series=${series} hovered=${hovered} />`;
}

function Requests({ series, told: { now }, hovered, onHover }) {
  const failed = series.failing.map((rate) => rate || null); // no line where nothing fails
  const lines = [{ name: "rate", values: series.requests, area: true }, { name: "failed", values: failed }];
  const keys = [
    { name: "rate", text: t("charts.per_s"), value: number(pick(series.requests, hovered, now.requests_per_s), 1) },
    { name: "failed", text: t("charts.failed"), value: number(pick(series.failed, hovered, now.failed)) },
    { text: t("charts.in_progress"), value: number(now.in_progress) },
  ];
  const chart = html`<${Chart} at=${series.at} lines=${lines} least=${1} hovered=${hovered} onHover=${onHover}
    write=${(value) => number(value, value && value < 2 ? 1 : 0)} label=${described("charts.requests", series.requests, (value) => number(value, 1))} />`;
  return html`<${Card} title=${t("charts.requests")} value=${number(now.requests_per_s, now.requests_per_s && now.requests_per_s < 100 ? 1 : 0)}
    unit=${t("charts.a_second")} keys=${keys} chart=${chart} series=${series} hovered=${hovered} />`;
}

function Queue({ series, told: { queue }, hovered, onHover }) {
  const limit = queue.limit_audio_s;
  const parts = queue.classes.map((one) => ({ name: `class-${one.class}`, share: limit ? one.audio_s / limit : 0 }));
  const keys = queue.classes.map((one) => ({
    name: `class-${one.class}`, text: wordOf("class", one.class), value: span(one.audio_s),
  }));
  if (queue.segments) keys.push({ text: t("charts.oldest"), value: seconds(queue.oldest_wait_s) });
  const chart = html`<${Chart} at=${series.at} lines=${[{ name: "queued", values: series.queued, area: true }]} least=${10}
    round=${roundSpan} write=${short} hovered=${hovered} onHover=${onHover} label=${described("charts.queue", series.queued, span)} />`;
  return html`<${Card} title=${t("charts.queue")} value=${span(pick(series.queued, hovered, queue.audio_s))}
    unit=${t("charts.of_limit", { limit: span(limit) })} keys=${keys} chart=${chart} series=${series} hovered=${hovered}>
    <${Bar} parts=${parts} tone="queue" />
  <//>`;
}

/** How many speak, and how late their text is: from the end of what somebody said to its final text. */
function Live({ series, told: { live }, hovered, onHover }) {
  const late = seconds(pick(series.finals, hovered, live.final_p95_s));
  const keys = [
    { text: t("charts.live_late"), value: late },
    { text: t("charts.live_open"), value: t("charts.live_of", { open: number(live.sessions), limit: number(live.limit) }) },
  ];
  if (live.away) keys.push({ text: t("charts.live_away"), value: number(live.away) });
  if (live.refused) keys.push({ text: t("charts.live_refused"), value: number(live.refused) });
  const chart = html`<${Chart} at=${series.at} lines=${[{ name: "speaking", values: series.speaking, area: true }]} least=${2}
    write=${(value) => number(value)} hovered=${hovered} onHover=${onHover} label=${described("charts.live", series.speaking, number)} />`;
  return html`<${Card} title=${t("charts.live")} value=${number(pick(series.speaking, hovered, live.speaking))}
    unit=${t("charts.live_speak", { n: pick(series.speaking, hovered, live.speaking) })} keys=${keys}
    chart=${chart} series=${series} hovered=${hovered} />`;
}

/** An axis has room for one unit. */
function short(value) {
  if (value < 100) return t("unit.s", { value: number(value) });
  return value < 6000
    ? t("unit.min", { value: number(value / 60, value % 60 ? 1 : 0) })
    : t("unit.h", { value: number(value / 3600, value % 3600 ? 1 : 0) });
}

/** The figures of the charts, a row a minute. */
function FigureTable({ series, isLive }) {
  const [isOpen, setOpen] = useState(false);
  const columns = ["time", "p50", "p95", "p99", "speed", "requests", "queue", ...(isLive ? ["speaking", "late"] : [])];
  const rows = [...series.at.keys()].reverse().filter((index, place) => place % 12 === 0 && series.rtfx[index] !== null);
  return html`
    <details class="figures" onToggle=${(event) => setOpen(event.target.open)}>
      <summary>${t("charts.table")}</summary>
      ${isOpen && html`
        <div class="panel scroll" tabindex="0" role="region" aria-label=${t("charts.table")}>
          <table>
            <caption class="hidden-text">${t("charts.caption")}</caption>
            <thead><tr>${columns.map((name, place) => html`
              <th scope="col" class=${place ? "number" : ""}>${t(`charts.column.${name}`)}</th>`)}</tr></thead>
            <tbody>${rows.map((index) => html`
              <tr key=${series.at[index]}>
                <th scope="row">${clock(series.at[index])}</th>
                ${[series.p50, series.p95, series.p99].map((values) => html`<td class="number">${seconds(values[index])}</td>`)}
                <td class="number">${speed(series.rtfx[index])}</td>
                <td class="number">${number(series.requests[index], 1)}</td>
                <td class="number">${span(series.queued[index])}</td>
                ${isLive && html`
                  <td class="number">${number(series.speaking[index])}</td><td class="number">${seconds(series.finals[index])}</td>`}
              </tr>`)}
            </tbody>
          </table>
        </div>
      `}
    </details>
  `;
}
