// Small things that more than one part shows: the shape of a state (never by colour alone), a bar, a state's word.

import { html } from "./vendor/preact.js";
import { hasWord, t } from "./words.js";

const SHAPES = {
  good: html`<circle cx="8" cy="8" r="7" class="fill" /><path d="m4.8 8.3 2.2 2.2 4.3-4.7" class="cut" />`,
  busy: html`<circle cx="8" cy="8" r="6" class="ring" /><path d="M8 4.6V8l2.4 1.6" class="ring" />`,
  warn: html`<path d="M8 1.2 15.4 14.4H.6z" class="fill round" /><path d="M8 6v3.6M8 12v.1" class="cut" />`,
  bad: html`<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" class="fill" /><path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" class="cut" />`,
  off: html`<circle cx="8" cy="8" r="6" class="ring" /><path d="M5 8h6" class="ring" />`,
};

/** The shape of a tone; what it means stands beside it in words. */
export const Shape = ({ tone, size = 14 }) => html`
  <svg class=${`shape ${tone}`} viewBox="0 0 16 16" width=${size} height=${size} aria-hidden="true">${SHAPES[tone]}</svg>
`;

/** A bar from nothing to all; `parts`: [{share, name}]. Its meaning stands beside it in words. */
export const Bar = ({ parts, tone = "" }) => html`
  <span class=${`bar ${tone}`} aria-hidden="true">
    ${parts.map(({ share, name }) => html`
      <span class=${name ?? ""} style=${{ width: `${100 * Math.min(1, Math.max(0, share || 0))}%` }}></span>
    `)}
  </span>
`;

/** A word of the server in the page's language; one that is not known as it is. */
export function wordOf(kind, word) {
  const key = `${kind}.${word}`;
  return hasWord(key) ? t(key) : word.replaceAll("_", " ");
}
