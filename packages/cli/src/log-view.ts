/** How lines of processes are shown. */
export interface LogViewOptions {
  /** Longest name, so that the lines stand in one column. */
  readonly width: number;
  readonly colours: boolean;
}

const hiddenFields: ReadonlySet<string> = new Set(["time", "level", "message", "process", "app", "version", "instance", "pid"]);
const colourOf: Readonly<Record<string, string>> = { warn: "\u001b[33m", error: "\u001b[31m", name: "\u001b[2m" };
const plain = "\u001b[0m";
const lengthMax = 400;

/**
 * A process's line for people, with its name in front: "gateway   │ connected to control". Lines of the access log, one a
 * request, answer undefined: they stand in the log file. What is no structured line is shown as it is.
 */
export function viewFromLine(name: string, line: string, { width, colours }: LogViewOptions): string | undefined {
  const record = recordFrom(line);
  if (record?.["message"] === "request") return undefined;
  const level = record === undefined ? "" : String(record["level"]);
  const text = record === undefined ? line : textFrom(record);
  const clipped = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  const mark = level === "warn" || level === "error" ? `${level}: ` : "";
  const paint = (kind: string, words: string): string => (colours && colourOf[kind] ? `${colourOf[kind]}${words}${plain}` : words);
  return `${paint("name", `${name.padEnd(width)} │`)} ${paint(level, `${mark}${clipped}`)}`;
}

function recordFrom(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function textFrom(record: Record<string, unknown>): string {
  const fields = Object.entries(record).filter(([key]) => !hiddenFields.has(key));
  const shown = fields.map(
    ([key, value]) => `${key}=${typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)}`,
  );
  return [String(record["message"]), ...shown].join(" ");
}
