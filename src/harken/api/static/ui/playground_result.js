// The transcript's panel: how far it is, the text, its figures, and ways to take it along.

import { html, language, t } from "./shell.js";
import { number, place, roughly, seconds, span, speed } from "./format.js";
import { useEffect, useRef, useState } from "./vendor/preact.js";
import { save } from "./playground_save.js";
import { TranscriptView } from "./playground_text.js";
import { languageName } from "./playground_words.js";

const FORMS = ["txt", "srt", "vtt", "json"];
/** What is counted in words, and what in characters. */
const WITHOUT_SPACES = ["Chinese", "Cantonese", "Japanese", "Thai"];

export function Result({ session, media }) {
  const { work } = session;
  return html`
    <section class="panel result" aria-labelledby="text-title" aria-busy=${session.isBusy ? "true" : null}>
      <div class="panel-head">
        <h2 id="text-title">${t("play.text")}</h2>
        <${Phase} work=${work} />
        <span class="grow"></span>
        <${Actions} session=${session} />
      </div>
      <${Bar} session=${session} />
      <${Text} session=${session} media=${media} />
      <${Notes} session=${session} />
      <${Facts} work=${work} />
    </section>
  `;
}

/** Seen always, said only when the phase changes: a screen reader that hears each tenth of a second hears nothing else. */
function Phase({ work }) {
  const isBusy = ["upload", "recognise", "time"].includes(work.phase);
  const now = useNow(isBusy);
  if (work.phase === "idle") return html`<p class="phase quiet"><span role="status"></span></p>`;
  const figure = {
    upload: roughly(work.share),
    recognise: span(Math.max(0.1, (now - work.began) / 1000)),
    time: "",
  }[work.phase];
  return html`
    <p class=${`phase ${work.phase === "failed" ? "bad" : work.phase === "done" ? "good" : "quiet"}`}>
      <span role="status">${phaseName(work)}</span> <span aria-hidden="true">${figure}</span>
    </p>
  `;
}

function phaseName({ phase, heardS, allS, done }) {
  if (phase === "recognise" && heardS && allS) {
    return t("play.phase.recognise.of", { done: place(heardS), all: place(allS) });
  }
  const count = phase === "done" ? counted(done) : "";
  return count ? t("play.phase.done.of", { count }) : t(`play.phase.${phase}`);
}

/** In words, or characters where nothing stands between words; of a mixture neither figure would mean much. */
function counted({ text, languages = [] }) {
  if (languages.length !== 1) return "";
  const isDense = WITHOUT_SPACES.includes(languages[0].name);
  const parts = isDense ? [...text].filter((each) => /[\p{L}\p{N}]/u.test(each)) : text.split(/\s+/).filter(Boolean);
  return t(isDense ? "play.characters" : "play.words", { n: parts.length === 1 ? 1 : number(parts.length) });
}

function useNow(isRunning) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}

function Bar({ session }) {
  const { phase, share, heardS, allS } = session.work;
  const known = { upload: share, recognise: heardS && allS ? Math.min(1, heardS / allS) : null }[phase] ?? null;
  const value = session.isBusy && known !== null ? Math.round(known * 100) : null;
  if (!session.isBusy) return html`<div class="bar"></div>`;
  return html`
    <div class="bar">
      <progress max="100" value=${value} class=${value === null ? "is-open" : ""}
        aria-label=${t(`play.phase.${phase}`)}></progress>
    </div>
  `;
}

function Actions({ session }) {
  const { work, file, isBusy, isOld } = session;
  if (isBusy) return html`<button class="small" onClick=${() => session.cancel()}>${t("play.cancel")}</button>`;
  if (!file) return null;
  const isOver = work.phase === "done" && !isOld;
  return html`
    ${work.phase === "done" && html`<${Downloads} session=${session} />`}
    <button class=${`small ${isOver ? "" : "main"}`} onClick=${() => session.transcribe()}>
      ${t(work.phase === "failed" ? "play.retry" : work.phase === "idle" ? "play.go" : "play.again")}
    </button>
  `;
}

function Downloads({ session }) {
  const [waiting, setWaiting] = useState("");
  const onClick = (form) => async () => {
    setWaiting(form);
    await save(session, form);
    setWaiting("");
  };
  return html`
    <div class="downloads" role="group" aria-label=${t("play.download")}>
      <span class="quiet" aria-hidden="true">${t("play.download")}</span>
      ${FORMS.map((form) => html`
        <button key=${form} class="small" aria-label=${t("play.download.as", { form: form.toUpperCase() })}
          aria-busy=${waiting === form ? "true" : null} disabled=${waiting !== ""} onClick=${onClick(form)}>
          ${form.toUpperCase()}
        </button>
      `)}
    </div>
    <${Copy} label=${t("play.copy.text")} text=${() => session.work.done.text} />
  `;
}

