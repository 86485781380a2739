/** Whether a request or an answer is a stream: it goes on after its promise has resolved, and can be read once only. */
export function isStreamMessage(message: unknown): boolean {
  return typeof message === "object" && message !== null && "stream" in message && message.stream === true;
}
