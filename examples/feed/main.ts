import process from "node:process";
import { createApp, systemClock } from "@weir/kit";
import { createCatalogue } from "./catalogue.ts";
import { createFeed } from "./feed.ts";
import { rankByTaste } from "./rank.ts";
import { recall, tasteOf } from "./recall.ts";

const version = process.env["WEIR_VERSION"] ?? "v2";
const catalogue = createCatalogue(5000);

await createApp({ name: "feed", version, services: [createFeed({ version, catalogue, clock: systemClock })] })
  .warmUp("rank", async () => {
    for (let user = 0; user < 500; user++) {
      const taste = tasteOf(`warm-up-${user}`);
      rankByTaste(recall(catalogue, taste), taste);
    }
  })
  .run();
