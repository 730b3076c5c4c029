// Test machine: the configuration folders of the two directors of a pair, as docs/appliance.md shows them: an address for clients, a gateway for
// real servers, both by VRRP in one group; NAT; connections told to the other one; an API for whoever has the token.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BACK, CROWD, FRONT, REAL_SERVERS } from "./pair-network.ts";

export const VIRTUAL_ADDRESS = `${FRONT}.80`;
export const WEB_PORT = 80;
/** Connections that stay: what is sent comes back. */
export const ECHO_PORT = 7;
export const API_PORT = 8443;

export interface FolderWords {
  readonly director: 1 | 2;
  readonly token: string;
  /** The second line of update.pub. */
  readonly updateKey?: string;
  /** Real servers of the web service beyond the two that run. */
  readonly moreServers?: readonly string[];
}

export function directorAddress(director: 1 | 2): string {
  return `${FRONT}.${10 + director}`;
}

/** The permanent address of a card: network.yaml knows it by that. */
export function cardAddress(side: "front" | "back", director: 1 | 2): string {
  return `52:54:00:aa:0${director}:0${side === "front" ? 1 : 2}`;
}

export function writeFolder(folder: string, words: FolderWords): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    "network.yaml": network(words),
    "appliance.yaml": appliance(words),
    "keepalived.conf": keepalivedText(words),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

function network({ director, moreServers }: FolderWords): string {
  return `network:
  version: 2
  ethernets:
    front:
      match: {macaddress: "${cardAddress("front", director)}"}
      set-name: front
      addresses: [${directorAddress(director)}/24]
    back:
      match: {macaddress: "${cardAddress("back", director)}"}
      set-name: back
      addresses: [${BACK}.${10 + director}/24]
${moreServers ? `      routes: [{to: ${CROWD}, via: ${REAL_SERVERS[0].address}}]\n` : ""}`;
}

function appliance({ director, token, updateKey }: FolderWords): string {
  return `hostname: director${director}
api:
  listen: ${directorAddress(director)}
  port: ${API_PORT}
  tokens:
    you: {role: admin, sha256: ${createHash("sha256").update(token).digest("hex")}}
${updateKey === undefined ? "" : `update: {keys: ["${updateKey}"]}\n`}# Lines on the serial console, no screen.
console: {menu: false}
`;
}

export function keepalivedText({ director, moreServers = [] }: FolderWords): string {
  const priority = director === 1 ? 150 : 100;
  const instance = (name: string, id: number, address: string) => `vrrp_instance ${name} {
    state BACKUP
    # Who comes back waits for its turn: it does not know the connections yet.
    nopreempt
    interface ${name}
    virtual_router_id ${id}
    priority ${priority}
    advert_int 1
    virtual_ipaddress {
        ${address}/24
    }
}
`;
  const real = (address: string, port: number) => `    real_server ${address} ${port} {
        TCP_CHECK {
            connect_timeout 3
        }
    }
`;
  const service = (port: number, scheduler: string, servers: string) => `virtual_server ${VIRTUAL_ADDRESS} ${port} {
    delay_loop 2
    ${scheduler}
    lb_kind NAT
    protocol TCP
${servers}}
`;
  const own = REAL_SERVERS.map(({ address }) => address);
  const servers = (port: number, addresses: readonly string[]) => addresses.map((one) => real(one, port)).join("");
  return `global_defs {
    router_id director${director}
    # Connections are told to the other director.
    lvs_sync_daemon back
}
vrrp_sync_group pair {
    group {
        front
        back
    }
}
${instance("front", 51, VIRTUAL_ADDRESS)}${instance("back", 52, `${BACK}.1`)}\
# By the client's address and port: the other director takes the same server, also for a connection of which it was not told.
${service(WEB_PORT, "lb_algo mh\n    mh-port", servers(WEB_PORT, [...own, ...moreServers]))}\
${service(ECHO_PORT, "lb_algo rr", servers(ECHO_PORT, own))}`;
}
