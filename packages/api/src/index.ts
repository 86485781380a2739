export { bucketCount, bucketHeader, bucketOf, bucketText, versionOf } from "./bucket.ts";
export { isAddress, isHost, isName, isVersion } from "./names.ts";
export { snapshotReasons } from "./reasons.ts";
export type { SnapshotChange, ValidSnapshot } from "./snapshot.ts";
export { clusterName, isPathPrefix, routeProblem, shapeProblem, snapshotChanges, validateSnapshot } from "./snapshot.ts";
