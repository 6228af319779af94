// The newest requests, and the journey of each: its upload, how its segments waited, which targets tried them. The list
// stands still while somebody reads it (a pointer or the focus is in it, a request is open, or it was paused).

import { html, useRef, useState } from "./vendor/preact.js";
import { clock, number, place, seconds, span, speed } from "./format.js";
import { Shape, wordOf } from "./marks.js";
import { address } from "./http.js";
import { t } from "./words.js";

const COLUMNS = ["began", "outcome", "route", "class", "audio", "took", "speed", "segments"];
const NUMBERS = new Set(["audio", "took", "speed", "segments"]);

const SHOWN = 12;

const toneOf = (outcome) =>
  outcome === "done" || outcome === "cached" ? "good" : outcome === "running" ? "busy" : outcome === "cancelled" ? "off" : "bad";

/** `told`: the document. */
export function Requests({ told }) {
  const [open, setOpen] = useState(new Set());
  const [isPaused, setPaused] = useState(false);
  const [isPointed, setPointed] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const kept = useRef([]);
  const isHeld = isPaused || isPointed || isFocused || open.size > 0;
  const newer = hold(kept, told.requests, isHeld);
  const wanted = kept.current.filter((one) => !onlyFailed || toneOf(one.outcome) === "bad" || open.has(one.id));
  const shown = isWhole ? wanted : wanted.filter((one, index) => index < SHOWN || open.has(one.id));
  const toggle = (id) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  return html`
    <section class="panel requests" aria-labelledby="requests-title"
      onPointerEnter=${(event) => event.pointerType === "mouse" && setPointed(true)} onPointerLeave=${() => setPointed(false)}
      onfocusin=${(event) => setFocused(event.target.matches(":focus-visible"))} onfocusout=${() => setFocused(false)}>
      <div class="panel-head">
        <h2 id="requests-title">${t("requests.title")}</h2>
        <span class="quiet">${isHeld ? (newer ? t("requests.newer", { n: newer }) : t("requests.held")) : ""}</span>
        <span class="grow"></span>
        <label class="check"><input type="checkbox" checked=${onlyFailed} onChange=${(event) => setOnlyFailed(event.target.checked)} />${t("requests.failed_only")}</label>
        <button class="small" aria-pressed=${isPaused} onClick=${() => setPaused(!isPaused)}>${t(isPaused ? "requests.go_on" : "requests.pause")}</button>
      </div>
      ${shown.length
        ? html`<div class="scroll">
            <table class="list cards" role="table">
              <caption class="hidden-text">${t("requests.caption")}</caption>
              <thead role="rowgroup"><tr role="row">${COLUMNS.map((name) => html`
                <th scope="col" role="columnheader" class=${`${NUMBERS.has(name) ? "number" : ""} cell-${name}`}>${t(`requests.column.${name}`)}</th>`)}
              </tr></thead>
              <tbody role="rowgroup">${shown.map((one) => html`
                <${Row} key=${one.id} one=${one} at=${told.at} isOpen=${open.has(one.id)} onToggle=${() => toggle(one.id)} />`)}
              </tbody>
            </table>
          </div>`
        : html`<${Nothing} onlyFailed=${onlyFailed && told.requests.length > 0} />`}
      ${wanted.length > SHOWN && html`
        <button class="plain more" aria-expanded=${isWhole} onClick=${() => setWhole(!isWhole)}>
          ${isWhole ? t("requests.fewer") : t("requests.all", { n: wanted.length - shown.length })}
        </button>`}
    </section>
  `;
}

/** Keep the list as it was, with the news of those in it; returns how many newer ones are not shown. */
function hold(kept, newest, isHeld) {
  if (!isHeld) {
    kept.current = newest;
    return 0;
  }
  const known = new Map(newest.map((one) => [one.id, one]));
  kept.current = kept.current.map((one) => known.get(one.id) ?? one);
  const shown = new Set(kept.current.map((one) => one.id));
  return newest.filter((one) => !shown.has(one.id)).length;
}

function Nothing({ onlyFailed }) {
  if (onlyFailed) return html`<p class="empty quiet">${t("requests.none_failed")}</p>`;
  return html`
    <div class="empty">
      <p>${t("requests.none")}</p>
      <p class="quiet"><a href=${address("playground")}>${t("requests.try")}</a></p>
      <pre>curl -F file=@speech.wav ${address("v1/audio/transcriptions")}</pre>
    </div>
  `;
}

/** What the client did wrong is no fault of the cluster's. */
const isClients = ({ status }) => status >= 400 && status < 500;

