// Run as a program: gives itself the filter, hands its listener over, becomes the director. `confined.ts DIR PROGRAM ARGUMENTS…`
import { openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { execve } from "../../../ffi/process.ts";
import { plainEnvironment } from "../../support/plain-environment.ts";
import { tellIpvsOptions } from "./filter.ts";

const [dir = "", program = "", ...args] = process.argv.slice(2);
const path = Bun.which(program);
if (path === null) throw new Error(`${program} is not there`);
const listener = tellIpvsOptions();
// Each end of a FIFO waits for the other.
writeSync(openSync(join(dir, "to-listener"), "w"), `${process.pid} ${listener}\n`);
readSync(openSync(join(dir, "to-confined"), "r"), new Uint8Array(1));
execve(path, [path, ...args], plainEnvironment());
