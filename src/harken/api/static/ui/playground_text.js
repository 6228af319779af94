// The transcript on the page: first as it comes, then with its times.
// Text is only ever put in as text. Words are found by the time and by a click; for keyboards the whole transcript is
// one stop, in which arrow keys go from word to word, because a thousand stops are no help to anybody.

import { paragraphs, placeWords, spokenAt } from "./playground_place.js";

export class TranscriptView {
  /**
   * @param {HTMLElement} root
   * @param {object} tell
   * @param {(time: number) => void} tell.seek in seconds
   * @param {() => void} tell.toggle play or pause
   * @param {(word: string) => void} tell.say where an arrow key led
   * @param {(time: number) => string} tell.clock a time as the page writes it
   * @param {(clock: string) => string} tell.seekTo what the button at a paragraph is called
   */
  constructor(root, tell) {
    Object.assign(this, { root, tell, text: "", words: [], spans: [], now: -1, time: 0, flow: null });
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  clear() {
    Object.assign(this, { text: "", words: [], spans: [], now: -1, last: -1, flow: null });
    this.root.replaceChildren();
    this.root.removeAttribute("tabindex");
  }

  /** Takes the next part of the text. */
  append(delta) {
    this.text += delta;
    if (!this.flow) {
      this.flow = document.createTextNode("");
      const paragraph = element("p", "say");
      const said = element("span", "say-text");
      said.append(this.flow);
      paragraph.append(element("span", "say-time"), said); // where its time will be
      this.root.replaceChildren(paragraph);
    }
    this.flow.appendData(delta);
  }

  /** Shows the whole text, as it came. */
  showText(text) {
    this.clear();
    if (text) this.append(text);
  }

  /**
   * Shows the text with its times.
   * @param {{text: string, segments: object[], words?: object[]}} answer as `verbose_json` has it
   */
  showTimed({ text, segments, words }) {
    this.clear();
    this.text = text;
    // Without an aligner a sentence is the smallest thing that has a time.
    this.words = words?.length ? placeWords(text, words) : sentences(segments);
    const all = document.createDocumentFragment();
    let word = 0;
    for (const paragraph of paragraphs(segments)) {
      const said = element("span", "say-text");
      let at = paragraph.from;
      while (word < this.words.length && this.words[word].from < paragraph.to) {
        const { from, to } = this.words[word];
        said.append(text.slice(at, from), this.#word(word, text.slice(from, to)));
        at = to;
        word += 1;
      }
      said.append(text.slice(at, Math.max(at, paragraph.to)));
      const row = element("p", "say");
      row.append(this.#anchor(paragraph.start), said);
      all.append(row);
    }
    this.root.replaceChildren(all);
    if (this.words.length) this.root.tabIndex = 0;
  }

  /** Somebody went somewhere, or began to play: the next word comes into view, wherever the page was scrolled to. */
  follow() {
    this.mustFollow = true;
  }

  /**
   * Marks what is said at a time.
   * @returns {{start: number, end: number} | null} that word's times
   */
  mark(time) {
    this.time = time;
    const index = spokenAt(this.words, time + 0.001);
    const word = this.words[index];
    // A pause keeps the last word for a moment: short gaps would make the text flicker.
    const now = word && time < word.end + 0.25 ? index : -1;
    if (now !== this.now) this.#turn(now);
    return now < 0 ? null : word;
  }

  #turn(now) {
    const last = this.spans[this.now];
    const next = this.spans[now];
    const follows = this.mustFollow || !last || isInView(last);
    if (next) this.mustFollow = false;
    last?.classList.remove("is-now");
    next?.classList.add("is-now");
    if (next && follows && !isInView(next)) next.scrollIntoView({ block: "center", behavior: scrolling() });
    this.now = now;
  }

  #word(index, text) {
    const span = element("span", "word");
    span.dataset.word = String(index);
    span.textContent = text;
    this.spans[index] = span;
    return span;
  }

  #anchor(start) {
    const button = element("button", "say-time");
    button.type = "button";
    button.dataset.time = String(start);
    const clock = this.tell.clock(start);
    button.textContent = clock;
    button.setAttribute("aria-label", this.tell.seekTo(clock));
    return button;
  }

  #click(event) {
    const time = event.target.closest("[data-time]")?.dataset.time;
    const word = event.target.closest("[data-word]")?.dataset.word;
    // Who marks text to copy it does not want to go anywhere.
    if (time === undefined && (word === undefined || String(getSelection()))) return;
    this.tell.seek(time === undefined ? this.words[Number(word)].start : Number(time));
  }

  #key(event) {
    if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === " ") this.tell.toggle();
    else if (step && this.words.length) this.#go(Math.min(this.words.length - 1, Math.max(0, this.#here() + step)));
    else return;
    event.preventDefault();
  }

  /** The word from which an arrow key goes on; of several that begin at once, the one it came to. */
  #here() {
    const came = this.words[this.last];
    return came && Math.abs(came.start - this.time) < 0.02 ? this.last : spokenAt(this.words, this.time + 0.001);
  }

  #go(index) {
    this.last = index;
    this.tell.seek(this.words[index].start);
    this.tell.say(this.spans[index].textContent);
  }
}

function sentences(segments) {
  let at = 0;
  return segments.map(({ start, end, text }) => {
    const from = at + (text.length - text.trimStart().length);
    at += text.length;
    return { from, to: at, start, end };
  });
}

function element(name, className) {
  const made = document.createElement(name);
  made.className = className;
  return made;
}

/** Below the player, that is, which covers the top while a long text scrolls; the style sheet knows by how much. */
function isInView(one) {
  const box = one.getBoundingClientRect();
  return box.top > Number.parseFloat(getComputedStyle(one).scrollMarginTop) && box.bottom < window.innerHeight;
}

function scrolling() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}
