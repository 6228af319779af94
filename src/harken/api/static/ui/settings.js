// What a person chose on this page: the language, the theme and the key. Owns where each is kept (language and theme for
// ever, the key for this tab only) and tells who listens; knows nothing of what is shown. Storage may be forbidden:
// then a choice lasts as long as the page.

import { useEffect, useState } from "./vendor/preact.js";

const root = document.documentElement;
const listeners = new Set();
const unkept = new Map();

function kept(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return unkept.get(name) ?? null;
  }
}

function keep(storage, name, value) {
  unkept.set(name, value);
  try {
    if (value === null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
  } catch {
    // Forbidden or full: the choice lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

/** Draw this component anew when a setting changes. */
export function useSettings() {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
}

/** "en" or "zh-CN". */
export const language = () => root.lang;

export function setLanguage(wanted) {
  root.lang = wanted;
  keep("localStorage", "harken.language", wanted);
}

/** "light", "dark", or "auto": as the system says. */
export const theme = () => root.dataset.theme ?? "auto";

export function setTheme(wanted) {
  if (wanted === "auto") delete root.dataset.theme;
  else root.dataset.theme = wanted;
  keep("localStorage", "harken.theme", wanted === "auto" ? null : wanted);
}

/** Whether a text can be a key: what no header can carry is none. */
export const canBeKey = (text) => /^[\x21-\x7e]+$/.test(text);

/** The API key of this tab, or null. */
export const apiKey = () => kept("sessionStorage", "harken.key");

export const setApiKey = (secret) => keep("sessionStorage", "harken.key", secret || null);
