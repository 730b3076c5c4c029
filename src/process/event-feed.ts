// Process layer, parent: events that whoever started this director tells on its standard input, a JSON object a line (`--events-on-stdin`): an
// appliance's audit becomes part of what happened.
import type { Readable } from "node:stream";
import * as v from "valibot";
import type { StatusEvent } from "../status/schema.ts";
import { readLines } from "./read-lines.ts";

/** The director's own kinds are not told by others. */
const TOLD_KINDS = ["audit"] as const;
const Told = v.object({
  at: v.pipe(v.string(), v.isoTimestamp()),
  kind: v.picklist(TOLD_KINDS),
  subject: v.string(),
  to: v.string(),
  reason: v.string(),
});

/** Until the stream ends. A line that is no event is passed over: nothing that is told can end a director. */
export async function readEventFeed(stream: Readable, take: (event: StatusEvent) => void): Promise<void> {
  await readLines(stream, (line) => {
    const event = readEvent(line);
    if (event) take(event);
  });
}

function readEvent(line: string): StatusEvent | undefined {
  try {
    const read = v.safeParse(Told, JSON.parse(line));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}
