import { floors } from "./floors.ts";
import type { Tree } from "./tree.ts";
import { resolveImport } from "./tree.ts";

const width = 110;

/** One package of the drawing: its rooms are the folders of its source, its arrows what its source really imports. */
interface Box {
  readonly name: string;
  readonly rooms: readonly string[];
  readonly imports: readonly string[];
}

/** The floors of the house as text, from the imports that are really there. Tests are left out: they may look further. */
export function drawingFrom(tree: Tree): string {
  const lines: string[] = [];
  const stories = [...new Set(Object.values(floors))].toSorted((left, right) => right - left);
  for (const story of stories) {
    const boxes = Object.keys(floors)
      .filter((name) => floors[name] === story)
      .map((name) => boxFrom(tree, `packages/${name}`))
      .filter((box) => box !== undefined);
    if (boxes.length > 0) lines.push(...rowFrom(`${story}`, boxes));
  }
  const outside = [...new Set([...tree.sources.keys()].flatMap(outsideFolder))].map((folder) => boxFrom(tree, folder));
  lines.push(
    "",
    "   nothing imports these:",
    ...rowFrom(
      " ",
      outside.filter((box) => box !== undefined),
    ),
  );
  return lines.join("\n");
}

function outsideFolder(path: string): string[] {
  const parts = path.split("/");
  if (parts[0] === "examples" && parts.length > 2) return [`examples/${parts[1]}`];
  return parts[0] === "tools" ? ["tools"] : [];
}

function boxFrom(tree: Tree, folder: string): Box | undefined {
  const rooms = new Set<string>();
  const imports = new Set<string>();
  let isEmpty = true;
  for (const source of tree.sources.values()) {
    if (!source.path.startsWith(`${folder}/`) || source.test) continue;
    isEmpty = false;
    const inner = source.path.slice(folder.length + 1).replace(/^src\//, "");
    if (inner.includes("/")) rooms.add(inner.slice(0, inner.indexOf("/")));
    for (const one of source.imports) {
      const target = resolveImport(tree, one);
      const imported = target.kind === "door" ? /^packages\/([^/]+)\//.exec(target.path)?.[1] : undefined;
      if (imported !== undefined && `packages/${imported}` !== folder) imports.add(imported);
    }
  }
  const byFloor = [...imports].toSorted((left, right) => (floors[right] ?? 0) - (floors[left] ?? 0) || (left < right ? -1 : 1));
  return isEmpty ? undefined : { name: folder.replace("packages/", ""), rooms: [...rooms].toSorted(), imports: byFloor };
}

function rowFrom(label: string, boxes: readonly Box[]): string[] {
  const inside = Math.floor((width - 3) / Math.max(boxes.length, 2)) - 5;
  const contents = boxes.map((box) => [
    ...wrapped(box.rooms.map((room) => `${room}/`).join(" "), inside),
    ...wrapped(`↓ ${box.imports.length > 0 ? box.imports.join(" ") : "nothing"}`, inside),
  ]);
  const height = Math.max(...contents.map((one) => one.length));
  const row = (cells: readonly string[], first: string): string => `${first.padEnd(3)}${cells.join(" ")}`.trimEnd();
  const lines = [
    row(
      boxes.map((box) => `┌─ ${box.name} ${"─".repeat(inside - box.name.length - 1)}┐`),
      label,
    ),
  ];
  for (let index = 0; index < height; index++) {
    lines.push(
      row(
        contents.map((one) => `│ ${(one[index] ?? "").padEnd(inside)} │`),
        "",
      ),
    );
  }
  lines.push(
    row(
      boxes.map(() => `└${"─".repeat(inside + 2)}┘`),
      "",
    ),
  );
  return lines;
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > columns) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}

const begin = "<!-- drawing: written by `node tools/drawing.ts` -->";
const end = "<!-- end of drawing -->";

/** A page with its drawing replaced. Throws when the page has no place for one. */
export function pageWithDrawing(page: string, drawing: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`expected the lines ${begin} and ${end} in ARCHITECTURE.md, found none`);
  return `${page.slice(0, from)}${begin}\n\n\`\`\`text\n${drawing}\n\`\`\`\n\n${page.slice(to)}`;
}
