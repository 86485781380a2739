/**
 * The metrics of several processes as one text: every series gets the label `worker`, each family stands once. Texts are of the
 * format of Prometheus, 0.0.4, as `Metrics.text` writes them; what is no such line is left out.
 */
export function mergeMetrics(texts: ReadonlyMap<string, string>): string {
  const families = new Map<string, { readonly head: string[]; readonly lines: string[] }>();
  for (const [worker, text] of texts) {
    let family: { readonly head: string[]; readonly lines: string[] } | undefined;
    let isNew = false;
    for (const line of text.split("\n")) {
      const head = /^# (HELP|TYPE) (\S+)/.exec(line);
      if (head) {
        const name = head[2] ?? "";
        const known = families.get(name);
        if (family !== known || known === undefined) isNew = known === undefined;
        family = known ?? { head: [], lines: [] };
        if (isNew) family.head.push(line);
        families.set(name, family);
      } else if (family && line !== "" && !line.startsWith("#")) family.lines.push(labelled(line, worker));
    }
  }
  return [...families.values()].flatMap(({ head, lines }) => [...head, ...lines, ""]).join("\n");
}

/** The name ends at a brace or a blank; values of labels may hold either. */
function labelled(line: string, worker: string): string {
  const end = /[{ ]/.exec(line)?.index ?? line.length;
  const name = line.slice(0, end);
  return line[end] === "{" ? `${name}{worker="${worker}",${line.slice(end + 1)}` : `${name}{worker="${worker}"}${line.slice(end)}`;
}
