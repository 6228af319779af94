// Following the cluster: one stream of documents that is opened again whenever it ends. Owns when to try again and when
// silence means that the connection is dead; knows nothing of what a document says. It ends only when it is told to.

import { ApiError, readEvents, request } from "./http.js";

const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 10;
/** So long without news, and the connection is given up: a server that was cut off never says goodbye. */
const SILENCE_S = 12;

const now = () => performance.now() / 1000;

/**
 * Follow `/cluster/events`.
 * `onNews(document)` for each document; `onState({kind, error, retryAt})` when the connection changes: kind is
 * "connecting", "live", "lost" (retryAt on performance.now()'s clock, in seconds) or "refused" (another key is needed).
 * Returns {stop, retry}.
 */
export function follow({ onNews, onState }) {
  let isStopped = false;
  let failures = 0;
  let wake = () => {};
  let controller = new AbortController();

  async function read() {
    controller = new AbortController();
    let heardAt = now();
    const watchdog = setInterval(() => now() - heardAt > SILENCE_S && controller.abort(), 1000);
    try {
      const response = await request("cluster/events", { signal: controller.signal, cache: "no-store" });
      for await (const { event, data } of readEvents(response)) {
        heardAt = now();
        if (event !== "cluster") continue;
        failures = 0;
        onState({ kind: "live" });
        onNews(JSON.parse(data));
      }
    } finally {
      clearInterval(watchdog);
      controller.abort(); // whatever ended this, its connection must not stay
    }
  }

  async function run() {
    while (!isStopped) {
      onState({ kind: "connecting" });
      let error = null;
      try {
        await read();
      } catch (caught) {
        error = caught instanceof ApiError ? caught : null;
      }
      if (isStopped) return;
      const isRefused = Boolean(error?.wantsKey);
      const waitS = Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** failures++) * (0.8 + 0.4 * Math.random());
      onState({ kind: isRefused ? "refused" : "lost", error, retryAt: now() + waitS });
      await new Promise((resolve) => {
        wake = resolve;
        if (!isRefused) setTimeout(resolve, waitS * 1000);
      });
    }
  }

  run();
  return {
    stop() {
      isStopped = true;
      controller.abort();
      wake();
    },
    retry() {
      failures = 0;
      controller.abort();
      wake();
    },
  };
}
