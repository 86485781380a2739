export { createControl, type Control, type ControlLink, type ControlOptions } from "./control.ts";
export type { BootstrapTokens } from "./identity/bootstrap.ts";
export { controlReasons } from "./reasons.ts";
