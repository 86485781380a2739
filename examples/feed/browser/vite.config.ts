import type { UserConfig } from "vite";
import { loadEnv } from "vite";

/** The page, with calls handed on to a feed (FEED_URL): the browser sees one origin. */
function config({ mode }: { readonly mode: string }): UserConfig {
  const { FEED_URL: feedUrl = "http://127.0.0.1:9000" } = loadEnv(mode, ".", "FEED_");
  return { server: { host: "127.0.0.1", proxy: { "/weir.feed.v1.Feed": feedUrl } } };
}

export default config;
