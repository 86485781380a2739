export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export { gatewayReasons } from "./reasons.ts";
