// The sound of who speaks, as far as it may have to be sent once more. Places are counted in samples from the first one
// on. Knows nothing of lines. The invariant: from `oldest` on there is everything, once and in order.

export class Kept {
  /** @param {number} most samples that are kept; what is older is gone. */
  constructor(most) {
    Object.assign(this, { most, total: 0, packets: [] });
  }

  get oldest() {
    return this.packets[0]?.from ?? this.total;
  }

  /** Takes the next samples, an Int16Array. */
  put(sound) {
    this.packets.push({ from: this.total, sound });
    this.total += sound.length;
    this.forget(this.total - this.most);
  }

  /** Nobody asks for what lies before that place any more. */
  forget(place) {
    const count = this.packets.findIndex(({ from, sound }) => from + sound.length > place);
    if (count) this.packets.splice(0, count < 0 ? this.packets.length : count);
  }

  /** What there is from that place on, packet by packet. */
  from(place) {
    const begin = this.packets.findIndex(({ from, sound }) => from + sound.length > place);
    if (begin < 0) return [];
    return this.packets.slice(begin).map(({ from, sound }) => sound.subarray(Math.max(0, place - from)));
  }
}
