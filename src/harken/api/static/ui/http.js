// Talking to this server: addresses relative to where the page came from, the key of this tab, errors with their code.
// Owns how an answer of the API becomes a value or an ApiError, and how server-sent events are read (EventSource can
// send no key). The invariant: nothing is ever asked of another server.

import "./error_words.js";
import { apiKey, canBeKey, language } from "./settings.js";
import { hasWord, t } from "./words.js";

/** Where the server is: "https://host/prefix/". */
export const base = new URL("../../", import.meta.url);

/** The full address of a path such as "v1/models". */
export const address = (path) => new URL(path, base).href;

/** The headers that every request needs; throws an ApiError where the key is none that a header can carry. */
export function keyHeaders() {
  const key = apiKey();
  // The browser would only say that it could not send.
  if (key && !canBeKey(key)) throw new ApiError({ status: 0, code: "bad_key", message: t("key.odd") });
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * What went wrong, as the server says it.
 * `status` is 0 when it was not reached; `code` is stable; `retryAfterS` is null where the server did not say,
 * `isForGood` is true where it said that trying again is no use.
 */
export class ApiError extends Error {
  constructor({ status, code, message, retryAfterS = null, requestId = null, param = null, isForGood = false }) {
    super(message);
    Object.assign(this, { status, code, retryAfterS, requestId, param, isForGood });
  }

  /** Whether no key was sent, or one that opens nothing. */
  get hasNoKey() {
    return this.status === 401 || this.code === "bad_key";
  }

  /** Whether another key may help. */
  get wantsKey() {
    return this.hasNoKey || this.status === 403;
  }
}

/** Send a request; resolves with a good answer, rejects with an ApiError (or AbortError). */
export async function request(path, init = {}) {
  const headers = { ...keyHeaders(), ...init.headers };
  let response;
  try {
    response = await fetch(address(path), { ...init, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, code: "unreachable", message: t("error.network") });
  }
  if (!response.ok) throw errorOf(response, await response.text().catch(() => ""));
  return response;
}

/** The error in an answer; also for answers that were fetched otherwise. */
export function errorOf({ status, headers }, text) {
  let told = {};
  try {
    const body = JSON.parse(text);
    told = typeof body.error === "string" ? { message: body.error, code: body.code } : (body.error ?? {});
  } catch {
    // Not ours: a proxy's page, or nothing.
  }
  const wait = Number.parseFloat(headers.get("retry-after"));
  return new ApiError({
    status,
    code: told.code ?? `http_${status}`,
    message: sentenceOf(told) ?? t("error.odd", { status }),
    retryAfterS: Number.isFinite(wait) ? wait : null,
    requestId: headers.get("x-request-id"),
    param: told.param ?? null,
    isForGood: status === 501 || headers.get("x-should-retry") === "false",
  });
}

/**
 * What the server says, in the page's language. Its sentences are English: where the page is not, the code's sentence
 * stands first, and the server's behind it, which says more. About keys the page knows as much as the server.
 */
export function sentenceOf({ code, message }) {
  if (code === "not_permitted" && apiKey()) return t("key.no_admin");
  if (language() === "en" || !message || !hasWord(`error.${code}`)) return message;
  if (code === "invalid_api_key") return t(apiKey() ? "key.unknown" : "key.needed");
  return t("error.detailed", { sentence: t(`error.${code}`).replace(/。$/, ""), details: message });
}

/** Read server-sent events of an answer: yields {event, data} until it ends. */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replace(/\r\n/g, "\n").split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parseEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue; // a comment that keeps the connection open
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { event, data: data.join("\n") } : null;
}
