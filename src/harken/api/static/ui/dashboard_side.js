// What goes wrong, and what the machine has left: the errors of the last hour by their codes, processors, memory, GPUs.

import { html } from "./vendor/preact.js";
import { ago, bytes, number, roughly } from "./format.js";
import { Bar } from "./marks.js";
import { hasWord, t } from "./words.js";

/** `told`: the document. */
export function Errors({ told: { errors, at } }) {
  return html`
    <section class="panel" aria-labelledby="errors-title">
      <div class="panel-head"><h2 id="errors-title">${t("errors.title")}</h2></div>
      ${errors.length
        ? html`<ul class="errors">${errors.map(({ code, count, last_at }) => html`
            <li key=${code}>
              <span class="code"><code>${code}</code>${hasWord(`error.${code}`) && html`<small class="quiet">${t(`error.${code}`)}</small>`}</span>
              <span class="count"><strong>${number(count)}</strong><small class="quiet">${ago(Math.max(0, at - last_at))}</small></span>
            </li>`)}</ul>`
        : html`<p class="empty quiet">${t("errors.none")}</p>`}
    </section>
  `;
}

const FULL = 0.9;

function Gauge({ name, share, text }) {
  return html`
    <div class="gauge">
      <div><span>${name}</span><span class="quiet">${text}</span></div>
      <${Bar} parts=${[{ share }]} tone=${share >= FULL ? "warn" : ""} />
    </div>
  `;
}

const share = (part, whole) => (part === null || !whole ? null : part / whole);

/** `told`: the document. */
export function Machine({ told: { machine } }) {
  const { cores, cpu_busy: busy, memory_bytes: used, memory_total_bytes: total, gpus } = machine;
  const of = (part, whole) => t("machine.of", { part: bytes(part), whole: bytes(whole) });
  return html`
    <section class="panel" aria-labelledby="machine-title">
      <div class="panel-head"><h2 id="machine-title">${t("machine.title")}</h2></div>
      <div class="gauges">
        <${Gauge} name=${t("machine.cpu")} share=${busy} text=${t("machine.cores", { busy: roughly(busy), n: cores, cores: number(cores) })} />
        <${Gauge} name=${t("machine.memory")} share=${share(used, total)} text=${of(used, total)} />
        ${gpus.map((gpu) => html`
          <div class="gpu" key=${gpu.index}>
            <h3>GPU ${gpu.index} <span class="quiet">${gpu.name}</span></h3>
            <${Gauge} name=${t("machine.busy")} share=${gpu.busy} text=${roughly(gpu.busy)} />
            <${Gauge} name=${t("machine.memory")} share=${share(gpu.memory_bytes, gpu.memory_total_bytes)} text=${of(gpu.memory_bytes, gpu.memory_total_bytes)} />
          </div>`)}
      </div>
    </section>
  `;
}
