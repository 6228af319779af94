// Is it well? One word, a tone and the facts behind it, from the document alone: pure. The word is the server's own,
// except where it would mislead: a server that is ready while a twentieth of its requests fail is not called healthy.

import { number, roughly, seconds, speed } from "./format.js";
import { t } from "./words.js";

const FAILING = 0.95;
const QUEUE_FULL_SOON = 0.8;
const WORDS = {
  healthy: ["good", "healthy"],
  degraded: ["warn", "degraded"],
  starting: ["busy", "starting"],
  draining: ["busy", "draining"],
  unhealthy: ["bad", "unhealthy"],
};

/** States in which an instance does its work. */
export const AT_WORK = new Set(["ready", "full"]);

/** States in which an operator or the fleet wants it so. */
const WANTED = new Set(["draining", "drained", "gone", "stopping", "stopped", "asleep"]);

/** States on the way to work; "waiting" is for its process to be started again. */
const COMING = new Set(["waiting", "starting", "warming", "on_trial"]);

/** "good", "busy", "warn" or "bad": how an instance's state is shown. */
export function toneOf({ state, success }) {
  if (AT_WORK.has(state)) return success !== null && success < FAILING ? "warn" : "good";
  if (COMING.has(state)) return "busy";
  return WANTED.has(state) ? "off" : state === "suspect" || state === "resting" ? "warn" : "bad";
}

/** {tone, word, key, facts: [{text, tone}], troubles: [instance]} of a document. */
export function headline(told) {
  const [tone, key] = verdict(told);
  // While all of it starts, a line for each instance would only say so again.
  const wrong = troubles(told).filter((one) => key !== "starting" || one.detail);
  return { tone, key, word: t(`well.${key}`), facts: facts(told), troubles: wrong };
}

function verdict({ server, instances, now }) {
  const isAsleep = server.status === "asleep" || (server.is_ready && !instances.some((one) => AT_WORK.has(one.state)));
  if (isAsleep && server.kind === "gateway" && server.is_ready) return ["off", "asleep"];
  const [tone, key] = WORDS[server.status] ?? (server.is_ready ? WORDS.healthy : WORDS.unhealthy);
  if (tone === "good" && now.success !== null && now.success < FAILING && now.requests > 0) return ["warn", "failing"];
  return [tone, key];
}

function facts({ server, instances, now, queue }) {
  const told = [];
  if (server.kind === "gateway") {
    const ready = instances.filter((one) => AT_WORK.has(one.state)).length;
    told.push({ text: t("fact.instances", { ready: number(ready), n: instances.length, all: number(instances.length) }) });
  }
  if (now.requests) {
    told.push({ text: t("fact.speed", { speed: speed(now.rtfx) }) });
    if (now.p95_s !== null) told.push({ text: t("fact.p95", { p95: seconds(now.p95_s) }) });
    const failed = { n: now.failed, failed: number(now.failed), all: number(now.requests) };
    told.push(now.failed ? { text: t("fact.failed", failed), tone: "bad" } : { text: t("fact.nothing_fails") });
  } else {
    told.push({ text: t(now.in_progress ? "fact.nothing_ended" : "fact.idle") });
  }
  const filled = queue.limit_audio_s ? queue.audio_s / queue.limit_audio_s : 0;
  if (filled >= QUEUE_FULL_SOON) told.push({ text: t("fact.queue", { filled: roughly(filled) }), tone: "warn" });
  return told;
}

function troubles({ server, instances }) {
  if (server.kind !== "gateway") return instances.filter((one) => one.detail);
  const wrong = instances.filter((one) => toneOf(one) !== "good" && !WANTED.has(one.state));
  const rank = { bad: 0, warn: 1, busy: 2 };
  return wrong.sort((one, other) => rank[toneOf(one)] - rank[toneOf(other)]);
}
