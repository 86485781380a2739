/** One element of Sec-WebSocket-Extensions. RFC 6455 §9.1. */
export interface Extension {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly value: string | undefined }[];
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const parameter = new RegExp(`^[ \\t]*(${token})[ \\t]*(?:=[ \\t]*(?:(${token})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*)?$`);
const isToken = new RegExp(`^${token}$`);
const elementsMax = 32;

/** The elements of a Sec-WebSocket-Extensions value, or undefined when it is malformed or has more than 32. */
export function listOfExtensions(value: string): readonly Extension[] | undefined {
  const elements = outsideQuotes(value, ",");
  if (elements === undefined || elements.length > elementsMax) return undefined;
  const extensions: Extension[] = [];
  for (const element of elements) {
    const [name, ...rest] = outsideQuotes(element, ";") ?? [];
    const trimmed = name?.trim() ?? "";
    if (!isToken.test(trimmed) || rest.length > elementsMax) return undefined;
    const parameters: { name: string; value: string | undefined }[] = [];
    for (const part of rest) {
      const found = parameter.exec(part);
      if (found === null) return undefined;
      const said = found[2] ?? found[3]?.replaceAll(/\\(.)/g, "$1");
      // A quoted value has to be a token once it is unquoted.
      if (said !== undefined && !isToken.test(said)) return undefined;
      parameters.push({ name: found[1] as string, value: said });
    }
    extensions.push({ name: trimmed, parameters });
  }
  return extensions;
}

/** The subprotocols of a Sec-WebSocket-Protocol value, or undefined when one is no token, stands twice, or there are more than 32. */
export function listOfProtocols(value: string): readonly string[] | undefined {
  const protocols = value.split(",").map((one) => one.trim());
  if (protocols.length > elementsMax || protocols.some((one) => !isToken.test(one))) return undefined;
  return new Set(protocols).size === protocols.length ? protocols : undefined;
}

/** The parts between separators that stand outside quotes; undefined when a quote is not closed. */
function outsideQuotes(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(text.slice(from));
  return parts;
}
