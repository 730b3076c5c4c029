// Roles: a notifier for a role that has no configuration yet.
import type { GlobalConfig } from "../config/model/global.ts";
import type { RunningNotifier } from "../notify/notifier.ts";

/** A notifier opens FIFOs as soon as it exists, and needs the configuration for that: it is made with the first reload(). */
export function lateNotifier(create: (global: GlobalConfig) => RunningNotifier): RunningNotifier {
  let notifier: RunningNotifier | undefined;
  return {
    notify: (notification) => notifier?.notify(notification),
    drain: (limitMs) => notifier?.drain(limitMs) ?? Promise.resolve(),
    reload(global) {
      if (notifier) notifier.reload(global);
      else notifier = create(global);
    },
    metrics: () => notifier?.metrics() ?? {},
    close: () => notifier?.close(),
  };
}
