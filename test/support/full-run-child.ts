// Claims the run directory that is its argument, and says whose the lock and the pid file are, and what is in the part of vrrp.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { claimRunDir, directorPidFile } from "../../src/process/host/pidfile.ts";

const runDir = process.argv[2] ?? "";
const whose = (path: string) => (readFileSync(path, "utf8") === `${process.pid}\n` ? "own" : "another's");
claimRunDir(runDir);
const [lock, pid] = [join(runDir, "lbd.lock"), directorPidFile(runDir)].map(whose);
console.log(JSON.stringify({ lock, pid, kept: readdirSync(join(runDir, "vrrp.d")) }));
