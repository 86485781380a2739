import type { Plugin, UserConfig } from "vite";

/** Descriptors are for servers with reflection: a page loads none, so their files are not built and not named. */
const withoutDescriptors: Plugin = {
  name: "weir-without-descriptors",
  enforce: "pre",
  transform: {
    filter: { id: /\.weir\.ts$/ },
    handler: (code) => code.replaceAll(/^ {2}files: \(\) => import\(.*\n/gm, ""),
  },
};

/**
 * Addresses are relative, so that the console can be served below any path. Nothing is inlined: it is served under
 * `default-src 'self'`, which forbids inline scripts, inline styles and data: addresses.
 */
const config: UserConfig = {
  base: "./",
  plugins: [withoutDescriptors],
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
