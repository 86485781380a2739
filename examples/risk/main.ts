import { createLineWriter } from "@weir/kit/telemetry/line-writer";
import { createLogger } from "@weir/kit/telemetry/logger";
import process from "node:process";
import { createRiskApp } from "./risk-app.ts";

const { WEIR_VERSION: version = "v1", RISK_RULES: rulesFolder, RISK_ENGINE: engineFolder } = process.env;

const writer = createLineWriter();
const log = createLogger({ write: writer.write, fields: { app: "risk", version } });
const risk = createRiskApp({ version, log, ...(rulesFolder && { rulesFolder }), ...(engineFolder && { engineFolder }) });
await risk.app.run();
await risk.close();
await writer.close();
