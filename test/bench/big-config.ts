// Large configurations for benchmarks: virtual servers with their real servers, as a generator of a site would write them.

export interface BigConfig {
  readonly virtualServers: number;
  /** Of each virtual server; 4 when not said. */
  readonly realServers?: number;
  /** Lines of the check of each real server; none: no check. */
  readonly check?: string;
  /** Weight of the first real server of all; 1, as all others have, when not said. */
  readonly firstWeight?: number;
}

/** 1,000 virtual servers × 4 from one definition, used as often with its values set before it, or by two sequences. */
export function expandedConfig(by: "macros" | "~SEQ"): string {
  const reals = [1, 2, 3, 4].flatMap((n) => [`  real_server 172.${16 + n}.\${A}.\${B} 80 {`, "    weight 1", "  }"]);
  const lines = [
    `virtual_server 10.1.\${A}.\${B} 80 {`,
    "  delay_loop 10",
    "  lb_algo wlc",
    "  lb_kind DR",
    "  protocol TCP",
  ];
  const definition = `$VS= \\\n${[...lines, ...reals, "}"].join(" \\\n")}\n`;
  if (by === "~SEQ") return `${definition}~SEQ(A,0,3) ~SEQ(B,0,249) $VS\n`;
  return definition + Array.from({ length: 1000 }, (_, i) => `$A=${i >> 8}\n$B=${i & 255}\n$VS\n`).join("");
}

export function bigConfig(config: BigConfig): string {
  const blocks = Array.from({ length: config.virtualServers }, (_, i) => virtualServer(i, config));
  return `global_defs {\n  router_id bench\n}\n${blocks.join("")}`;
}

function virtualServer(i: number, { realServers = 4, check = "", firstWeight = 1 }: BigConfig): string {
  const vip = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  const reals = Array.from({ length: realServers }, (_, n) => {
    const server = i * realServers + n;
    const ip = `172.${16 + ((server >> 16) & 15)}.${(server >> 8) & 255}.${server & 255}`;
    return `  real_server ${ip} 80 {\n    weight ${server === 0 ? firstWeight : 1}\n${check}  }\n`;
  });
  return `virtual_server ${vip} 80 {\n  delay_loop 10\n  lb_algo wlc\n  lb_kind DR\n  protocol TCP\n${reals.join("")}}\n`;
}
