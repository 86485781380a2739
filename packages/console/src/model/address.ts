/** What the heat map and the line above it show. */
export type Metric = "requests" | "errors" | "p99";

/** Languages that have a dictionary. */
export type Language = "en" | "zh";

/** "auto" follows the system. */
export type Theme = "auto" | "light" | "dark";

/** Where the console is: which page, and how it is looked at. Everything in it may be put in a link. */
export interface Address {
  readonly page: "releases" | "release" | "sign-in";
  /** Service of the release; "" on the other pages. */
  readonly service: string;
  readonly metric: Metric;
  /** How far back the traffic reaches. */
  readonly windowS: WindowS;
  /** Undefined: as stored, else as the browser asks. */
  readonly language: Language | undefined;
  /** Undefined: as stored, else as the system has it. */
  readonly theme: Theme | undefined;
  /** Code of a one-time link; only ever read, never written back into an address. */
  readonly code: string;
}

/** Windows that can be chosen, each drawn in 60 columns. */
export const windowsS = [60, 300, 900] as const;

/** One of the windows, in seconds. */
export type WindowS = (typeof windowsS)[number];

const metrics: readonly Metric[] = ["requests", "errors", "p99"];
const languages: readonly Language[] = ["en", "zh"];
const themes: readonly Theme[] = ["auto", "light", "dark"];

/** Reads the part of an address behind "#". What cannot be read becomes the default; an unknown page the list. */
export function addressFromHash(hash: string): Address {
  const text = hash.replace(/^#/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  const query = new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1));
  const [first = "", second = ""] = path.split("/").filter((part) => part !== "");
  const service = first === "releases" ? decoded(second) : "";
  return {
    page: first === "sign-in" ? "sign-in" : service === "" ? "releases" : "release",
    service,
    metric: oneOf(metrics, query.get("metric")) ?? "requests",
    windowS: windowsS.find((window) => String(window) === query.get("window")) ?? 300,
    language: oneOf(languages, query.get("lang")),
    theme: oneOf(themes, query.get("theme")),
    code: first === "sign-in" ? (query.get("code") ?? "") : "",
  };
}

/** Writes an address, defaults left out and the code always: it is good once and never kept. */
export function hashFromAddress(address: Omit<Address, "code">): string {
  const query = new URLSearchParams();
  if (address.page === "release" && address.metric !== "requests") query.set("metric", address.metric);
  if (address.page === "release" && address.windowS !== 300) query.set("window", String(address.windowS));
  if (address.language) query.set("lang", address.language);
  if (address.theme) query.set("theme", address.theme);
  const path = address.page === "release" ? `/releases/${encodeURIComponent(address.service)}` : `/${address.page}`;
  return query.size > 0 ? `#${path}?${query}` : `#${path}`;
}

/** Seconds that a column of the window is wide. */
export function columnSecondsOf(windowS: WindowS): number {
  return windowS / 60;
}

function oneOf<T extends string>(all: readonly T[], text: string | null): T | undefined {
  return all.find((one) => one === text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
