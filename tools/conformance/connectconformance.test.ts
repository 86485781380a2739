import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { runConformance } from "./connectconformance.ts";
import { generateSuites } from "./contracts.ts";
import { suiteMissing } from "./suite-programs.ts";

/** As many as were seen when the pin was last raised: a runner that leaves cases out must not pass. */
const casesMin = { client: 2671 };

describe("connectconformance", { skip: suiteMissing("WEIR_CONNECTCONFORMANCE") }, () => {
  before(generateSuites);

  test("finds no fault with our client", async () => {
    const { cases, passed, failed, complaints } = await runConformance("client");
    assert.equal(failed, 0, complaints);
    assert.equal(passed, cases);
    assert.ok(cases >= casesMin.client, `at least ${casesMin.client} cases, found ${cases}`);
  });
});
