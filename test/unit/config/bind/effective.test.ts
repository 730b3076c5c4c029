// What `lbd check --effective` and /v1/config show: values with their origin, secrets masked; what a run says is not built yet.
import { expect, test } from "bun:test";
import { type EffectiveNode, MASK, notYetEffectiveLine } from "../../../../src/config/effective/effective.ts";
import { bindText } from "../../../support/config.ts";

const TEXT = `virtual_server 192.0.2.80 80 {
  delay_loop 6
  lvs_sched rr
  lvs_method DR
  protocol TCP
  real_server 192.0.2.81 80 {
    TCP_CHECK {
      connect_timeout 2
    }
  }
}
SSL {
  password topsecret
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 5
  authentication {
    auth_type PASS
    auth_pass topsecr
  }
  virtual_ipaddress {
    192.0.2.80/24
  }
}
`;

function find(nodes: readonly EffectiveNode[], ...path: string[]): EffectiveNode | undefined {
  const [keyword, ...rest] = path;
  const node = nodes.find((one) => one.keyword === keyword);
  return rest.length === 0 ? node : node && find(node.block ?? [], ...rest);
}

test("a value names its line, an inherited one the line that set it, and the rest is a default", () => {
  const { blocks } = bindText(TEXT).effective;
  const file = "/k.conf";
  const at = ["virtual_server", "real_server", "TCP_CHECK"];
  expect(find(blocks, "virtual_server", "delay_loop")).toEqual({
    keyword: "delay_loop",
    words: ["6"],
    value: 6000,
    origin: { file, line: 2, column: 3 },
  });
  expect(find(blocks, ...at, "delay_loop")).toEqual({
    keyword: "delay_loop",
    value: 6000,
    origin: { file, line: 2, column: 3 },
    inherited: true,
  });
  expect(find(blocks, ...at, "connect_timeout")?.origin).toEqual({ file, line: 8, column: 7 });
  expect(find(blocks, ...at, "fwmark")).toEqual({ keyword: "fwmark", value: 0, origin: "default" });
  expect(find(blocks, "vrrp_instance", "priority")?.origin).toBe("default");
});

test("no secret is shown, neither in the tree nor in the model", () => {
  const text = JSON.stringify(bindText(TEXT).effective);
  expect(text).not.toContain("topsecr");
  expect(text).toContain(MASK);
});

test("no secret is in a message", () => {
  const { diagnostics } = bindText(`vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 5
  authentication { auth_type PASS auth_pass hunter2 }
  auth_hmac {
    key 1 hunter2hunter2
    active_key 1
  }
  virtual_ipaddress {
    192.0.2.1
  }
}
vrrp_instance VI_2 {
  interface eth1
  virtual_router_id 5
  authentication {
    auth_type PASS
    auth_pass hunter2 hunter2
    auth_pass hunter2hunter2
  }
  virtual_ipaddress {
    192.0.2.2
  }
}
SSL {
  password hunter2 hunter2
}
`);
  expect(diagnostics.length).toBeGreaterThan(4);
  expect(JSON.stringify(diagnostics.map(({ message, hint }) => [message, hint]))).not.toContain("hunter2");
});

test("a run says which keywords have no effect yet, each once", () => {
  const { effective } = bindText(`bfd_instance a {
  neighbor_ip 192.0.2.1
}
bfd_instance b {
  neighbor_ip 192.0.2.2
}
virtual_server 192.0.2.80 80 {
  lvs_sched rr
  lvs_method DR
  protocol TCP
  hashed
  real_server 192.0.2.81 80 {
  }
}
`);
  const hashed = effective.notYetEffective.find(({ id }) => id === "virtual_server/hashed");
  expect(hashed).toMatchObject({ count: 1, reason: "does nothing, in keepalived too" });
  expect(notYetEffectiveLine(effective.notYetEffective)).toContain("virtual_server/hashed");
  expect(notYetEffectiveLine([])).toBeUndefined();
});
