// The recording on the page: where it comes from (a file, the microphone), and then its player with the waveform; or the
// microphone of somebody whose text is to come while he speaks. Knows nothing of transcribing: what it gets, it hands on.

import { html, t } from "./shell.js";
import { place } from "./format.js";
import { useEffect, useRef, useState } from "./vendor/preact.js";
import { exactPlace, size } from "./playground_figures.js";
import { Meter } from "./playground_meter.js";
import { whyNoMicrophone } from "./playground_microphone.js";
import { Player } from "./playground_player.js";
import { startRecording, whyNoRecording } from "./playground_record.js";
import { Speaking } from "./playground_speak.js";
import { Wave } from "./playground_wave.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
/** Below this level for so many readings, nothing is heard. */
const SILENCE = 0.01;
const SILENT_READINGS = 60;

/**
 * The panel of the recording.
 * `media`: what the transcript and the player have in common; see playground.js.
 * `live`: who speaks; see playground_live.js.
 * `note`: about what was dropped: a sentence's key, and the file that was there then.
 */
export function Source({ session, live, media, note }) {
  const recorder = useRecorder(session, media);
  const input = useRef(null);
  const choose = () => input.current.click();
  const onChange = (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // so that the same file can be chosen again
    if (file) session.take(file);
  };
  const speak = () => {
    media.pause();
    session.forget();
    live.start(session.ask);
  };
  const noSound = recorder.error || live.noMicrophone;
  const said = noSound ? `play.record.${noSound}` : note?.file === session.file && note.key;
  const buttons = html`
    <${Buttons} hasFile=${Boolean(session.file)} choose=${choose} record=${recorder.start} speak=${speak} />`;
  const isPinned = live.isOn || (session.file && !recorder.phase);
  return html`
    <section class=${`panel source ${isPinned ? (live.isOn ? "is-live" : "is-loaded") : ""}`} aria-labelledby="source-title">
      <h2 id="source-title" class="hidden-text">${t("play.source")}</h2>
      <input ref=${input} hidden type="file" accept="audio/*,video/*" onChange=${onChange} />
      ${live.isOn ? html`<${Speaking} live=${live} />` : recorder.phase ? html`<${Recording} recorder=${recorder} />` : session.file
        ? html`<${Loaded} key=${session.file} session=${session} media=${media} buttons=${buttons} />`
        : html`<${Empty} buttons=${buttons} />`}
      ${said && html`<p class="note warn source-note" role="alert">${t(said)}</p>`}
    </section>
  `;
}

function Buttons({ hasFile, choose, record, speak }) {
  const why = whyNoRecording();
  const isMute = whyNoMicrophone();
  return html`
    <button class=${hasFile ? "" : "main"} onClick=${choose}>${t(hasFile ? "play.another" : "play.choose")}</button>
    <button aria-disabled=${why ? "true" : null} aria-describedby=${why ? "no-record" : null} onClick=${why ? null : record}>
      <span class="dot" aria-hidden="true"></span>${t(hasFile ? "play.record.again" : "play.record")}
    </button>
    <button aria-disabled=${isMute ? "true" : null} aria-describedby=${why ? "no-record" : null} onClick=${isMute ? null : speak}>
      <span class="dot live" aria-hidden="true"></span>${t("play.live.start")}
    </button>
    ${why && html`<p id="no-record" class="quiet why">${t(`play.record.${why}`)}</p>`}
  `;
}

const Empty = ({ buttons }) => html`
  <div class="empty">
    <p class="empty-title">${t(matchMedia("(pointer: coarse)").matches ? "play.drop.touch" : "play.drop")}</p>
    <p class="quiet">${t("play.drop.more")}</p>
    <div class="empty-buttons">${buttons}</div>
  </div>
`;

function Recording({ recorder }) {
  const canvas = useRef(null);
  useEffect(() => {
    const meter = new Meter(canvas.current);
    recorder.listen((level) => meter.add(level));
    return () => recorder.listen(() => {});
  }, []);
  const isOn = recorder.phase === "on";
  return html`
    <div class="recording">
      <p class="recording-head" role="status">
        <span class=${`dot ${isOn ? "is-on" : ""}`} aria-hidden="true"></span>
        ${t(isOn ? "play.record.on" : "play.record.asking")}
      </p>
      <canvas ref=${canvas} class="wave" role="img" aria-label=${t("play.record.level")}></canvas>
      <div class="player-row">
        <span class="mono time" role="timer">${exactPlace(recorder.seconds)}</span>
        <span class="grow quiet" role="status">${recorder.isQuiet ? t("play.record.quiet") : ""}</span>
        <button onClick=${recorder.discard}>${t("play.record.discard")}</button>
        <button class="main" disabled=${!isOn} onClick=${recorder.stop}>${t("play.record.stop")}</button>
      </div>
    </div>
  `;
}

