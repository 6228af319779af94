// The instances: one line each, worst first until somebody sorts, and what an operator may do about them. Many are shown
// as a map first. Whether a change is allowed is the server's answer, never this page's.

import { html, useState } from "./vendor/preact.js";
import { apiKey } from "./settings.js";
import { ago, bytes, number, percent, speed } from "./format.js";
import { AT_WORK, toneOf } from "./headline.js";
import { Bar, Shape, wordOf } from "./marks.js";
import { Changing, useChanges } from "./dashboard_changes.js";
import { askForKey } from "./shell.js";
import { t } from "./words.js";

const MANY = 16;
const SHOWN = 12;
const RANK = { bad: 0, warn: 1, busy: 2, off: 3, good: 4 };

const loadOf = (one) => (one.limit ? one.in_flight / one.limit : 0);
const COLUMNS = [
  { name: "name", of: (one) => one.name },
  { name: "state", of: (one) => RANK[toneOf(one)] },
  { name: "load", of: loadOf },
  { name: "rtfx", of: (one) => one.rtfx, isNumber: true },
  { name: "success", of: (one) => one.success, isNumber: true },
  { name: "segments", of: (one) => one.segments, isNumber: true },
  { name: "memory", of: (one) => one.memory_bytes, isNumber: true },
  { name: "gpu", of: (one) => one.gpu_memory_bytes, isNumber: true },
  { name: "last", of: (one) => one.last_success_s, isNumber: true },
  { name: "restarts", of: (one) => one.restarts, isNumber: true },
];

/** `told`: the document. */
export function Instances({ told: { server, instances } }) {
  const [sorting, setSorting] = useState({ name: null, isDown: false });
  const [isWhole, setWhole] = useState(false);
  const changes = useChanges();
  const mayChange = server.can_change && Boolean(apiKey());
  const hasGpu = instances.some((one) => one.gpu_memory_bytes !== null);
  const columns = COLUMNS.filter(({ name }) => name !== "gpu" || hasGpu);
  const sorted = sort(instances, sorting);
  const shown = isWhole || instances.length <= MANY ? sorted : sorted.slice(0, SHOWN);
  return html`
    <section class="panel instances" aria-labelledby="instances-title">
      <div class="panel-head">
        <h2 id="instances-title">${t(server.kind === "gateway" ? "instances.title" : "instances.one")}</h2>
        <${Counts} instances=${instances} />
        <span class="grow"></span>
        ${server.can_change && (mayChange
          ? html`<button aria-disabled=${changes.isBusy} onClick=${() => changes.ask({ kind: "scale", count: instances.length })}>${t("change.scale")}</button>`
          : html`<span class="quiet">${t("change.needs_key")}</span>
              <button onClick=${() => askForKey()}>${t("change.enter_key")}</button>`)}
      </div>
      <${Changing} changes=${changes} told=${server.change} />
      ${instances.length > MANY && html`<${FleetMap} instances=${instances} />`}
      ${instances.length
        ? html`<div class="scroll">
            <table class="cards" role="table">
              <caption class="hidden-text">${t("instances.caption")}</caption>
              <thead role="rowgroup"><tr role="row">
                ${columns.map((column) => html`<${Heading} key=${column.name} column=${column} sorting=${sorting} onSort=${setSorting} />`)}
                ${mayChange && html`<th scope="col" role="columnheader"><span class="hidden-text">${t("instances.actions")}</span></th>`}
              </tr></thead>
              <tbody role="rowgroup">${shown.map((one) => html`
                <${Line} key=${one.name} one=${one} hasGpu=${hasGpu} changes=${mayChange ? changes : null} />`)}
              </tbody>
            </table>
          </div>`
        : html`<p class="empty quiet">${t(server.is_ready ? "instances.asleep" : "instances.none")}</p>`}
      ${instances.length > MANY && html`
        <button class="plain more" aria-expanded=${isWhole} onClick=${() => setWhole(!isWhole)}>
          ${isWhole ? t("instances.fewer") : t("instances.all", { n: instances.length })}
        </button>`}
    </section>
  `;
}

function sort(instances, { name, isDown }) {
  const byName = (one, other) => one.name.localeCompare(other.name, "en", { numeric: true });
  const of = COLUMNS.find((column) => column.name === (name ?? "state")).of;
  const sign = isDown ? -1 : 1;
  return [...instances].sort((one, other) => {
    const [mine, theirs] = [of(one), of(other)];
    if (typeof mine === "string") return sign * byName(one, other);
    if (mine === null || theirs === null) return (mine === null) - (theirs === null) || byName(one, other);
    return sign * (mine - theirs) || byName(one, other);
  });
}

