import { bucketCount, bucketHeader, bucketOf, bucketText } from "@weir/api/bucket";
import type { Layer } from "@weir/kit/service";
import type { HttpResponse } from "@weir/wire";
import { clusterOf, type CompiledRoute } from "../compiled-route.ts";
import type { Passage } from "../passage.ts";

const bucketTexts = Array.from({ length: bucketCount }, (_, bucket) => bucketText(bucket));

/**
 * Finds out which version the user belongs to: user id (else the client's address) → bucket → version. Stamps the bucket
 * as `x-weir-bucket`, exactly once: copies that came in are gone already. The same user gets the same version as long as
 * the weights do not move past the bucket.
 */
export function split(): Layer<Passage, HttpResponse> {
  return (next) => (passage, call) => {
    const route = passage.route as CompiledRoute;
    const userId = route.findUserId(passage.target, passage.headers) ?? passage.client;
    const bucket = bucketOf(userId, route.salt);
    passage.bucket = bucket;
    passage.cluster = clusterOf(route, bucket);
    passage.headers.push(bucketHeader, bucketTexts[bucket] as string);
    return next(passage, call);
  };
}
