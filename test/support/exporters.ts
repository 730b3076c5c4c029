// How programs in the field read keepalived's files, by their rules and with code of our own: what they look for at which place of a line.
// mehdy/keepalived-exporter (internal/collector/parser.go), gen2brain/keepalived_exporter (collector/collector.go), and a regular
// expression over the file, as items of monitoring agents are.

export interface ReadInstance {
  readonly name: string;
  state?: string;
  wanted?: string;
  interface?: string;
  garpDelay?: number;
  vrid?: number;
  lastTransition?: number;
  readonly addresses: string[];
}

/** What stands behind the first of the separators, and in front of it. */
function pair(line: string, separator: string): readonly [key: string, value: string] {
  const [key = "", value = ""] = line.trim().split(separator);
  return [key.trim(), value.trim()];
}

function take(instance: ReadInstance, key: string, value: string): void {
  if (key === "State") instance.state = value;
  else if (key === "Wantstate") instance.wanted = value;
  else if (key === "Interface" || key === "Listening device") instance.interface = value;
  else if (key === "Gratuitous ARP delay") instance.garpDelay = Number(value);
  else if (key === "Virtual Router ID") instance.vrid = Number(value);
  else if (key === "Last transition") instance.lastTransition = Number(value.split(" ")[0]);
}

/** mehdy: three blanks begin a value, five one that belongs to the heading above; any other line ends the instance. */
export function instancesOfMehdy(data: string): readonly ReadInstance[] {
  const instances: ReadInstance[] = [];
  let current: ReadInstance | undefined;
  let key = "";
  for (const line of data.split("\n")) {
    if (line.startsWith(" VRRP Instance") && line.includes("=")) {
      current = { name: pair(line, "=")[1], addresses: [] };
      instances.push(current);
      key = "";
    } else if (line.startsWith("   ") && current) {
      let value = line.trim();
      if (!line.startsWith("     ")) {
        const separator = line.includes("=") ? "=" : line.includes(":") ? ":" : undefined;
        if (separator === undefined) continue;
        [key, value] = pair(line, separator);
        if (key === "Virtual IP") continue;
      }
      if (key.startsWith("Virtual IP (") && value !== "") current.addresses.push(value);
      take(current, key, value);
    } else if (!line.startsWith(" VRRP Version") && !line.startsWith(" VRRP Script")) current = undefined;
  }
  return instances;
}

/** mehdy: address and device of a line of `Virtual IP`, or of `vips` in JSON. */
export function addressOfMehdy(text: string): readonly [address: string, device: string] | undefined {
  const [address, , device] = text.split(" ");
  return address === undefined || device === undefined ? undefined : [address, device];
}

export function scriptsOfMehdy(data: string): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const scripts: Record<string, Record<string, string>> = {};
  let current: Record<string, string> | undefined;
  for (const line of data.split("\n")) {
    if (line.startsWith(" VRRP Script") && line.includes("=")) {
      current = {};
      scripts[pair(line, "=")[1]] = current;
    } else if (line.startsWith("   ") && current) {
      if (!line.includes("=")) continue;
      const [key, value] = pair(line, "=");
      if (key === "Status" || key === "State") current[key] = value;
    } else if (!line.startsWith("    ")) current = undefined;
  }
  return scripts;
}

/** Both: a heading ends in a colon, its numbers stand below it by four blanks. `Section.Name` to number, by instance. */
export function statisticsOf(text: string): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const instances: Record<string, Record<string, number>> = {};
  let current: Record<string, number> = {};
  let section = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("VRRP Instance") && line.includes(":")) {
      current = {};
      instances[pair(line, ":")[1]] = current;
    } else if (line.startsWith("  ") && line.endsWith(":")) [section] = pair(line, ":");
    else if (line.startsWith("    ") && section !== "") {
      const [key, value] = pair(line, ":");
      current[`${section}.${key}`] = Number(value);
    } else if (line.startsWith("  ")) {
      const [key, value] = pair(line, ":");
      section = "";
      current[key] = Number(value);
    }
  }
  return instances;
}

/** gen2brain: an instance ends with the first line that is no `key = value`. */
export function instancesOfGen2brain(data: string): readonly ReadInstance[] {
  const instances: ReadInstance[] = [];
  let current: ReadInstance | undefined;
  for (const line of data.split("\n")) {
    if (line.startsWith(" VRRP Instance") && line.includes("=")) current = { name: pair(line, "=")[1], addresses: [] };
    else if (line.startsWith("   ") && line.includes("=") && current) take(current, ...pair(line, "="));
    else if (!line.startsWith(" VRRP Version") && current) {
      instances.push(current);
      current = undefined;
    }
  }
  return instances;
}

/** As an agent's item with a regular expression and `\\1`: the first line that fits. */
export function itemOf(text: string, pattern: RegExp): string | undefined {
  for (const line of text.split("\n")) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}
