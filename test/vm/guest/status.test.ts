// Ring vm, in the guest: what the API, the metrics and `lbd status` say of a director that works: states and reasons of the checks, and
// the kernel's own weights and connections. Each answer is held against the OpenAPI document that the director serves.
import { expect, test } from "bun:test";
import { Daemon, lbdBinary } from "../../support/daemon.ts";
import { closed, mismatches } from "../../support/json-schema.ts";
import { until } from "../../support/until.ts";
import { Lab, VIP } from "./lab.ts";

const CONFIG = `virtual_server ${VIP} 80 {
  delay_loop 1
  retry 1
  delay_before_retry 0.2
  warmup 0
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 198.51.100.11 80 {
    weight 3
    TCP_CHECK {
      connect_timeout 1
    }
  }
  real_server 198.51.100.12 80 {
    weight 2
    inhibit_on_failure
    TCP_CHECK {
      connect_timeout 1
    }
  }
}
`;
const ID = `${VIP}:80/tcp`;

test("every server shows state, reason, weights and the kernel's connections", async () => {
  using lab = new Lab(2);
  await lab.serve(0, 1);
  using director = new Daemon("lbd", lab.director, CONFIG).start();
  const socket = `${director.dir}/run/api.sock`;
  const get = (path: string) => lab.director.run("curl", "-s", "--unix-socket", socket, `http://lbd${path}`).stdout;
  const real = (i: number) => JSON.parse(get(`/v1/virtual-servers/${encodeURIComponent(ID)}`)).realServers?.[i];
  const lbd = (...words: string[]) =>
    lab.director.run(lbdBinary(), ...words, "--run-dir", `${director.dir}/run`).stdout;

  await until("both are in the table", () => lab.table().length === 3, 30_000);
  await until("the API answers", () => get("/readyz") !== "", 30_000);
  await lab.ask({ transport: "tcp", host: VIP, port: 80, count: 10 });
  const first = await until(
    "the kernel's numbers arrived",
    () => {
      const now = real(0);
      return now?.statistics?.connections === 5 && now.checks[0].lastResult && now;
    },
    30_000,
  );
  expect(first).toMatchObject({
    id: "198.51.100.11:80",
    healthy: true,
    inTable: true,
    forwarding: "NAT",
    weight: { configured: 3, effective: 3, kernel: 3 },
    statistics: { connections: 5 },
    checks: [{ kind: "TCP_CHECK", healthy: true, lastResult: { ok: true, code: "ok", reason: expect.any(String) } }],
  });
  expect(first.checks[0].lastResult.durationMs).toBeGreaterThan(0);
  expect(first.connections.active + first.connections.inactive).toBe(5);
  expect(get("/metrics")).toContain(
    `lbd_real_server_connections_total{vs="${ID}",proto="tcp",rs="198.51.100.11:80"} 5\n`,
  );

  await lab.kill(1);
  const second = await until("the second is down", () => !real(1).healthy && real(1), 30_000);
  expect(second).toMatchObject({
    healthy: false,
    reason: expect.stringContaining("refused"),
    inTable: true,
    weight: { configured: 2, effective: 0, kernel: 0 },
    checks: [{ healthy: false, lastResult: { ok: false, code: "refused" } }],
  });
  expect(Date.parse(second.since)).toBeGreaterThan(Date.parse(first.since));
  const listed = (healthy: boolean) =>
    JSON.parse(get(`/v1/real-servers?healthy=${healthy}`)).realServers.map(({ id }: { id: string }) => id);
  expect([listed(true), listed(false)]).toEqual([["198.51.100.11:80"], ["198.51.100.12:80"]]);
  expect(get("/metrics")).toContain(`lbd_real_server_up{vs="${ID}",proto="tcp",rs="198.51.100.12:80"} 0\n`);

  const text = lbd("status");
  expect(text).toMatch(/198\.51\.100\.11:80 +up .* 3 /);
  expect(text).toMatch(/198\.51\.100\.12:80 +DOWN .* 2>0 .*TCP_CHECK: connection\s+refused/);
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(JSON.parse(lbd("status", "--json")).virtualServers[0].id).toBe(ID);

  const document = closed(JSON.parse(get("/openapi.json")));
  const paths = ["/v1/status", "/v1/virtual-servers", "/v1/real-servers", "/v1/config", "/v1/vrrp", "/readyz"] as const;
  for (const path of paths) {
    const { paths: described } = document as { paths: Record<string, { get: { responses: Record<string, Answer> } }> };
    const schema = described[path]?.get.responses[200]?.content["application/json"].schema;
    expect(schema, path).toBeDefined();
    expect(mismatches(JSON.parse(get(path)), schema, document), path).toEqual([]);
  }
  expect(await director.stop()).toBe(0);
  expect(lab.table()).toEqual([]);
});

interface Answer {
  readonly content: { readonly "application/json": { readonly schema: unknown } };
}
