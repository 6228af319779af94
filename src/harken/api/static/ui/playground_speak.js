// Somebody speaks: the panel with the microphone, and the text that grows in the place of a transcript. What is final
// stands in the colour of text, what is only supposed is grey, in italics, and changes.

import { html, language, t } from "./shell.js";
import { sentenceOf } from "./http.js";
import { number, place, seconds, span } from "./format.js";
import { useEffect, useMemo, useRef } from "./vendor/preact.js";
import { exactPlace } from "./playground_figures.js";
import { Meter } from "./playground_meter.js";
import { Copy, Failure } from "./playground_result.js";
import { saveText } from "./playground_save.js";
import { languageName } from "./playground_words.js";

/** The panel while the microphone is on. `live`: what is known; see playground_live.js. */
export function Speaking({ live }) {
  const canvas = useRef(null);
  const button = useRef(null);
  useEffect(() => {
    const meter = new Meter(canvas.current);
    live.listen((level) => meter.add(level));
    return () => live.listen(() => {});
  }, []);
  const canFinish = ["connecting", "on", "broken"].includes(live.phase);
  useEffect(() => {
    if (canFinish) button.current?.focus({ preventScroll: true }); // what was pressed is not there any more
  }, [canFinish]);
  const isOn = live.phase === "on";
  return html`
    <div class="recording speaking-panel">
      <p class=${`recording-head ${live.phase === "broken" ? "warn-text" : ""}`} role="status">
        <span class=${`dot ${isOn ? "is-on" : ""}`} aria-hidden="true"></span>${t(`play.live.phase.${live.phase}`)}
      </p>
      <canvas ref=${canvas} class="wave" role="img" aria-label=${t("play.record.level")}></canvas>
      <div class="player-row">
        <span class="mono time" role="timer">${exactPlace(live.seconds)}</span>
        <span class="grow quiet" role="status">${live.isQuiet && isOn ? t("play.record.quiet") : ""}</span>
        <button onClick=${() => live.leave()}>${t("play.record.discard")}</button>
        <button ref=${button} class="main" disabled=${!canFinish} onClick=${() => live.finish()}>${t("play.live.finish")}</button>
      </div>
    </div>
  `;
}

/** The text of who speaks, or spoke. */
export function LiveText({ live }) {
  const end = useRef(null);
  const title = useRef(null);
  // The page is drawn anew with each packet of sound; an hour of text is not.
  const turns = useMemo(() => live.turns
    .filter(({ text, tentative, error }) => text || tentative || error)
    .map((one) => html`<${Turn} key=${one.turn} one=${one} />`), [live.turns, language()]);
  useEffect(() => {
    if (live.isOn && isNearTheEnd()) end.current.scrollIntoView({ block: "nearest" });
  }, [live.turns]);
  useEffect(() => {
    // *Finish* is gone, and the focus with it, unless somebody has moved on.
    if (!live.isOn && document.activeElement === document.body) title.current.focus({ preventScroll: true });
  }, [live.isOn]);
  const { phase, error } = live;
  return html`
    <section class="panel result" aria-labelledby="text-title" aria-busy=${live.isOn ? "true" : null}>
      <div class="panel-head">
        <h2 id="text-title" ref=${title} tabindex="-1">${t("play.text")}</h2>
        <p class=${`phase ${phase === "failed" ? "bad" : phase === "done" ? "good" : "quiet"}`}>
          <span role="status">${t(`play.live.phase.${phase}`)}</span>
        </p>
        <span class="grow"></span>
        ${!live.isOn && live.text && html`
          <button class="small" aria-label=${t("play.download.as", { form: "TXT" })} onClick=${() => saveText(live.text)}>TXT</button>
          <${Copy} label=${t("play.copy.text")} text=${() => live.text} />`}
      </div>
      <div class="bar"></div>
      ${!turns.length && !error && html`
        <p class="text-hint quiet">${t(phase === "done" ? "play.text.silence" : "play.live.empty")}</p>`}
      <div class="text live-text" role="group" aria-label=${t("play.live.text")}>
        ${turns}
      </div>
      <div ref=${end}></div>
      <div class="notes">
        ${error && html`<${Failure} error=${error} />`}
        ${live.lostS > 0 && html`
          <p class="note warn" role="alert">${t("play.live.lost", { length: span(Math.ceil(live.lostS)) })}</p>`}
        ${live.turns.flatMap(({ warnings }) => warnings ?? []).map((each) => html`
          <p key=${`${each.code}${each.start_s}`} class="note warn">
            <span class="mono">${t("play.warning", { from: place(each.start_s), to: place(each.end_s) })}</span> ${each.message}
          </p>`)}
      </div>
      <${Facts} live=${live} />
    </section>
  `;
}

function Turn({ one: { startS, text, tentative, error } }) {
  return html`
    <p class="say">
      <span class="say-time mono">${place(startS)}</span>
      <span class="say-text">${text}${tentative && html`<span class="tentative">${tentative}</span>`}
        ${error && html`<span class="bad"> ${t("play.live.turn_failed")} ${sentenceOf(error)} <span class="mono">${error.code}</span></span>`}</span>
    </p>
  `;
}

function Facts({ live }) {
  if (live.isOn || !live.text) return null;
  const languages = [...new Set(live.turns.map((one) => one.language).filter(Boolean))];
  const rows = [
    ["play.fact.language", languages.map((name) => languageName(name, language())).join(", ")],
    ["play.fact.length", seconds(live.seconds)],
    ["play.live.turns", number(live.turns.length)],
  ];
  return html`
    <dl class="facts">
      ${rows.filter(([, value]) => value).map(([key, value]) => html`<div key=${key} class="fact"><dt>${t(key)}</dt><dd>${value}</dd></div>`)}
    </dl>
  `;
}

/** Who has scrolled up reads; nothing moves beneath him. */
function isNearTheEnd() {
  const root = document.documentElement;
  return root.scrollHeight - root.scrollTop - window.innerHeight < 400;
}
