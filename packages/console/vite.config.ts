import type { UserConfig } from "vite";

/**
 * Addresses are relative, so that the console can be served below any path. Nothing is inlined: it is served under
 * `default-src 'self'`, which forbids inline scripts, inline styles and data: addresses.
 */
const config: UserConfig = {
  base: "./",
  build: {
    outDir: "dist",
    target: ["chrome123", "firefox121", "safari17.5"],
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { host: "127.0.0.1", proxy: { "/weir.api.v1": "http://127.0.0.1:7070" } },
};

export default config;
