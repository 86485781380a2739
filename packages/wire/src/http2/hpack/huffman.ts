/** The Huffman code of HPACK (RFC 7541 §5.2). Its codes are canonical, so the list of lengths of Appendix B is all there is to know. */

// Bits of the code of each byte, and of the end-of-string symbol (256). RFC 7541 Appendix B.
const codeBits = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10,
  12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7,
  7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22,
  23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
  23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20,
  24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const endOfString = 256;

/** The code of each symbol, right-aligned. */
const codes = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const made = new Uint32Array(codeBits.length);
  let code = 0;
  for (let bits = 5; bits <= 30; bits += 1) {
    for (let symbol = 0; symbol < codeBits.length; symbol += 1) {
      if (codeBits[symbol] !== bits) continue;
      made[symbol] = code;
      code += 1;
    }
    code *= 2;
  }
  return made;
}

// A step of the decoder takes four bits: no code is shorter than five, so it ends at most one symbol.
// An entry holds the symbol (8 bits), the next state (8 bits), whether a symbol ended, and whether the input is wrong.
const symbolEnded = 1 << 16;
const wrong = 1 << 17;
const steps = new Uint32Array(256 * 16);
/** 1 where the input may end: at a symbol's end, or in at most seven bits of the end-of-string code. */
const mayEnd = new Uint8Array(256);

interface TreeNode {
  readonly state: number;
  readonly next: [TreeNode | number | undefined, TreeNode | number | undefined];
}

fillSteps();

function fillSteps(): void {
  const nodes: TreeNode[] = [];
  const root = nodeMade(nodes);
  for (let symbol = 0; symbol < codeBits.length; symbol += 1) {
    let node = root;
    const bits = codeBits[symbol] as number;
    for (let bit = bits - 1; bit > 0; bit -= 1) {
      const side = ((codes[symbol] as number) >>> bit) & 1;
      node = (node.next[side] ??= nodeMade(nodes)) as TreeNode;
    }
    node.next[(codes[symbol] as number) & 1] = symbol;
  }
  for (const node of nodes) for (let four = 0; four < 16; four += 1) steps[node.state * 16 + four] = stepFrom(root, node, four);
  let padding: TreeNode | number | undefined = root;
  for (let bits = 0; bits < 8; bits += 1) {
    const node = padding as TreeNode;
    mayEnd[node.state] = 1;
    padding = node.next[1];
  }
}

function nodeMade(nodes: TreeNode[]): TreeNode {
  const node: TreeNode = { state: nodes.length, next: [undefined, undefined] };
  nodes.push(node);
  return node;
}

function stepFrom(root: TreeNode, from: TreeNode, four: number): number {
  let node = from;
  let entry = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const next = node.next[(four >> bit) & 1] as TreeNode | number;
    if (typeof next !== "number") node = next;
    else if (next === endOfString) return wrong;
    else {
      entry = next | symbolEnded;
      node = root;
    }
  }
  return entry | (node.state << 8);
}

/** Decodes `bytes` from `at` to `end` into `out` and answers how many bytes that are, or -1 for a wrong code or wrong padding. */
export function huffmanDecoded(bytes: Uint8Array, range: { readonly at: number; readonly end: number }, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let index = range.at; index < range.end; index += 1) {
    const byte = bytes[index] as number;
    let step = steps[state + (byte >> 4)] as number;
    if ((step & symbolEnded) !== 0) {
      out[length] = step;
      length += 1;
    }
    let bad = step;
    step = steps[((step >> 4) & 0xff0) + (byte & 15)] as number;
    if ((step & symbolEnded) !== 0) {
      out[length] = step;
      length += 1;
    }
    bad |= step;
    if ((bad & wrong) !== 0) return -1;
    state = (step >> 4) & 0xff0;
  }
  return mayEnd[state >> 4] === 1 ? length : -1;
}

/** Most bytes that `length` encoded bytes can decode to. */
export function huffmanDecodedLengthMax(length: number): number {
  return Math.ceil((length * 8) / 5) + 1;
}

/** How many bytes `text`, one byte a character, is when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index += 1) bits += codeBits[text.charCodeAt(index) & 255] as number;
  return (bits + 7) >> 3;
}

/** Encodes `text`, one byte a character, into `out` from `at` on and answers where it ends. */
export function writeHuffman(text: string, out: Uint8Array, at: number): number {
  let held = 0;
  let heldBits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index) & 255;
    const code = codes[symbol] as number;
    let bits = codeBits[symbol] as number;
    // At most seven bits are held, so that only 25 more fit; longer codes go in two parts.
    if (bits > 24) {
      bits -= 16;
      held = (held << bits) | (code >>> 16);
      heldBits += bits;
      for (; heldBits >= 8; heldBits -= 8, at += 1) out[at] = held >>> (heldBits - 8);
      bits = 16;
      held = (held << 16) | (code & 0xffff);
    } else held = (held << bits) | code;
    heldBits += bits;
    for (; heldBits >= 8; heldBits -= 8, at += 1) out[at] = held >>> (heldBits - 8);
  }
  if (heldBits > 0) {
    out[at] = (held << (8 - heldBits)) | (0xff >> heldBits);
    at += 1;
  }
  return at;
}
