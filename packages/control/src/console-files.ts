import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { HttpHandler, HttpRequest, HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "@weir/kit/fault";
import { controlReasons } from "./reasons.ts";

const filesMax = 1000;
const bytesMax = 64 * 1024 * 1024;
/** Below this the header costs more than gzip saves. */
const gzipBytesMin = 1024;

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

/** A build names a file for its content: "/assets/index-B1x9Zq3a.js". Such a file never changes. */
const hashedName = /^\/assets\/.*[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

/** Only what comes from here runs, and nobody may frame the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A file as it is sent: as it lies on the disk, or gzipped for whoever takes that. */
interface Representation {
  readonly bytes: Uint8Array;
  readonly headers: readonly string[];
  readonly etag: string;
}

interface ConsoleFile {
  readonly plain: Representation;
  /** Undefined where it would save nothing. */
  readonly gzipped: Representation | undefined;
}

/**
 * Serves the built pages of the console, for paths that no method has: what lay in the folder when control started and
 * nothing else, whatever a path says. The rest is 404 ROUTE_NOT_FOUND; without a folder everything is.
 * Throws CONTROL_OPTIONS_INVALID when the folder holds no index.html, or more than 1000 files or 64 MB.
 */
export function createConsoleFiles(directory: string | undefined): HttpHandler {
  const files = directory === undefined ? new Map<string, ConsoleFile>() : filesFrom(directory);
  return async (request) => {
    const path = request.target.split("?", 1)[0] ?? "";
    const file = files.get(path);
    if (!file) return notFound(request, path);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return {
        status: 405,
        headers: ["allow", "GET, HEAD", "content-type", "text/plain; charset=utf-8"],
        body: Buffer.from("Expected GET or HEAD.\n"),
      };
    }
    const { bytes, etag, headers } = takesGzip(request) ? (file.gzipped ?? file.plain) : file.plain;
    if (headerValue(request.headers, "if-none-match") === etag) return { status: 304, headers: [...headers], lengthOfGet: bytes.length };
    if (request.method === "HEAD") return { status: 200, headers: [...headers], lengthOfGet: bytes.length };
    return { status: 200, headers: [...headers], body: bytes };
  };
}

/** Whether "gzip" is named and not weighted to nothing. Source: RFC 9110 §12.5.3. */
function takesGzip(request: HttpRequest): boolean {
  const codings = (headerValue(request.headers, "accept-encoding") ?? "").split(",");
  return codings.some((coding) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(coding));
}

function notFound(request: HttpRequest, path: string): HttpResponse {
  const message = `No method and no page answers ${request.method} ${path.slice(0, 200)}.`;
  const body = Buffer.from(JSON.stringify({ code: "not_found", reason: "ROUTE_NOT_FOUND", message }));
  const headers = ["content-type", "application/json"];
  return request.method === "HEAD" ? { status: 404, headers, lengthOfGet: body.length } : { status: 404, headers, body };
}

function filesFrom(directory: string): ReadonlyMap<string, ConsoleFile> {
  if (!existsSync(join(directory, "index.html"))) {
    throw fault(
      controlReasons.CONTROL_OPTIONS_INVALID,
      `Expected the built console at consoleDirectory, found no index.html in ${directory}.`,
    );
  }
  const files = new Map<string, ConsoleFile>();
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // A link could lead out of the folder.
    if (!entry.isFile()) continue;
    const place = join(entry.parentPath, entry.name);
    bytes += statSync(place).size;
    if (files.size >= filesMax || bytes > bytesMax) {
      throw fault(
        controlReasons.CONTROL_OPTIONS_INVALID,
        `Expected at most ${filesMax} files and ${bytesMax} bytes at consoleDirectory, found more.`,
      );
    }
    const path = `/${relative(directory, place).split(sep).join("/")}`;
    files.set(path, fileFrom(path, place));
  }
  const index = files.get("/index.html");
  if (index) files.set("/", index);
  return files;
}

function fileFrom(path: string, place: string): ConsoleFile {
  const bytes = readFileSync(place);
  const plain = representationOf(path, bytes);
  const type = contentTypes[extname(path)] ?? "";
  if (bytes.length < gzipBytesMin || !/^text\/|json|svg/.test(type)) return { plain, gzipped: undefined };
  return { plain, gzipped: representationOf(path, gzipSync(bytes, { level: 9 }), ["content-encoding", "gzip"]) };
}

function representationOf(path: string, bytes: Uint8Array, encoding: readonly string[] = []): Representation {
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const headers = Object.entries({
    "content-type": contentTypes[extname(path)] ?? "application/octet-stream",
    "cache-control": hashedName.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
    etag,
    vary: "accept-encoding",
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  }).flat();
  return { bytes, headers: [...headers, ...encoding], etag };
}
