// A recording from the microphone.
// Owns the microphone from the moment it is granted until the recording ends, however it ends; then its light goes out.
// Says why there is no recording with one word, for which the page has a sentence.

/** Level readings per second. */
const READINGS = 20;
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** There is no recording; `code` is `insecure`, `unsupported`, `denied`, `missing`, `busy` or `failed`. */
export class NoRecording extends Error {
  constructor(code, detail = "") {
    super(detail || code);
    Object.assign(this, { code, detail });
  }
}

/**
 * Says why this page can never record, before anybody is asked for the microphone.
 * @returns {"" | "insecure" | "unsupported"}
 */
export function whyNoRecording() {
  if (!window.isSecureContext) return "insecure";
  return navigator.mediaDevices?.getUserMedia && window.MediaRecorder ? "" : "unsupported";
}

/**
 * Asks for the microphone and begins.
 * @param {(level: number) => void} onLevel 0 to 1, about 20 times a second
 * @param {() => void} onEnd the microphone is gone (unplugged, taken away); `stop` gives what there is
 * @returns {Promise<{stop: () => Promise<File>, discard: () => void}>}
 * @throws {NoRecording}
 */
export async function startRecording(onLevel, onEnd) {
  const why = whyNoRecording();
  if (why) throw new NoRecording(why);
  const microphone = await askForMicrophone();
  const parts = [];
  let recorder;
  try {
    const kind = KINDS.find((each) => MediaRecorder.isTypeSupported(each));
    recorder = new MediaRecorder(microphone, { ...(kind ? { mimeType: kind } : {}), audioBitsPerSecond: 96000 });
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.start(1000);
  } catch (error) {
    release(microphone);
    throw new NoRecording("failed", error.message);
  }
  const stopLevel = measure(microphone, onLevel);
  const end = () => {
    stopLevel();
    release(microphone);
  };
  microphone.getAudioTracks().forEach((track) => track.addEventListener("ended", onEnd));
  return {
    stop: () => stopped(recorder).then(() => fileOf(parts, recorder.mimeType)).finally(end),
    discard: () => stopped(recorder).finally(end),
  };
}

/**
 * Asks for it; whoever gets it has to release it.
 * @returns {Promise<MediaStream>}
 * @throws {NoRecording}
 */
export async function askForMicrophone() {
  try {
    // What makes a call pleasant (cleaning, cancelling) takes away what a model hears by; loudness may be mended.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const codes = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", NotReadableError: "busy" };
    throw new NoRecording(codes[error.name] ?? "failed", error.message);
  }
}

function stopped(recorder) {
  return new Promise((resolve) => {
    if (recorder.state === "inactive") return resolve();
    recorder.addEventListener("stop", () => resolve(), { once: true });
    return recorder.stop();
  });
}

function fileOf(parts, kind) {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const name = `recording-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const ending = /mp4/.test(kind) ? "m4a" : /ogg/.test(kind) ? "ogg" : "webm";
  return new File(parts, `${name}.${ending}`, { type: kind });
}

function measure(microphone, onLevel) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(microphone).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    onLevel(Math.min(1, loudest));
  }, 1000 / READINGS);
  return () => {
    clearInterval(timer);
    context.close();
  };
}

/** Lets it go. */
export function release(microphone) {
  microphone.getTracks().forEach((track) => track.stop());
}
