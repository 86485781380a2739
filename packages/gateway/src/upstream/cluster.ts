import type { Choices } from "./choice.ts";
import type { Endpoint } from "./endpoint.ts";

/** The instances of one service at one version, as one Snapshot knows them. */
export interface Cluster extends Choices<Endpoint> {
  readonly service: string;
  readonly version: string;
}
