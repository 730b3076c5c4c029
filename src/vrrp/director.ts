// VRRP core: the former names of the router, until its users have the new ones.
export type { Arrival } from "./router/configuration.ts";
export { createVrrpRouter as createDirector, type VrrpRouter as Director } from "./router/router.ts";
