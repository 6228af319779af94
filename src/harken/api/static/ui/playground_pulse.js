// The pulse of a line. A connection may be dead though nobody says so, as behind a NAT or a balancer that has forgotten
// it, and a page sees no pings of WebSockets: where nothing was heard for a while, it asks. Knows no socket. Questions are
// counted, not seconds, so that a page that slept takes nothing for dead that it has not asked. The invariant: once it is
// stopped, it says nothing.

/** Milliseconds of silence after which the other side is asked, and asked again. */
const EVERY = 5_000;
/** Questions of which one has to be answered. */
const MOST = 2;

export class Pulse {
  /**
   * @param {() => void} ask whatever is heard is an answer
   * @param {() => void} dead nothing was heard any more
   */
  constructor(ask, dead) {
    Object.assign(this, { ask, dead, timer: 0 });
  }

  /** Something was heard. */
  hear() {
    this.stop();
    this.#wait(0);
  }

  stop() {
    clearTimeout(this.timer);
  }

  #wait(asked) {
    this.timer = setTimeout(() => {
      if (asked === MOST) {
        this.dead();
        return;
      }
      this.#wait(asked + 1);
      this.ask();
    }, EVERY);
  }
}
