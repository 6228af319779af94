// One request to /v1/audio/transcriptions, and how it goes on. XMLHttpRequest and not fetch, because only it says how much
// of an upload is gone; it gives the answer while it comes as well. Whatever goes wrong is one ApiError; `unreachable`
// and `broken_off` are its codes where the server said nothing. Knows nothing of the page.

import { ApiError, address, errorOf, sentenceOf } from "./http.js";
import { eventReader } from "./playground_events.js";
import { t } from "./words.js";

/**
 * Sends a recording.
 * @param {FormData} form complete
 * @param {object} how
 * @param {Record<string, string>} how.headers the key's, or none
 * @param {AbortSignal} how.signal ends it
 * @param {(share: number) => void} [how.onUpload] 0 to 1
 * @param {(text: string) => void} [how.onDelta] the next part of the text, of a stream
 * @param {(done: number, all: number | null) => void} [how.onProgress] seconds of audio, of a stream, now and then
 * @returns {Promise<{body: string, done: object | null, header: (name: string) => string}>} `done`: a stream's last event
 * @throws {ApiError}
 * @throws {DOMException} `AbortError`: the signal ended it
 */
export function send(form, { headers, signal, onUpload, onDelta, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stream = watchStream(onDelta, onProgress);
    let read = 0;
    const readOn = () => {
      if (request.status !== 200 || !isStream(request)) return;
      stream.read(request.responseText.slice(read));
      read = request.responseText.length;
    };
    const abort = () => request.abort();
    const over = (end) => () => {
      signal.removeEventListener("abort", abort);
      end();
    };
    request.upload.onprogress = (event) => onUpload?.(event.total ? event.loaded / event.total : 1);
    request.upload.onload = () => onUpload?.(1);
    request.onprogress = readOn;
    request.onload = over(() => {
      readOn();
      settle(request, stream, resolve, reject);
    });
    request.onerror = over(() => reject(ours(read ? "broken_off" : "unreachable")));
    request.onabort = over(() => reject(new DOMException("cancelled", "AbortError")));
    if (signal.aborted) return request.onabort();
    signal.addEventListener("abort", abort);
    request.open("POST", address("v1/audio/transcriptions"));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    return request.send(form);
  });
}

function isStream(request) {
  return (request.getResponseHeader("Content-Type") ?? "").startsWith("text/event-stream");
}

function watchStream(onDelta, onProgress) {
  const seen = { done: null, error: null };
  const onData = (data) => {
    const event = readJson(data) ?? {};
    if (event.type === "transcript.text.delta") onDelta?.(event.delta);
    if (event.type === "transcript.text.done") seen.done = event;
    if (event.type === "error") seen.error = event.error;
  };
  const onComment = (comment) => {
    const [, done, all] = /^([\d.]+)(?: of ([\d.]+))? s$/.exec(comment) ?? [];
    if (done !== undefined) onProgress?.(Number(done), all === undefined ? null : Number(all));
  };
  return { seen, read: eventReader(onData, onComment) };
}

function settle(request, stream, resolve, reject) {
  const header = (name) => request.getResponseHeader(name) ?? "";
  const headers = { get: (name) => request.getResponseHeader(name) };
  const { done, error } = stream.seen;
  if (request.status !== 200) return reject(errorOf({ status: request.status, headers }, request.responseText));
  if (error) return reject(new ApiError({ status: 0, ...error, message: sentenceOf(error), requestId: header("X-Request-Id") }));
  if (isStream(request) && !done) return reject(ours("broken_off", header("X-Request-Id")));
  return resolve({ body: request.responseText, done, header });
}

function ours(code, requestId = null) {
  return new ApiError({ status: 0, code, message: t(`play.error.${code}`), requestId });
}

function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
