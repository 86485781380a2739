/** The part of a clock that wire needs; kit's Clock fits. */
export interface WireClock {
  /** Wall time in milliseconds since 1970, for the Date header. */
  nowMs(): number;
  /** Milliseconds that never run backwards, for deadlines. */
  monotonicMs(): number;
  /** Runs `action` once after `durationMs`; the answer cancels it. It should not keep a process alive. */
  after(durationMs: number, action: () => void): () => void;
}

/** The platform's clock. */
export const platformClock: WireClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(durationMs, action) {
    const timer = setTimeout(action, durationMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The Date header line behind a CRLF, made once a second. RFC 9110 §5.6.7. */
export class DateLine {
  readonly #clock: WireClock;
  #untilMs = -1;
  #line = "";

  constructor(clock: WireClock) {
    this.#clock = clock;
  }

  /** The line at `monotonicMs`, which may be coarse. */
  line(monotonicMs: number): string {
    if (monotonicMs >= this.#untilMs) {
      const nowMs = this.#clock.nowMs();
      this.#line = `\r\ndate: ${new Date(nowMs).toUTCString()}`;
      this.#untilMs = monotonicMs + 1000 - (nowMs % 1000);
    }
    return this.#line;
  }
}
