// The playground: a recording in, its text out. Puts the parts together and owns what comes to the whole page: a drop, a
// paste, a key that is needed. The parts know the session; the player and the transcript know each other by `Media` alone.

import { Shell, apiKey, askForKey, html, language, render, t, useSettings } from "./shell.js";
import { place } from "./format.js";
import { useEffect, useRef, useState } from "./vendor/preact.js";
import { CodePanel } from "./playground_code_panel.js";
import { Live } from "./playground_live.js";
import { Options } from "./playground_options.js";
import { Result } from "./playground_result.js";
import { Session } from "./playground_session.js";
import { Source } from "./playground_source.js";
import { LiveText } from "./playground_speak.js";
import "./playground_words.js";

/** Below it the options lie under the recording, folded. */
const NARROW = "(max-width: 900px)";

/** What joins the player with the transcript: one says where it is, the other where somebody wants to go. */
class Media {
  constructor(say) {
    Object.assign(this, { player: null, view: null });
    this.seek = (time) => {
      this.view?.follow();
      this.player?.seek(time);
    };
    this.toggle = () => {
      this.view?.follow();
      this.player?.toggle();
    };
    this.transcript = {
      seek: this.seek,
      toggle: this.toggle,
      say,
      clock: place,
      seekTo: (at) => t("play.text.go", { at }),
    };
  }

  attach(player) {
    this.player = player;
  }

  show(view) {
    this.view = view;
  }

  mark(time) {
    return this.view?.mark(time) ?? null;
  }

  pause() {
    if (this.player?.isPlaying) this.player.toggle();
  }

  setSpeed(factor) {
    if (this.player) this.player.speed = factor;
  }
}

function Playground() {
  useSettings();
  const [, draw] = useState(0);
  const [said, say] = useState("");
  const media = useRef(null);
  media.current ??= new Media(say);
  const session = useSession(media.current, () => draw((count) => count + 1));
  const live = useLive(session, say, () => draw((count) => count + 1));
  const [note, isOver] = useDrop(session);
  const isNarrow = useMedia(NARROW);
  useEffect(() => {
    document.title = t("play.title");
  }, [language()]);
  const options = html`<${Options} session=${session} isFolded=${isNarrow} />`;
  return html`
    <${Shell} page="playground">
      <div class="play">
        <div class="play-title"><h1>${t("play.heading")}</h1><p class="quiet">${t("play.lead")}</p></div>
        <div class="play-main">
          <${Source} session=${session} live=${live} media=${media.current} note=${note} />
          ${isNarrow && options}
          ${live.isShown ? html`<${LiveText} live=${live} />` : html`<${Result} session=${session} media=${media.current} />`}
          <${CodePanel} session=${session} />
        </div>
        ${!isNarrow && options}
      </div>
      <p class="hidden-text" role="status">${said}</p>
      ${isOver && html`<div class="drop-target" aria-hidden="true"><p>${t("play.drop.now")}</p></div>`}
    <//>
  `;
}

function useSession(media, changed) {
  const session = useRef(null);
  session.current ??= new Session({
    text: (delta) => media.view?.append(delta),
    clear: () => media.view?.clear(),
    changed,
    refused: (error) => askForKey(error.message),
  });
  const { current } = session;
  useEffect(() => {
    current.learn();
  }, [apiKey()]);
  useEffect(() => {
    if (current.modelError?.hasNoKey) askForKey(current.modelError.message);
  }, [current.modelError]);
  return current;
}

/** Who speaks; a recording that comes takes his place. */
function useLive(session, said, changed) {
  const live = useRef(null);
  live.current ??= new Live({ changed, said, refused: (error) => askForKey(error.message) });
  useEffect(() => {
    if (session.file) live.current.leave();
  }, [session.file]);
  return live.current;
}

/** A recording may be dropped anywhere on the page, or pasted. Returns a note about what came, and whether one hovers. */
function useDrop(session) {
  const [note, setNote] = useState(null);
  const [isOver, setOver] = useState(false);
  const take = (transfer, event) => {
    const files = [...transfer.files];
    if (!files.length && !hasFiles(transfer)) return;
    event.preventDefault();
    const isFolder = [...transfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (files.length && !isFolder) session.take(files[0]);
    const key = isFolder ? "play.folder" : { 0: "play.nothing", 1: "" }[files.length] ?? "play.several";
    setNote({ key, file: session.file });
  };
  useEffect(() => {
    const over = (event) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event) => event.relatedTarget === null && setOver(false);
    const drop = (event) => {
      setOver(false);
      take(event.dataTransfer, event);
    };
    // Spreadsheets copy a picture beside their text: who pastes into a field means the text.
    const paste = (event) => event.target.closest?.("input, textarea") || take(event.clipboardData, event);
    const listeners = { dragover: over, dragleave: leave, drop, paste };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener);
    };
  }, []);
  return [note, isOver];
}

const hasFiles = (transfer) => [...transfer.types].includes("Files");

function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const listener = () => setMatches(list.matches);
    list.addEventListener("change", listener);
    return () => list.removeEventListener("change", listener);
  }, []);
  return matches;
}

render(html`<${Playground} />`, document.body);
