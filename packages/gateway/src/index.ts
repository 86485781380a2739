export { createGateway, type Gateway, type GatewayListenOptions, type GatewayOptions } from "./gateway.ts";
export { gatewayReasons } from "./reasons.ts";
