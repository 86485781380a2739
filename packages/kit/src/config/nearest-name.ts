const charactersMax = 64;

/** The known name that somebody most likely meant; undefined when none is near (a third of its characters, at least one, at most three). */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let nearestEdits = Infinity;
  for (const candidate of known) {
    const editsMax = Math.min(3, Math.max(1, Math.floor(candidate.length / 3)));
    if (name.length > charactersMax || candidate.length > charactersMax) continue;
    const found = edits(name.toLowerCase(), candidate.toLowerCase());
    if (found <= editsMax && found < nearestEdits) [nearest, nearestEdits] = [candidate, found];
  }
  return nearest;
}

/** Letters to insert, delete, exchange, or swap with their neighbour (optimal string alignment). */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1] ? 0 : 1;
      const swapped =
        from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1] ? (before[column - 2] ?? Infinity) + 1 : Infinity;
      current[column] = Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + same, swapped);
    }
    [before, previous] = [previous, current];
  }
  return previous[to.length] ?? 0;
}