function Heading({ column: { name, isNumber }, sorting, onSort }) {
  const isMine = sorting.name === name;
  // Figures are looked at from the largest down, names from A.
  const next = isMine ? !sorting.isDown : Boolean(isNumber) || name === "load";
  return html`
    <th scope="col" role="columnheader" class=${isNumber ? "number" : ""} aria-sort=${isMine ? (sorting.isDown ? "descending" : "ascending") : null}>
      <button class="sort" onClick=${() => onSort({ name, isDown: next })}>
        ${t(`instances.column.${name}`)}<span aria-hidden="true">${isMine ? (sorting.isDown ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  `;
}

function Line({ one, hasGpu, changes }) {
  const tone = toneOf(one);
  const cell = (name, isNumber, content) => html`
    <td role="cell" class=${`${isNumber ? "number" : ""} cell-${name}`} data-label=${t(`instances.column.${name}`)}>${content}</td>`;
  const place = [one.device, one.pid && `pid ${one.pid}`].filter(Boolean).join(" · ");
  return html`
    <tr role="row" class=${`is-${tone}`}>
      <th scope="row" role="rowheader" title=${one.url}>${one.name}<small>${place}</small></th>
      ${cell("state", false, html`
        <span class="state"><${Shape} tone=${tone} />${wordOf("state", one.state)}${one.ejected && html` <small>(${wordOf("ejected", one.ejected)})</small>`}</span>
        ${one.detail && html`<small class="detail">${one.detail}</small>`}`)}
      ${cell("load", false, html`
        <span class="load" title=${t("instances.slots", { slots: one.slots })}>
          <${Bar} parts=${[{ share: loadOf(one) }]} /><span>${one.limit || one.in_flight ? `${number(one.in_flight)} / ${number(one.limit)}` : "–"}</span>
        </span>`)}
      ${cell("rtfx", true, speed(one.rtfx))}
      ${cell("success", true, html`<span class=${one.success !== null && one.success < 0.99 ? "bad" : ""}>${percent(one.success)}</span>`)}
      ${cell("segments", true, number(one.segments))}
      ${cell("memory", true, bytes(one.memory_bytes))}
      ${hasGpu && cell("gpu", true, bytes(one.gpu_memory_bytes))}
      ${cell("last", true, one.last_success_s === null ? t("instances.never") : ago(one.last_success_s))}
      ${cell("restarts", true, html`<span class=${one.restarts ? "warn" : ""}>${number(one.restarts)}</span>`)}
      ${changes && html`
        <td role="cell" class="actions">
          ${["drain", "restart"].map((kind) => html`
            <button class="small" aria-disabled=${changes.isBusy} aria-label=${t(`change.${kind}_one`, { name: one.name })}
              onClick=${() => changes.ask({ kind, name: one.name })}>${t(`change.${kind}`)}</button>`)}
        </td>`}
    </tr>
  `;
}

/** How many are in which state: "3 ready, 1 starting". */
function Counts({ instances }) {
  const counts = new Map();
  for (const { state, ...rest } of instances) {
    const entry = counts.get(state) ?? { count: 0, tone: "good" };
    const tone = toneOf({ state, ...rest });
    counts.set(state, { count: entry.count + 1, tone: RANK[tone] < RANK[entry.tone] ? tone : entry.tone });
  }
  const states = [...counts].sort(([, one], [, other]) => other.count - one.count);
  return html`<ul class="counts">${states.map(([state, { count, tone }]) => html`
    <li key=${state}><${Shape} tone=${tone} size=${12} /> ${number(count)} ${wordOf("state", state)}</li>`)}</ul>`;
}

/** A cell for each, as full as it is loaded. */
function FleetMap({ instances }) {
  const atWork = instances.filter((one) => AT_WORK.has(one.state));
  const load = atWork.reduce((sum, one) => sum + loadOf(one), 0) / (atWork.length || 1);
  return html`
    <p class="map-note quiet" aria-hidden="true">${t("instances.map_note")}</p>
    <div class="map" role="img" aria-label=${t("instances.map", { n: instances.length, load: percent(load) })}>
      ${sort(instances, { name: "name" }).map((one) => html`
        <span key=${one.name} class=${`is-${toneOf(one)}`} title=${`${one.name}: ${wordOf("state", one.state)}, ${one.in_flight} / ${one.limit}`}>
          <i style=${{ height: `${100 * Math.min(1, loadOf(one))}%` }}></i>
        </span>`)}
    </div>
  `;
}
