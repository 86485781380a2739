import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { runConformance } from "./connectconformance.ts";
import { generateSuites } from "./contracts.ts";
import { suiteMissing } from "./suite-programs.ts";

/** As many as were seen when the pin was last raised: a runner that leaves cases out must not pass. */
const casesMin = { client: 4862, server: 3820 };

describe("connectconformance", { skip: suiteMissing("WEIR_CONNECTCONFORMANCE") }, () => {
  before(generateSuites);

  for (const mode of ["client", "server"] as const) {
    test(`finds no fault with our ${mode}`, async () => {
      const { cases, passed, failed, complaints } = await runConformance(mode);
      assert.equal(failed, 0, complaints);
      assert.equal(passed, cases);
      assert.ok(cases >= casesMin[mode], `at least ${casesMin[mode]} cases, found ${cases}`);
    });

    test(`finds fault with a ${mode} that loses trailers`, async () => {
      const { failed, complaints } = await runConformance(mode, {
        run: ["Basic/HTTPVersion:2/Protocol:PROTOCOL_GRPC/**"],
        args: ["--without-trailers"],
      });
      assert.ok(failed > 0);
      assert.match(complaints, /actual response trailers missing/);
    });
  }
});
