/** What is asked of a bucket that several instances share. */
export interface TokenWish {
  /** Tokens that are wanted; fewer may be granted. */
  readonly wanted: number;
  readonly perSecond: number;
  readonly burst: number;
}

/** What was taken of it. */
export interface TokenGrant {
  readonly granted: number;
  /** When fewer were granted: how long until there is one again. */
  readonly retryAfterMs: number;
}

/** Keeps the buckets of a global limit, one for each key. `createRedisTokens` of policy/redis-tokens, or `createLocalTokens`. */
export interface TokenSource {
  /** Takes tokens. Rejects when it cannot be asked; whoever asks has a time-out of its own. */
  take(key: string, wish: TokenWish): Promise<TokenGrant>;
}