/** The microphone and what is known of it, as plain data and three verbs. */
function useRecorder(session, media) {
  const [state, setState] = useState({ phase: "", error: "", seconds: 0, isQuiet: false });
  const own = useRef({ recording: null, turn: 0, onLevel: () => {}, began: 0, silent: 0 }).current;
  const show = (news) => setState((before) => ({ ...before, ...news }));
  const rest = () => {
    own.turn += 1;
    own.recording = null;
    show({ phase: "", seconds: 0, isQuiet: false });
  };
  const onLevel = (level) => {
    own.silent = level < SILENCE ? own.silent + 1 : 0;
    own.onLevel(level);
    show({ seconds: (performance.now() - own.began) / 1000, isQuiet: own.silent > SILENT_READINGS });
  };
  const stop = async () => {
    const recording = own.recording;
    if (!recording) return;
    own.recording = null;
    const file = await recording.stop();
    rest();
    session.take(file);
  };
  const start = async () => {
    media.pause();
    const turn = (own.turn += 1);
    Object.assign(own, { silent: 0, began: performance.now() });
    show({ phase: "asking", error: "" });
    try {
      const recording = await startRecording(onLevel, stop);
      if (turn !== own.turn) return recording.discard(); // thought better of it while the browser asked
      Object.assign(own, { recording, began: performance.now() });
      return show({ phase: "on" });
    } catch (error) {
      if (turn === own.turn) {
        rest();
        show({ error: error.code ?? "failed" });
      }
      return null;
    }
  };
  const discard = () => {
    own.recording?.discard();
    rest();
  };
  useEffect(() => () => own.recording?.discard(), []);
  useEffect(() => {
    // Who drops a file in the middle of a recording has thought better of it.
    if (own.recording) discard();
    show({ error: "" });
  }, [session.file]);
  return { ...state, start, stop, discard, listen: (listener) => (own.onLevel = listener) };
}

function Loaded({ session, media, buttons }) {
  const { file } = session;
  const { canvas, isPlaying, canPlay, time, duration } = usePlayer(session, media);
  return html`
    <div class="loaded">
      <div class="loaded-head">
        <p class="file-name" title=${file.name}>${file.name}</p>
        <p class="quiet file-facts">${[duration ? place(duration) : "", size(file.size)].filter(Boolean).join(" · ")}</p>
        <div class="loaded-buttons">${buttons}</div>
      </div>
      <div class="player">
        <canvas ref=${canvas} class="wave" role="slider" tabindex="0" aria-label=${t("play.position")} aria-valuemin="0"
          aria-disabled=${canPlay === false ? "true" : null}></canvas>
        <div class="player-row">
          <button class="play-button" disabled=${!canPlay} aria-label=${t(isPlaying ? "play.pause" : "play.play")}
            onClick=${media.toggle}>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
              <path class="fill" d=${isPlaying ? "M5 3.5h3.4v13H5zM11.6 3.5H15v13h-3.4z" : "M5.5 3v14l11-7z"} />
            </svg>
          </button>
          <span class="mono time">
            ${exactPlace(time)}${duration > 0 && html`<span class="quiet"> / ${exactPlace(duration)}</span>`}
          </span>
          <span class="grow quiet">${trouble(canPlay, session.sound)}</span>
          <${Speed} media=${media} />
        </div>
      </div>
    </div>
  `;
}

function trouble(canPlay, sound) {
  if (canPlay === false) return t("play.unplayable");
  return sound && !sound.peaks ? t("play.wave.none") : "";
}

function Speed({ media }) {
  const [speed, setSpeed] = useState(1);
  const onChange = (event) => {
    const factor = Number(event.target.value);
    setSpeed(factor);
    media.setSpeed(factor);
  };
  return html`
    <select class="speed" aria-label=${t("play.speed")} value=${String(speed)} onChange=${onChange}>
      ${SPEEDS.map((each) => html`<option key=${each} value=${String(each)}>${each}×</option>`)}
    </select>
  `;
}

/** A player for the session's file, joined with the waveform and, by `media`, with the transcript. */
function usePlayer(session, media) {
  const canvas = useRef(null);
  const [state, setState] = useState({ isPlaying: false, canPlay: null, time: 0 });
  const [duration, setDuration] = useState(0);
  const wave = useRef(null);
  const show = (news) => setState((before) => ({ ...before, ...news }));
  useEffect(() => {
    const player = new Player(new Audio(), {
      moved: (time) => {
        wave.current.at(time, media.mark(time));
        show({ time });
      },
      changed: (isPlaying) => show({ isPlaying }),
      known: (canPlay) => {
        show({ canPlay });
        if (canPlay) setDuration(player.duration);
        session.look(session.file, player.duration);
      },
    });
    wave.current = new Wave(canvas.current, {
      seek: media.seek,
      toggle: media.toggle,
      say: (time, all) => t("play.position.at", { at: exactPlace(time), all: exactPlace(all) }),
    });
    media.attach(player);
    player.load(session.file);
    return () => {
      media.attach(null);
      player.close();
      wave.current.close();
    };
  }, []);
  useEffect(() => {
    const known = session.sound?.duration;
    if (!duration && Number.isFinite(known)) setDuration(known);
    wave.current.show(session.sound?.peaks ?? null, duration || known || 0);
  }, [session.sound, duration]);
  return { canvas, duration, ...state };
}
