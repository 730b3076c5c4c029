// Config core: the typed configuration. Everything outside config/ imports only these types.
// Plain JSON data (it crosses processes): addresses are canonical text, times are milliseconds, absent means "not configured".
// Inheritance and defaults are already resolved: a worker never looks further up for a value.

import type { BfdInstance } from "./bfd.ts";
import type { SslClient } from "./check.ts";
import type { GlobalConfig } from "./global.ts";
import type { ServiceGroup, VirtualServer } from "./lvs.ts";
import type { VrrpConfig } from "./vrrp.ts";

export interface Config {
  readonly global: GlobalConfig;
  readonly virtualServers: readonly VirtualServer[];
  readonly serviceGroups?: readonly ServiceGroup[];
  /** Defaults of the certificate for SSL_GET (top-level `SSL`). */
  readonly ssl?: SslClient;
  readonly vrrp: VrrpConfig;
  readonly bfd: readonly BfdInstance[];
}
