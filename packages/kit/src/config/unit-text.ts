const msPerUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const bytesPerUnit: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const amount = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]{1,3})$/;

/** Milliseconds of "250ms", "1.5s", "10m", "2h" or "7d"; undefined for anything else. */
export function durationMsFrom(text: string): number | undefined {
  return scaled(text, msPerUnit);
}

/** Bytes of "512B", "64kB", "64KiB", "1.5MiB", "2GB" or the like; undefined for anything else and for parts of a byte. */
export function bytesFrom(text: string): number | undefined {
  return scaled(text, bytesPerUnit);
}

/** Milliseconds as people write them: 90000 is "90s", 3600000 "1h". */
export function durationText(ms: number): string {
  return inUnits(ms, ["d", "h", "m", "s", "ms"], msPerUnit);
}

/** Bytes as people write them: 65536 is "64KiB", 1000 "1kB". */
export function bytesText(bytes: number): string {
  return inUnits(bytes, ["GiB", "GB", "MiB", "MB", "KiB", "kB", "B"], bytesPerUnit);
}

function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number = "", unit = ""] = amount.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) return undefined;
  // "1.1s" is 1100 ms, not 1100.0000000000002.
  const value = Number((Number(number) * factor).toPrecision(15));
  return Number.isInteger(value) || units === msPerUnit ? value : undefined;
}

function inUnits(value: number, names: readonly string[], units: Readonly<Record<string, number>>): string {
  const smallest = names.at(-1) ?? "";
  const fits = (name: string): boolean => value % (units[name] ?? 1) === 0;
  const unit = value === 0 ? smallest : (names.find(fits) ?? smallest);
  return `${value / (units[unit] ?? 1)}${unit}`;
}
