import { Health } from "../contract/grpc/health/v1/health.weir.ts";
import type { Implementation } from "../rpc/implement.ts";
import { createHealth } from "../rpc/node/health/health.ts";
import { createReflection } from "../rpc/node/reflection/reflection.ts";
import { layered } from "../service.ts";
import type { Policies } from "../policy/policies.ts";
import type { AppOptions } from "./app-options.ts";
import type { StateHolder } from "./state.ts";

/**
 * What an app serves: its services, behind its layers, and beside them health, which follows its state, and reflection.
 * Health is outside of the layers, because whoever asks for it (a load balancer, Kubernetes) has no credentials; reflection
 * is behind them. One that the app implements itself takes the place of the app's own.
 */
export function servicesOf(
  options: AppOptions & { readonly guards?: Pick<Policies, "guard"> },
  state: StateHolder,
): readonly Implementation[] {
  const { services, layers = [], rpc, guards } = options;
  const own = services.map((one): Implementation => ({
    ...one,
    methods: one.methods.map((method) => {
      const guard = guards?.guard(method.descriptor);
      // Admission → what the app puts around, such as authentication → rate → what `implement` has within: validation, handler.
      return { ...method, service: layered(method.service, guard ? [guard.admission, ...layers, guard.limits] : layers) };
    }),
  }));
  const health = services.some(({ descriptor }) => descriptor.typeName === Health.typeName) ? [] : [healthFrom(services, state)];
  if (rpc?.reflection === false) return [...own, ...health];
  const names = new Set(services.map(({ descriptor }) => descriptor.typeName));
  const reflection = createReflection([...own, ...health], { layers }).filter(({ descriptor }) => !names.has(descriptor.typeName));
  return [...own, ...health, ...reflection];
}

function healthFrom(services: readonly Implementation[], state: StateHolder): Implementation {
  const health = createHealth(services.map(({ descriptor }) => descriptor.typeName));
  state.onEnter((entered) => {
    if (entered === "SERVING") health.setAll("SERVING");
    else if (entered === "DRAINING" || entered === "STOPPED") health.close();
    else health.setAll("NOT_SERVING");
  });
  return health.implementation;
}
