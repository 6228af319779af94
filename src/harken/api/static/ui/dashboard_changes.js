// What an operator does to the fleet from this page: asked for, confirmed, under way, done or refused. Owns the one
// dialog and the one line that tells how it goes; a change goes on at the server whatever becomes of the page.

import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { request } from "./http.js";
import { askForKey } from "./shell.js";
import { t } from "./words.js";

const MOST = 1024;

/** The state of changes: {wish, isBusy, result, ask(wish), …}; a wish is {kind, name} or {kind: "scale", count}. */
export function useChanges() {
  const [wish, setWish] = useState(null);
  const [running, setRunning] = useState(null);
  const [result, setResult] = useState(null);

  // Buttons are not disabled meanwhile but say so: a disabled one would lose the focus that comes back to it.
  const ask = (wanted) => wanted !== null && running ? undefined : setWish(wanted);

  async function carryOut(wanted) {
    setWish(null);
    setRunning(wanted);
    setResult(null);
    try {
      await send(wanted);
      setResult({ wish: wanted });
    } catch (error) {
      if (error.wantsKey && (await askForKey(error.message))) return carryOut(wanted);
      setResult({ wish: wanted, error });
    } finally {
      setRunning(null);
    }
    return undefined;
  }

  return { wish, running, result, isBusy: running !== null, ask, carryOut, dismiss: () => setResult(null) };
}

function send({ kind, name, count }) {
  if (kind === "scale") {
    const headers = { "Content-Type": "application/json" };
    return request("admin/scale", { method: "POST", headers, body: JSON.stringify({ count }) });
  }
  return request(`admin/instances/${encodeURIComponent(name)}/${kind}`, { method: "POST" });
}

/** The dialog, and the line that says how it goes. `told`: what the server says is being changed now, or null. */
export function Changing({ changes, told }) {
  const { running, result } = changes;
  const failed = Boolean(result?.error);
  const values = (wish) => ({ name: wish.name, n: wish.count });
  return html`
    <div role="status" class="change">
      ${running && html`<p class="note"><span class="spinner" aria-hidden="true"></span>${t(`change.${running.kind}.running`, values(running))}</p>`}
      ${!running && told && html`<p class="note"><span class="spinner" aria-hidden="true"></span>${t("change.elsewhere", { change: told })}</p>`}
      ${result && html`
        <p class=${`note ${failed ? "bad" : "good"}`}>
          <span>${failed ? t(`change.${result.wish.kind}.failed`, values(result.wish)) : t(`change.${result.wish.kind}.done`, values(result.wish))}
          ${failed && html` ${result.error.message} <code>${result.error.code}</code>`}</span>
          <button class="plain small" onClick=${changes.dismiss}>${t("change.dismiss")}</button>
        </p>`}
    </div>
    ${changes.wish && html`<${Confirm} key=${`${changes.wish.kind} ${changes.wish.name}`} changes=${changes} />`}
  `;
}

function Confirm({ changes: { wish, ask, carryOut } }) {
  const dialog = useRef(null);
  const [count, setCount] = useState(String(wish.count ?? ""));
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  const isScale = wish.kind === "scale";
  const wanted = Number(count);
  const isRight = !isScale || (/^\d+$/.test(count) && wanted >= 1 && wanted <= MOST && wanted !== wish.count);
  const onSubmit = (event) => {
    event.preventDefault();
    if (isRight) carryOut(isScale ? { kind: "scale", count: wanted } : wish);
  };
  return html`
    <dialog ref=${dialog} aria-labelledby="change-title" onClose=${() => ask(null)}>
      <form onSubmit=${onSubmit} novalidate>
        <h2 id="change-title">${t(`change.${wish.kind}.title`, wish)}</h2>
        <p class="quiet">${t(`change.${wish.kind}.why`, wish)}</p>
        ${isScale && html`
          <label>${t("change.count")}
            <input type="number" name="count" min="1" max=${MOST} step="1" inputmode="numeric" value=${count} autofocus
              onInput=${(event) => setCount(event.target.value)} />
          </label>`}
        <div class="dialog-buttons">
          <button type="button" onClick=${() => dialog.current.close()}>${t("key.cancel")}</button>
          <button class=${wish.kind === "scale" ? "main" : "danger"} disabled=${!isRight}>
            ${isScale ? t("change.scale_to", { n: isRight ? wanted : "…" }) : t(`change.${wish.kind}`)}
          </button>
        </div>
      </form>
    </dialog>
  `;
}
