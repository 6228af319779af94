// Where the words of an answer stand in its text, and where the text is broken into paragraphs. Pure.
// The aligner's words come without marks ("Don't stop!" is `Don't`, `stop`), the text has them. The invariant: the
// ranges rise and do not overlap, and what lies between them is shown as it is, so that the text is always whole.

/** How far ahead, in characters, a word that is not next in the text is looked for. */
const REACH = 80;
/** A silence, in seconds, that begins a paragraph. */
const PAUSE_S = 1.2;
/** After so many characters, or seconds, the next end of a sentence ends the paragraph. */
const LONG = 320;
const LONG_S = 30;

const KEPT = /[\p{L}\p{N}\p{M}'’]/u;

/**
 * Finds each word in the text.
 * @param {string} text
 * @param {{word: string, start: number, end: number}[]} words in their order, times in seconds
 * @returns {{from: number, to: number, start: number, end: number}[]} those that were found
 */
export function placeWords(text, words) {
  const wanted = words.map(({ word }) => [...word].filter((character) => KEPT.test(character)));
  const placed = [];
  let at = 0;
  words.forEach(({ start, end }, index) => {
    const range = findWord(text, wanted[index], wanted[index + 1], at);
    if (!range) return;
    placed.push({ ...range, start, end });
    at = range.to;
  });
  return placed;
}

/**
 * Nearly always it is what comes next. If it is not, a later place counts only where the word after it follows: one word
 * that the text does not have would otherwise carry all that come after it away.
 */
function findWord(text, word, after, at) {
  if (!word.length) return null;
  const next = nextWord(text, at);
  const limit = Math.min(text.length, at + REACH);
  for (let from = text.indexOf(word[0], at); from >= 0 && from < limit; from = text.indexOf(word[0], from + 1)) {
    const to = matchEnd(text, word, from);
    if (to && (from === next || (after?.length && matchEnd(text, after, nextWord(text, to))))) return { from, to };
  }
  return null;
}

function nextWord(text, at) {
  let next = at;
  while (next < text.length && !KEPT.test(String.fromCodePoint(text.codePointAt(next)))) next += 1;
  return next;
}

/** The place behind the word when it begins here; marks inside of it ("e.g." for "eg") are stepped over. */
function matchEnd(text, wanted, from) {
  let at = from;
  for (const character of wanted) {
    while (at < text.length && !text.startsWith(character, at) && isMark(text, at)) at += 1;
    if (!text.startsWith(character, at)) return 0;
    at += character.length;
  }
  return at;
}

function isMark(text, at) {
  return !KEPT.test(text[at]) && !/[\s\ud800-\udfff]/.test(text[at]);
}

/**
 * Joins segments to paragraphs.
 * @param {{start: number, end: number, text: string}[]} segments their texts together are the text
 * @returns {{start: number, end: number, from: number, to: number}[]} ranges of the text, with their times
 */
export function paragraphs(segments) {
  const found = [];
  let at = 0;
  for (const { start, end, text } of segments) {
    const last = found.at(-1);
    if (last && start - last.end < PAUSE_S && last.to - last.from < LONG && last.end - last.start < LONG_S) {
      Object.assign(last, { end, to: at + text.length });
    } else {
      found.push({ start, end, from: at, to: at + text.length });
    }
    at += text.length;
  }
  return found;
}

/**
 * Finds which of the ranges is spoken at a time.
 * @param {{start: number}[]} ranges in rising order
 * @param {number} time in seconds
 * @returns {number} the last one that has begun, or -1
 */
export function spokenAt(ranges, time) {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
