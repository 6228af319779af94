// Runs beside the sound card: gathers what the microphone gives, and hands it on in packets of a twentieth of a second, as
// PCM16 at the context's own rate. Knows nothing of the page. Whatever message it gets, it hands on what it has, and says
// that this was all so far.

const PACKETS_PER_S = 20;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.#begin();
    this.port.onmessage = () => this.#hand(true);
  }

  process([[samples]]) {
    for (const sample of samples ?? []) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.packet[this.count++] = Math.round(clipped * 32767);
      this.peak = Math.max(this.peak, Math.abs(clipped));
      if (this.count === this.packet.length) this.#hand(false);
    }
    return true;
  }

  #begin() {
    Object.assign(this, { packet: new Int16Array(Math.round(sampleRate / PACKETS_PER_S)), count: 0, peak: 0 });
  }

  #hand(isAll) {
    const sound = this.packet.slice(0, this.count);
    this.port.postMessage({ sound, peak: this.peak, isAll }, [sound.buffer]);
    this.#begin();
  }
}

registerProcessor("capture", Capture);
