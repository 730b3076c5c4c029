// Large configurations for benchmarks: virtual servers with four real servers each, as a generator of a site would write them.

export interface BigConfig {
  readonly virtualServers: number;
  /** Lines of the check of each real server; none: no check. */
  readonly check?: string;
}

export function bigConfig({ virtualServers, check }: BigConfig): string {
  const blocks = Array.from({ length: virtualServers }, (_, i) => virtualServer(i, check));
  return `global_defs {\n  router_id bench\n}\n${blocks.join("")}`;
}

function virtualServer(i: number, check: string | undefined): string {
  const vip = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  const reals = Array.from({ length: 4 }, (_, n) => {
    const server = i * 4 + n;
    const ip = `172.${16 + ((server >> 16) & 15)}.${(server >> 8) & 255}.${server & 255}`;
    return `  real_server ${ip} 80 {\n    weight 1\n${check ?? ""}  }\n`;
  });
  return `virtual_server ${vip} 80 {\n  delay_loop 10\n  lb_algo wlc\n  lb_kind DR\n  protocol TCP\n${reals.join("")}}\n`;
}
