/** Reasons that caches give. Part of the kit's catalogue. */
export const cacheReasons = {
  CACHE_OPTION_INVALID: {
    reason: "CACHE_OPTION_INVALID",
    code: "INTERNAL",
    meaning: "A cache or its store was given an option or a key outside its range: a mistake of this program.",
  },
  CACHE_STORE_AWAY: {
    reason: "CACHE_STORE_AWAY",
    code: "UNAVAILABLE",
    meaning: "The store behind a cache did not answer in time, or not at all; the cache goes on without it and tries again.",
  },
  CACHE_STORE_READ_ONLY: {
    reason: "CACHE_STORE_READ_ONLY",
    code: "RESOURCE_EXHAUSTED",
    meaning: "The store behind a cache takes no writes now: it is full, a replica, or cannot save. What it holds is still read.",
  },
  CACHE_LOADS_FULL: {
    reason: "CACHE_LOADS_FULL",
    code: "RESOURCE_EXHAUSTED",
    meaning: "As many keys of a cache are being loaded as may be at a time; this one was not begun.",
  },
  CACHE_CHANGE_INVALID: {
    reason: "CACHE_CHANGE_INVALID",
    code: "INVALID_ARGUMENT",
    meaning: "What an operator asked of the caches names none of them, or no key; the text says what was expected.",
  },
} as const;
