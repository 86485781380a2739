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

let dateSecond = -1;
let dateText = "";

/** A Date header line for `nowMs`, made once a second. RFC 9110 §5.6.7. */
export function dateLineAt(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
