import { useEffect, useState } from "preact/hooks";

/** Monotonic milliseconds, renewed every `stepMs`: whatever shows an age ticks by it. */
export function useNow(stepMs: number = 1000): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), stepMs);
    return () => clearInterval(timer);
  }, [stepMs]);
  return nowMs;
}
