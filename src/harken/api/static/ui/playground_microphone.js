// The microphone as a stream of samples, for what is transcribed while somebody speaks.
// Owns the microphone from the moment it is granted until it is closed; then its light goes out. Nothing is resampled
// here: the server takes each rate that sound cards have. Why there is no microphone is said as in playground_record.js.

import { NoRecording, askForMicrophone, release } from "./playground_record.js";

/** What the server takes; a sound card of another rate is asked for the last one. */
const RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000];
/** Milliseconds that the last packet may take. */
const LAST_MS = 500;

/**
 * Says why this page can never listen, before anybody is asked for the microphone.
 * @returns {"" | "insecure" | "unsupported"}
 */
export function whyNoMicrophone() {
  if (!window.isSecureContext) return "insecure";
  return navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode ? "" : "unsupported";
}

/**
 * Asks for the microphone and begins.
 * @param {(sound: Int16Array, peak: number) => void} onSound a packet, and its loudest sample, 0 to 1
 * @param {() => void} onEnd the microphone is gone (unplugged, taken away)
 * @returns {Promise<{rate: number, close: () => Promise<void>}>} `close` resolves when the last packet was handed on
 * @throws {NoRecording}
 */
export async function openMicrophone(onSound, onEnd) {
  const why = whyNoMicrophone();
  if (why) throw new NoRecording(why);
  const microphone = await askForMicrophone();
  let context;
  try {
    context = await contextOf();
    await context.audioWorklet.addModule(new URL("./playground_worklet.js", import.meta.url).href);
    if (context.state === "suspended") await context.resume();
    const ear = new AudioWorkletNode(context, "capture", { channelCount: 1, channelCountMode: "explicit" });
    let isOver = () => {};
    ear.port.onmessage = ({ data: { sound, peak, isAll } }) => {
      if (sound.length) onSound(sound, peak);
      if (isAll) isOver();
    };
    context.createMediaStreamSource(microphone).connect(ear);
    ear.connect(context.destination); // of silence: what leads nowhere need not run
    microphone.getAudioTracks().forEach((track) => track.addEventListener("ended", onEnd));
    const close = async () => {
      const last = new Promise((resolve) => (isOver = resolve));
      ear.port.postMessage("all");
      await Promise.race([last, new Promise((resolve) => setTimeout(resolve, LAST_MS))]);
      ear.port.onmessage = null;
      release(microphone);
      await context.close();
    };
    return { rate: context.sampleRate, close };
  } catch (error) {
    release(microphone);
    await context?.close();
    throw new NoRecording("failed", error.message);
  }
}

async function contextOf() {
  const own = new AudioContext({ latencyHint: "interactive" });
  if (RATES.includes(own.sampleRate)) return own;
  await own.close();
  return new AudioContext({ sampleRate: RATES.at(-1) });
}