/** A button that copies; it says so in its own place. */
export function Copy({ label, text }) {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [isDone]);
  const onClick = async () => setDone(await copy(text()));
  return html`
    <button class="small copy" aria-label=${label} onClick=${onClick}>${t("play.copy")}</button>
    <span class="hidden-text" role="status">${isDone ? t("play.copied") : ""}</span>
    ${isDone && html`<span class="copied" aria-hidden="true">${t("play.copied")}</span>`}
  `;
}

/** On plain http there is no clipboard; a selection that is copied works everywhere. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden-text";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}

function Text({ session, media }) {
  const root = useRef(null);
  const view = useRef(null);
  const { work } = session;
  useEffect(() => {
    view.current = new TranscriptView(root.current, media.transcript);
    media.show(view.current);
    return () => media.show(null);
  }, []);
  useEffect(() => {
    if (work.timed) view.current.showTimed(work.timed);
    else if (work.done) view.current.showText(work.done.text);
  }, [work.done, work.timed, language()]);
  const isSilent = work.done && !work.done.text;
  const isToCome = work.phase === "idle" || (session.isBusy && work.firstS === null && !work.done);
  const hint = isSilent ? t("play.text.silence") : isToCome ? t("play.text.empty") : "";
  return html`
    ${hint && html`<p class="text-hint quiet">${hint}</p>`}
    <div ref=${root} class=${`text ${session.isOld ? "is-old" : ""}`} role="group" aria-label=${t("play.text.keys")}
      lang=${spokenCode(work)}></div>
  `;
}

function spokenCode({ done }) {
  return done?.languages?.length === 1 ? done.languages[0].code : null;
}

function Notes({ session }) {
  const { error, timesError, downloadError, done } = session.work;
  return html`
    <div class="notes">
      ${error && html`<${Failure} error=${error} />`}
      ${timesError && html`
        <p class="note warn">
          ${t("play.times.failed", { sentence: timesError.message })} <${Code} error=${timesError} />
        </p>
      `}
      ${downloadError && html`
        <p class="note warn" role="alert">
          ${t("play.download.failed", { form: downloadError.format.toUpperCase(), sentence: downloadError.error.message })}
          ${" "}<${Code} error=${downloadError.error} />
        </p>
      `}
      ${(session.work.timed ?? done)?.warnings?.map((each) => html`
        <p key=${`${each.code}${each.start}`} class="note warn">
          <span class="mono">${t("play.warning", { from: place(each.start), to: place(each.end) })}</span> ${each.message}
        </p>
      `)}
    </div>
  `;
}

/** What went wrong, in all that is known of it. */
export function Failure({ error }) {
  return html`
    <div class="note bad failure" role="alert">
      <p>${error.message}</p>
      <p class="quiet">
        <${Code} error=${error} />
        ${error.requestId && html`<span class="mono">${error.requestId}</span>`}
      </p>
      ${error.retryAfterS !== null && html`<p>${t("play.retry.after", { n: error.retryAfterS })}</p>`}
    </div>
  `;
}

const Code = ({ error }) => html`
  <span class="mono code-name">${error.code}</span>
  ${error.status > 0 && html`${" "}<span>${t("play.status", { n: error.status })}</span>`}
`;

function Facts({ work }) {
  const { done, tookS, firstS, facts } = work;
  if (!done) return null;
  const audioS = done.usage?.seconds;
  const rows = [
    ["language", done.languages?.map(({ name }) => languageName(name, language())).join(", ")],
    ["length", audioS === undefined ? "" : seconds(audioS)],
    ["first", firstS === null ? "" : seconds(firstS)],
    ["took", seconds(tookS)],
    ["speed", audioS && tookS ? t("play.fact.speed.value", { speed: speed(audioS / tookS) }) : ""],
    ["instance", facts.instance],
    ["request", facts.request],
  ];
  return html`
    <dl class="facts">
      ${rows.filter(([, value]) => value).map(([name, value]) => html`
        <div key=${name} class=${`fact fact-${name}`}><dt>${t(`play.fact.${name}`)}</dt><dd>${value}</dd></div>
      `)}
    </dl>
  `;
}
