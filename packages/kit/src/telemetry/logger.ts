import type { LogFields, Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { logText } from "./log-value.ts";

/** Least to most urgent; "silent" lets nothing through. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** From which urgency on lines are written. */
export type LogLevel = (typeof logLevels)[number];

/** How a logger is made. */
export interface LoggerOptions {
  /** Takes one line without its line feed. When it throws the line is lost: logging never fails what it tells of. */
  readonly write: (line: string) => void;
  /** Default "info". */
  readonly level?: LogLevel;
  /** On every line. */
  readonly fields?: LogFields;
  readonly clock?: Clock;
}

const reserved = new Set(["time", "level", "message"]);

/**
 * A Logger that writes one JSON object a line: time (ISO 8601), level, message, then the fields. A field under one of
 * those names is written as "field.<name>". Errors and Faults are written with their causes. Values under a name that
 * contains token, authorization, password, cookie, secret, credential or api key are masked, and so are passwords in
 * addresses and bearer tokens in texts. Values are cut where they are deep, wide or long (see `logText`).
 */
export function createLogger(options: LoggerOptions): Logger {
  const { write, level = "info", fields = {}, clock = systemClock } = options;
  return loggerWith({ write, clock, rank: logLevels.indexOf(level), clockText: isoClock(clock) }, fieldsText(fields));
}

interface Sink {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly rank: number;
  readonly clockText: () => string;
}

function loggerWith(sink: Sink, boundText: string): Logger {
  function line(rank: number, message: string, fields: LogFields | undefined): void {
    if (rank < sink.rank) return;
    try {
      const own = fields === undefined ? "" : fieldsText(fields);
      const head = `{"time":"${sink.clockText()}","level":"${logLevels[rank]}","message":${logText(message)}`;
      sink.write(`${head}${boundText}${own}}`);
    } catch {
      // What cannot be written must not break what it tells of.
    }
  }
  return {
    debug: (message, fields) => line(0, message, fields),
    info: (message, fields) => line(1, message, fields),
    warn: (message, fields) => line(2, message, fields),
    error: (message, fields) => line(3, message, fields),
    with: (fields) => loggerWith(sink, boundText + fieldsText(fields)),
  };
}

function fieldsText(fields: LogFields): string {
  let text = "";
  for (const name of Object.keys(fields)) {
    const value = logText(fields[name], name);
    if (value !== undefined) text += `,${JSON.stringify(reserved.has(name) ? `field.${name}` : name)}:${value}`;
  }
  return text;
}

/** Lines often share their millisecond, and making the text costs more than the rest of a line. */
function isoClock(clock: Clock): () => string {
  let lastMs = Number.NaN;
  let text = "";
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}
