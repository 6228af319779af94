// The dashboard: follows the cluster's document and shows it. Owns the connection's state and how old the picture is, and
// says so plainly when it is; the parts below are given the document and know of no connection.

import { html, render, useEffect, useErrorBoundary, useRef, useState } from "./vendor/preact.js";
import { Charts } from "./dashboard_charts.js";
import { Instances } from "./dashboard_instances.js";
import { Requests } from "./dashboard_requests.js";
import { Errors, Machine } from "./dashboard_side.js";
import "./dashboard_words.js";
import { number, seconds, span } from "./format.js";
import { headline } from "./headline.js";
import { follow } from "./live.js";
import { Shape, wordOf } from "./marks.js";
import { Shell, apiKey, askForKey, t, useSettings } from "./shell.js";

/** So long without news, and the picture is called old: several documents are missing then. */
const STALE_S = 3.5;
const TROUBLES = 3;

const now = () => performance.now() / 1000;

function useCluster() {
  const [told, setTold] = useState(null);
  const [state, setState] = useState({ kind: "connecting" });
  const [, tick] = useState(0);
  const heardAt = useRef(now());
  const connection = useRef(null);
  const key = apiKey();
  useEffect(() => {
    connection.current = follow({
      onNews(news) {
        heardAt.current = now();
        setTold(news);
      },
      onState: (next) => setState((last) => (last.kind === next.kind && next.kind === "live" ? last : next)),
    });
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => {
      clearInterval(timer);
      connection.current.stop();
    };
  }, []);
  const seen = useRef(key);
  useEffect(() => {
    if (seen.current !== key) connection.current.retry(); // who looks has changed
    seen.current = key;
  }, [key]);
  const ageS = now() - heardAt.current;
  return { told, state, ageS, isStale: told !== null && ageS > STALE_S, retry: () => connection.current.retry() };
}

function Dashboard() {
  useSettings();
  const cluster = useCluster();
  const { told, state, isStale } = cluster;
  const verdict = told && verdictOf(told);
  useEffect(() => {
    document.title = verdict ? `${verdict.word} · Harken` : "Harken";
  }, [verdict?.word]);
  return html`
    <${Shell} page="dashboard" status=${html`<${Connection} ...${cluster} />`}>
      <p class="hidden-text" role="status">${isStale ? t("live.stale_said") : (verdict?.word ?? "")}</p>
      ${state.kind === "refused" ? html`<${Refused} error=${state.error} />`
        : told ? html`<${Guarded}><${Picture} told=${told} verdict=${verdict} cluster=${cluster} /><//>`
        : html`<${Waiting} ...${cluster} />`}
    <//>
  `;
}

/** A document of another version may lack what this page shows; it then says so instead of standing still. */
function verdictOf(told) {
  try {
    return headline(told);
  } catch (error) {
    console.error(error);
    return null;
  }
}

function Guarded({ children }) {
  const [error] = useErrorBoundary((caught) => console.error(caught));
  return error ? html`<${Reload} why=${t("live.not_understood")} />` : children;
}

const Reload = ({ why }) => html`
  <div class="note warn stale" role="alert"><span>${why}</span>
    <button class="small" onClick=${() => location.reload()}>${t("live.reload")}</button></div>
`;

function Connection({ told, state, ageS, isStale }) {
  const [tone, text] = state.kind === "refused" ? ["off", t("live.refused")]
    : isStale ? ["warn", t("live.stale", { age: span(Math.floor(ageS)) })]
    : told ? ["good", t("live.live")]
    : ["busy", t("live.connecting")];
  return html`<span class=${`connection ${tone}`}><${Shape} tone=${tone} size=${12} />${text}</span>`;
}

function Picture({ told, verdict, cluster }) {
  const version = useRef(told.server.version);
  const isOther = version.current !== told.server.version;
  return html`
    ${isOther && html`<${Reload} why=${t("live.other_version")} />`}
    ${cluster.isStale && html`<${Stale} ...${cluster} />`}
    <div class=${`picture ${cluster.isStale ? "is-stale" : ""}`}>
      <${Headline} told=${told} verdict=${verdict} />
      <${Charts} told=${told} />
      <${Instances} told=${told} />
      <div class="columns">
        <${Requests} told=${told} />
        <div class="side"><${Errors} told=${told} /><${Machine} told=${told} /></div>
      </div>
    </div>
  `;
}

function Headline({ told: { server }, verdict: { tone, word, facts, troubles } }) {
  const about = [
    server.name,
    server.model && `${server.model}${server.revision ? `@${server.revision.slice(0, 10)}` : ""}`,
    `Harken ${server.version}`,
    t("about.uptime", { uptime: span(Math.floor(server.uptime_s)) }),
  ].filter(Boolean);
  if (server.loop_lag_s > 0.1) about.push(t("about.lag", { lag: seconds(server.loop_lag_s) }));
  return html`
    <section class=${`headline is-${tone}`}>
      <div class="headline-row">
        <h1><${Shape} tone=${tone} size=${26} />${word}</h1>
        <ul class="about quiet">${about.map((fact) => html`<li key=${fact}>${fact}</li>`)}</ul>
      </div>
      <ul class="well">${facts.map(({ text, tone: mood }) => html`<li key=${text} class=${mood ?? ""}>${text}</li>`)}</ul>
      ${troubles.length > 0 && html`
        <ul class="troubles">
          ${troubles.slice(0, TROUBLES).map((one) => html`
            <li key=${one.name}><strong>${one.name}</strong> ${wordOf("state", one.state)}${one.detail && html`<span class="quiet"> ${one.detail}</span>`}</li>`)}
          ${troubles.length > TROUBLES && html`<li class="quiet">${t("about.more", { n: troubles.length - TROUBLES, more: number(troubles.length - TROUBLES) })}</li>`}
        </ul>`}
    </section>
  `;
}

function Stale({ state, ageS, retry }) {
  const waitS = state.kind === "lost" ? Math.max(0, Math.ceil(state.retryAt - now())) : 0;
  return html`
    <div class="note warn stale">
      <span>${t("live.stale_why", { age: span(Math.floor(ageS)) })} ${state.error?.message ?? ""}
        ${waitS > 0 ? t("live.retry_in", { wait: span(waitS) }) : t("live.retrying")}</span>
      <button class="small" onClick=${retry}>${t("live.retry")}</button>
    </div>
  `;
}

function Waiting({ state, retry }) {
  const isLost = state.kind === "lost";
  return html`
    <section class="alone">
      <h1>${t(isLost ? "live.unreachable" : "live.connecting")}</h1>
      ${isLost && html`
        <p class="quiet">${state.error?.message ?? ""} ${state.error && html`<code>${state.error.code}</code>`}</p>
        <button class="main" onClick=${retry}>${t("live.retry")}</button>`}
    </section>
  `;
}

function Refused({ error }) {
  return html`
    <section class="alone">
      <h1>${t("refused.title")}</h1>
      <p>${error.message} <code>${error.code}</code></p>
      <p class="quiet">${t("refused.why")}</p>
      <button class="main" onClick=${() => askForKey(apiKey() ? error.message : "")}>${t("change.enter_key")}</button>
    </section>
  `;
}

render(html`<${Dashboard} />`, document.body);
