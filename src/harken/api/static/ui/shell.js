// The frame of both pages: header, navigation, language, theme, and the dialog that asks for a key. A page hands in what
// stands between. Everything a page needs of the other modules can be imported from here.

import { html, render, useEffect, useRef, useState } from "./vendor/preact.js";
import { ApiError, address, base, errorOf, keyHeaders, readEvents, request } from "./http.js";
import { apiKey, canBeKey, language, setApiKey, setLanguage, setTheme, theme, useSettings } from "./settings.js";
import { addWords, hasWord, t } from "./words.js";

export { ApiError, addWords, address, apiKey, base, errorOf, hasWord, html, keyHeaders, language, readEvents, render };
export { request, setApiKey, t, useSettings };

const THEMES = ["auto", "light", "dark"];
let openKeyDialog = () => Promise.resolve(false);

/** Ask for a key, saying why (the server's sentence); resolves with whether one was given. */
export const askForKey = (why = "") => openKeyDialog(why);

/**
 * The frame of a page.
 * `page`: "dashboard" or "playground". `status`: what stands at the right of the navigation, or nothing.
 */
export function Shell({ page, status = null, children }) {
  useSettings();
  useEffect(() => {
    document.documentElement.classList.add("is-ready");
  }, []);
  return html`
    <a class="skip" href="#content">${t("shell.skip")}</a>
    <header class="top">
      <div class="top-row">
        <a class="brand" href=${base.href}><${Mark} />Harken</a>
        <nav aria-label=${t("shell.pages")}>
          <${Link} name="dashboard" href=${base.href} page=${page} />
          <${Link} name="playground" href=${address("playground")} page=${page} />
          <${Link} name="api" href=${address("docs")} page=${page} />
        </nav>
        <div class="top-status">${status}</div>
        <div class="top-settings" role="group" aria-label=${t("shell.settings")}>
          <${KeyButton} /><${LanguageButton} /><${ThemeButton} />
        </div>
      </div>
    </header>
    <main id="content" tabindex="-1">${children}</main>
    <${KeyDialog} isForAdmins=${page === "dashboard"} />
  `;
}

const Link = ({ name, href, page }) => html`
  <a href=${href} aria-current=${page === name ? "page" : null}>${t(`shell.${name}`)}</a>
`;

const Mark = () => html`
  <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
    <path d="M3 10v4M7.5 6.5v11M12 9v6M16.5 4v16M21 10.5v3" fill="none" stroke="currentColor" stroke-width="2.2"
      stroke-linecap="round" />
  </svg>
`;

function LanguageButton() {
  const [next, name] = language() === "en" ? ["zh-CN", "中文"] : ["en", "English"];
  return html`
    <button class="plain" lang=${next} aria-label=${t("shell.language", { language: name })} onClick=${() => setLanguage(next)}>
      ${name}
    </button>
  `;
}

function ThemeButton() {
  const now = theme();
  const label = t("shell.theme", { theme: t(`shell.theme.${now}`) });
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  return html`
    <button class="plain icon" aria-label=${label} title=${label} onClick=${() => setTheme(next)}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">${THEME_ICONS[now]}</svg>
    </button>
  `;
}

const THEME_ICONS = {
  auto: html`<circle cx="10" cy="10" r="6.2" class="stroke" /><path d="M10 3.8a6.2 6.2 0 0 1 0 12.4z" class="fill" />`,
  light: html`<circle cx="10" cy="10" r="3.4" class="stroke" />
    <path class="stroke" d="M10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2M4.2 4.2l1.4 1.4M14.4 14.4l1.4 1.4M15.8 4.2l-1.4 1.4M5.6 14.4l-1.4 1.4" />`,
  dark: html`<path class="stroke" d="M15.8 12.4A6.6 6.6 0 0 1 7.6 4.2a6.4 6.4 0 1 0 8.2 8.2z" />`,
};

function KeyButton() {
  const isSet = Boolean(apiKey());
  const label = t(isSet ? "shell.key.set" : "shell.key.unset");
  return html`
    <button class=${`plain key ${isSet ? "is-set" : ""}`} aria-label=${label} title=${label} onClick=${() => askForKey()}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <circle cx="6.6" cy="13.4" r="3.4" class="stroke" /><path class="stroke" d="M9.2 10.8 16.6 3.4M13.6 6.4l2.4 2.4M11.4 8.6l1.6 1.6" />
      </svg>
      <span>${t("shell.key")}</span>
    </button>
  `;
}

function KeyDialog({ isForAdmins }) {
  const dialog = useRef(null);
  const settle = useRef(() => {});
  const [why, setWhy] = useState("");
  const [typed, setTyped] = useState("");
  useEffect(() => {
    openKeyDialog = (sentence) => {
      setWhy(sentence);
      setTyped("");
      settle.current(false); // whoever asked before is answered by the one who asks now
      if (!dialog.current.open) dialog.current.showModal();
      return new Promise((resolve) => (settle.current = resolve));
    };
  }, []);
  const close = (key) => {
    if (key !== undefined) setApiKey(key);
    settle.current(Boolean(key));
    settle.current = () => {};
    dialog.current.close();
  };
  const isRight = canBeKey(typed.trim());
  const isOdd = Boolean(typed.trim()) && !isRight;
  const onSubmit = (event) => {
    event.preventDefault();
    if (isRight) close(typed.trim());
  };
  return html`
    <dialog ref=${dialog} aria-labelledby="key-title" onClose=${() => settle.current(false)}>
      <form onSubmit=${onSubmit}>
        <h2 id="key-title">${t("key.title")}</h2>
        ${why && html`<p class="note bad" role="alert">${why}</p>`}
        <p class="quiet">${t("key.why")}</p>
        <label>${t("key.field")}
          <input type="password" name="key" autocomplete="off" spellcheck=${false} placeholder="hk_…" value=${typed}
            aria-invalid=${isOdd} onInput=${(event) => setTyped(event.target.value)} />
        </label>
        <p role="status" class=${isOdd ? "note bad" : "hidden-text"}>${isOdd && t("key.odd")}</p>
        <p class="quiet">${t(isForAdmins ? "key.admin" : "key.any")}</p>
        <div class="dialog-buttons">
          ${apiKey() && html`<button type="button" class="apart" onClick=${() => close("")}>${t("key.forget")}</button>`}
          <button type="button" onClick=${() => close()}>${t("key.cancel")}</button>
          <button class="main" disabled=${!isRight}>${t("key.use")}</button>
        </div>
      </form>
    </dialog>
  `;
}
