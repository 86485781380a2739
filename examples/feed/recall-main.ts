import process from "node:process";
import { createRecallApp } from "./recall-app.ts";

const { WEIR_VERSION: version = "v1" } = process.env;

await createRecallApp({ version }).run();
