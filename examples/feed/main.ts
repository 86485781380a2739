import process from "node:process";
import { createFeedApp } from "./feed-app.ts";

const { WEIR_VERSION: version = "v2", FEED_DATABASE_URL: databaseUrl = "sqlite:.weir/feed/feed.db" } = process.env;

const feed = createFeedApp({ version, databaseUrl });
await feed.app.run();
await feed.close();
