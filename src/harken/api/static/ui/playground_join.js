// Two texts of one turn: the beginning that was shown as final, and what another server says of the same sound. Pure.
// The invariant: what comes out begins with what was shown, and says nothing twice as far as the texts agree.

/** What is compared: a word with what stands before it, or a character where nothing stands between words. */
const DENSE = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}`;
const ATOM = new RegExp(String.raw`\s*(?:[${DENSE}]|[^\s${DENSE}]+)`, "gu");
const DENSE_END = new RegExp(String.raw`[${DENSE}\p{P}]$`, "u");

/**
 * @param {string} shown stays
 * @param {string} text of the whole turn, or of its end where the beginning is lost
 * @returns {string} `shown`, and what `text` has beyond it
 */
export function joined(shown, text) {
  if (text.startsWith(shown)) return text;
  const [before, after] = [shown, text].map((each) => each.match(ATOM) ?? []);
  const rest = after.slice(overlap(before.map(bare), after.map(bare))).join("");
  const isApart = !rest || /^\s/.test(rest) || DENSE_END.test(shown);
  return `${shown}${isApart ? "" : " "}${rest}`;
}

const bare = (atom) => atom.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/**
 * How many atoms at the beginning of one text say what the end of another has said: the best alignment of the two, in
 * which whatever the other says before costs nothing. One for atoms that are the same, minus one for all else.
 */
function overlap(before, after) {
  let row = after.map((_, index) => -index).concat(-after.length);
  for (const atom of before) {
    const next = [0];
    for (let index = 1; index <= after.length; index += 1) {
      const same = atom === after[index - 1] ? 1 : -1;
      next.push(Math.max(row[index - 1] + same, row[index] - 1, next[index - 1] - 1));
    }
    row = next;
  }
  return row.lastIndexOf(Math.max(...row)); // rather heard otherwise than said besides
}
