import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { TlsFiles } from "./contestant.ts";

/** A certificate for localhost and 127.0.0.1, and its key (P-256, good for a day), made by openssl in `folder`. Throws where there is no openssl. */
export function createTlsFiles(folder: string): TlsFiles {
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-days", "1", ...subject, "-keyout", files.key, "-out", files.cert], {
    stdio: "pipe",
  });
  return files;
}
