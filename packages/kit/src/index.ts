// What the author of a service needs. Everything else has a door of its own, listed in package.json.
export { createApp, type App, type AppOptions } from "./app/app.ts";
export { implement, type Implementation, type ImplementOptions } from "./rpc/implement.ts";
export { Call, metadataValue, type CallKey, type CallOptions, type Logger, type Metadata, type Peer, type TraceContext } from "./call.ts";
export {
  codes,
  fault,
  Fault,
  faultFrom,
  isFault,
  type Code,
  type FaultDetail,
  type FaultOptions,
  type Reason,
  type Reasons,
} from "./fault.ts";
export { layered, type Daemon, type Layer, type Message, type Service } from "./service.ts";
export { systemClock, type Clock } from "./clock.ts";
