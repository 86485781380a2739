import process from "node:process";
import { createFeedApp } from "./feed-app.ts";

const { WEIR_VERSION: version = "v2", FEED_DATABASE_URL: databaseUrl = "sqlite:.weir/feed/feed.db" } = process.env;
const { FEED_RECALL_TARGET: target, WEIR_CONTROL_URL: controlUrl, WEIR_TOKEN: token } = process.env;

const feed = createFeedApp({ version, databaseUrl, ...(target && { recall: { target, controlUrl, token } }) });
await feed.app.run();
await feed.close();
