// How loud a recording is over its time, computed in the browser.
// Only a picture: what a browser cannot decode, or what would fill its memory, the server transcribes all the same. So
// nothing here is an error; there is a picture or there is none.

/** Columns that are kept; more than any screen shows. */
const COLUMNS = 4000;
/** Per second; enough for a picture, and a sixth of the memory that 48,000 would take. */
const RATE = 8000;
/** A longer recording, or a larger file, is not decoded: an hour of stereo fills 230 MB. */
const LONGEST_S = 3600;
const LARGEST = 256 * 2 ** 20;

/**
 * Computes the picture.
 * @param {Blob} file
 * @param {number} duration in seconds, as the player knows it; NaN or infinite where it does not
 * @returns {Promise<{peaks: Float32Array, duration: number} | null>} `peaks`: 0 to 1, the loudest is 1
 */
export async function peaksOf(file, duration) {
  if (file.size > LARGEST || (Number.isFinite(duration) && duration > LONGEST_S)) return null;
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    return { peaks: loudness(sound), duration: sound.duration };
  } catch {
    return null;
  }
}

function loudness(sound) {
  const columns = Math.min(COLUMNS, Math.max(1, sound.length));
  const peaks = new Float32Array(columns);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let at = 0; at < samples.length; at += 1) {
      const column = Math.min(columns - 1, Math.floor((at / samples.length) * columns));
      const loud = Math.abs(samples[at]);
      if (loud > peaks[column]) peaks[column] = loud;
    }
  }
  const most = peaks.reduce((one, other) => Math.max(one, other), 0);
  return most > 0 ? peaks.map((one) => one / most) : peaks;
}
