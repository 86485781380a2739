// All but what stands for itself. Escaped are JSON's own, and what terminals and log readers may act upon: DEL to 0x9f,
// the two line separators.
const special = /[^\x20\x21\x23-\x5b\x5d-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\uffff]/;
const restless = /[^\x20-\x7e\u00a0-\u2027\u202a-\uffff]/g;
const textMax = 1024;

/** A JSON string, cut at 1024 characters, also safe to show in a terminal. */
export function jsonText(text: string): string {
  return `"${jsonInner(text)}"`;
}

/** The same without its quotes. Cheap when nothing needs escaping. */
export function jsonInner(text: string): string {
  const cut = text.length > textMax ? text.slice(0, textMax) : text;
  if (!special.test(cut)) return cut;
  const quoted = JSON.stringify(cut.toWellFormed()).replace(restless, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return quoted.slice(1, -1);
}
