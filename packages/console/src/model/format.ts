import type { Language } from "./address.ts";

/** How numbers and times are written. Digits have one width everywhere, so that columns line up. */
export interface Formats {
  /** A share of 10000 as percent, up to two digits: 2000 → "20%". */
  readonly share: (of10000: number) => string;
  /** A ratio as percent with as many digits as it needs to be told from 0: 0.00123 → "0.12%". */
  readonly percent: (ratio: number) => string;
  /** A whole number with separators: 12,304. */
  readonly count: (value: number) => string;
  /** Something per second: 0.42, 8.1, 240. */
  readonly rate: (perSecond: number) => string;
  /** A difference of two ratios in percentage points, with its sign: "+0.4". */
  readonly points: (difference: number) => string;
  /** How much more or less, with its sign: 1.25 → "+25%". */
  readonly change: (factor: number) => string;
  /** "0.42 ms", "12 ms", "1.3 s". */
  readonly latency: (ms: number) => string;
  /** "0.42 s", "12 s", "3 min", "2 h", "4 d": how long something took, one unit, rounded down. */
  readonly duration: (ms: number) => string;
  /** "<1 s", "4 s", "3 min": how old something is; whole seconds, so that a page of them does not flicker. */
  readonly age: (ms: number) => string;
  /** Time of day: "14:02:10". */
  readonly time: (atMs: number) => string;
  /** Date and time of day. */
  readonly dateTime: (atMs: number) => string;
}

/** Units as they are written after a number and a space that does not break. */
const units = {
  en: { ms: "ms", s: "s", min: "min", h: "h", d: "d" },
  zh: { ms: "ms", s: "秒", min: "分钟", h: "小时", d: "天" },
} as const;

/** The formats of a language. Times are in the browser's zone, the day has 24 hours. */
export function createFormats(language: Language): Formats {
  const tag = language === "zh" ? "zh-CN" : "en-GB";
  const number = (value: number, digits: number, options: Intl.NumberFormatOptions = {}): string =>
    new Intl.NumberFormat(tag, { maximumFractionDigits: digits, ...options }).format(value === 0 ? 0 : value).replace("-", "−");
  const unit = (value: number, name: keyof (typeof units)["en"], digits: number): string =>
    `${number(value, digits, { minimumFractionDigits: digits })}\u00a0${units[language][name]}`;
  const time = new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const dateTime = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  return {
    share: (of10000) => number(of10000 / 10000, 2, { style: "percent" }),
    percent: (ratio) =>
      number(ratio, digitsOf(ratio * 100), { style: "percent", minimumFractionDigits: isRound(ratio * 100) ? 0 : digitsOf(ratio * 100) }),
    count: (value) => number(value, 0),
    rate: (perSecond) => number(perSecond, perSecond < 1 ? 2 : perSecond < 100 ? 1 : 0),
    points: (difference) => number(difference * 100, Math.abs(difference) < 0.1 ? 2 : 1, { signDisplay: "exceptZero" }),
    change: (factor) => number(factor - 1, 0, { style: "percent", signDisplay: "exceptZero" }),
    latency: (ms) => (ms < 1000 ? unit(ms, "ms", ms < 1 ? 2 : ms < 10 ? 1 : 0) : unit(ms / 1000, "s", ms < 10_000 ? 2 : 1)),
    duration: (ms) => durationText(Math.max(0, ms), { unit, shortest: (short) => unit(Math.floor(short / 10) / 100, "s", 2) }),
    age: (ms) =>
      durationText(Math.max(0, ms), {
        unit,
        shortest: (short) => (short < 1000 ? `<${unit(1, "s", 0)}` : unit(Math.floor(short / 1000), "s", 0)),
      }),
    time: (atMs) => time.format(atMs),
    dateTime: (atMs) => dateTime.format(atMs),
  };
}

function isRound(percent: number): boolean {
  return Math.abs(percent - Math.round(percent)) < 1e-9;
}

function digitsOf(percent: number): number {
  const size = Math.abs(percent);
  return size < 0.1 ? 3 : size < 10 ? 2 : 1;
}

interface DurationOptions {
  readonly unit: (value: number, name: "s" | "min" | "h" | "d", digits: number) => string;
  /** How less than ten seconds are written. */
  readonly shortest: (ms: number) => string;
}

function durationText(ms: number, { unit, shortest }: DurationOptions): string {
  if (ms < 10_000) return shortest(ms);
  if (ms < 60_000) return unit(Math.floor(ms / 1000), "s", 0);
  if (ms < 3_600_000) return unit(Math.floor(ms / 60_000), "min", 0);
  if (ms < 86_400_000) return unit(Math.floor(ms / 3_600_000), "h", 0);
  return unit(Math.floor(ms / 86_400_000), "d", 0);
}