function Row({ one, at, isOpen, onToggle }) {
  const tone = toneOf(one.outcome) === "bad" && isClients(one) ? "warn" : toneOf(one.outcome);
  const tookS = one.wall_s ?? Math.max(0, at - one.began_at);
  const cell = (name, content) => html`
    <td role="cell" class=${`${NUMBERS.has(name) ? "number" : ""} cell-${name}`} data-label=${t(`requests.column.${name}`)}>${content}</td>`;
  const isOver = one.outcome !== "running";
  return html`
    <tr role="row" class=${`is-${tone} ${isOpen ? "is-open" : ""}`} data-request=${one.id}>
      <th scope="row" role="rowheader" class="cell-began">
        <button class="fold" aria-expanded=${isOpen} onClick=${onToggle}>
          <svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true"><path d="m4 2 4 4-4 4" class="stroke" /></svg>
          ${clock(one.began_at)}<span class="hidden-text"> ${t("requests.journey")}</span>
        </button>
      </th>
      ${cell("outcome", html`<span class="state"><${Shape} tone=${tone} size=${12} />${wordOf("outcome", one.outcome)}</span>`)}
      ${cell("route", html`<span class="route">${wordOf("route", one.route)}</span>`)}
      ${cell("class", wordOf("class", one.class))}
      ${cell("audio", span(one.audio_s))}
      ${cell("took", html`<span class=${isOver ? "" : "quiet"}>${seconds(tookS)}</span>`)}
      ${cell("speed", isOver && one.audio_s && tookS ? speed(one.audio_s / tookS) : "–")}
      ${cell("segments", number(one.segments_in_all))}
    </tr>
    ${isOpen && html`<tr role="row" class="journey-row"><td role="cell" colspan=${COLUMNS.length}><${Journey} one=${one} tookS=${tookS} /></td></tr>`}
  `;
}

function Journey({ one, tookS }) {
  const ends = one.segments.flatMap((segment) => [segment.began_s + segment.took_s, ...segment.tries.map((part) => part.began_s + part.took_s)]);
  const wholeS = Math.max(tookS, one.upload_s ?? 0, ...ends, 0.001);
  const facts = [
    ["id", html`<code>${one.id}</code>`],
    ["status", one.status ?? "–"],
    ["key", one.key ? html`<code>${one.key}</code>` : "–"],
    ["first_text", seconds(one.first_text_s)],
  ];
  const untold = one.segments_in_all - one.segments.length;
  return html`
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${t(`journey.${name}`)}</dt><dd>${value}</dd></div>`)}</dl>
    <ol class="journey">
      <${Lane} label=${t("journey.upload")} bars=${[{ kind: "upload", from: 0, length: one.upload_s ?? 0 }]} wholeS=${wholeS} text=${seconds(one.upload_s)} />
      ${one.segments.map((segment) => html`<${Segment} key=${segment.index} segment=${segment} wholeS=${wholeS} />`)}
      <li class="lane axis" aria-hidden="true"><span></span><span></span><span class="track">${[0, 0.25, 0.5, 0.75, 1].map((share) => html`
        <span style=${{ left: `${share * 100}%` }}>${seconds(wholeS * share)}</span>`)}</span><span></span></li>
    </ol>
    ${untold > 0 && html`<p class="quiet">${t(one.outcome === "running" ? "journey.to_come" : "journey.untold", { n: untold })}</p>`}
  `;
}

function Segment({ segment, wholeS }) {
  const label = html`${t("journey.segment", { number: segment.index + 1 })}
    <small class="quiet">${place(segment.start_s)}–${place(segment.start_s + segment.audio_s)}</small>`;
  const wait = { kind: "queue", from: segment.began_s, length: segment.queue_s ?? 0 };
  const waited = segment.queue_s >= 0.005 ? t("journey.waited", { wait: seconds(segment.queue_s) }) : "";
  if (!segment.tries.length) {
    const bars = [wait, { kind: toneOf(segment.outcome), from: segment.began_s, length: segment.took_s }];
    const text = [waited, wordOf("outcome", segment.outcome)].filter(Boolean).join(t("journey.join"));
    return html`<${Lane} label=${label} bars=${bars} wholeS=${wholeS} text=${text} />`;
  }
  return segment.tries.map((part, index) => {
    const bars = [...(index ? [] : [wait]), { kind: toneOf(part.outcome), from: part.began_s, length: part.took_s }];
    const told = [index ? "" : waited, seconds(part.took_s)];
    if (part.outcome !== "done") told.push(wordOf("outcome", part.outcome));
    const isElsewhere = index > 0 && part.outcome === "done";
    if (isElsewhere) told.push(t("journey.elsewhere"));
    return html`<${Lane} key=${index} label=${index ? "" : label} target=${part.target} bars=${bars} wholeS=${wholeS}
      text=${told.filter(Boolean).join(t("journey.join"))} tone=${toneOf(part.outcome)} />`;
  });
}

const Lane = ({ label, target = "", bars, wholeS, text, tone = "" }) => html`
  <li class="lane">
    <span class="lane-label">${label}</span>
    <span class="lane-target">${target}</span>
    <span class="track" aria-hidden="true">${bars.filter(({ length }) => length > 0).map(({ kind, from, length }) => html`
      <i class=${kind} style=${{ left: `${(100 * from) / wholeS}%`, width: `max(3px, ${(100 * length) / wholeS}%)` }}></i>`)}</span>
    <span class=${`lane-text ${tone === "bad" ? "bad" : ""}`}>${text}</span>
  </li>
`;
