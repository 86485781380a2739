const objectBytes = 32;
const fieldBytes = 8;
/** What is no small integer is an object of its own, in most arrays too. */
const numberBytes = 16;
/** A view, its buffer and what the platform keeps of that. */
const viewBytes = 200;

/**
 * About how many bytes of memory a value takes, rather too many than too few: strings as if every character took two bytes, what is
 * reached twice counted once. Looks at all of it, arrays of numbers excepted. Of functions and of what an object hides it knows nothing.
 */
export function approximateBytes(value: unknown): number {
  if (typeof value === "object" && value !== null) return bytesOfObject(value);
  return bytesOfPlain(value);
}

function bytesOfPlain(value: unknown): number {
  if (typeof value === "string") return objectBytes + 2 * value.length;
  return typeof value === "number" || typeof value === "bigint" ? numberBytes : 0;
}

function bytesOfObject(value: object): number {
  const seen = new Set<object>([value]);
  let bytes = 0;
  const add = (part: unknown): void => {
    bytes += fieldBytes;
    if (typeof part !== "object" || part === null) bytes += bytesOfPlain(part);
    else seen.add(part);
  };
  // What is added while the set is walked is walked too.
  for (const one of seen) {
    bytes += objectBytes;
    if (ArrayBuffer.isView(one)) bytes += viewBytes + one.byteLength;
    else if (one instanceof ArrayBuffer) bytes += one.byteLength;
    else if (Array.isArray(one)) {
      if (typeof one[0] === "number" && typeof one.at(-1) === "number") bytes += (fieldBytes + numberBytes) * one.length;
      else for (const part of one) add(part);
    } else if (one instanceof Map) {
      for (const [key, part] of one) {
        bytes += 2 * fieldBytes;
        add(key);
        add(part);
      }
    } else if (one instanceof Set) for (const part of one) add(part);
    else for (const name of Object.keys(one)) add((one as Readonly<Record<string, unknown>>)[name]);
  }
  return bytes;
}
