import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@weir/wire/testing/certificates";

/** Files of PEM for programs that take nothing else. */
export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  remove(): void;
}

/** A certificate for 127.0.0.1 and localhost, with its key and the authority that issued it. */
export function writeTestCertificate(): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), "weir-certificate-"));
  const authority = createAuthority();
  const { certificate, key } = authority.issue({ ip: ["127.0.0.1"], dns: ["localhost"] });
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  return {
    ca: write("ca.pem", authority.pem),
    cert: write("cert.pem", certificate),
    key: write("key.pem", key),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
