/** Lets everything that is ready run: promises, ticks, and one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Waits until `condition` holds. Fails after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs: number = 5000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`the condition did not come true within ${timeoutMs} ms: ${condition.toString()}`);
    await turn();
  }
}
