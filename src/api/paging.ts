// Adapter api: a long list in pages: `limit` items, and a cursor that says where the next page begins. The cursor names the last item
// of the page, so it stays right while other items change.
import * as v from "valibot";
import { problem } from "./problem.ts";

const MAX_LIMIT = 10_000;

export const PAGE_QUERY = {
  limit: {
    schema: v.pipe(v.string(), v.regex(/^([1-9]\d{0,3}|10000)$/, `expected 1 to ${MAX_LIMIT}`)),
    description: `At most so many, 1 to ${MAX_LIMIT}; \`next\` of the answer is the cursor of those that follow`,
  },
  cursor: { schema: v.string(), description: "`next` of the page before" },
} as const;

export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
}

/** A page of `items`, or what is wrong with the cursor. `keyOf` tells items apart. */
export function page<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  query: Readonly<Record<string, string | undefined>>,
): Page<T> | Response {
  const limit = query.limit === undefined ? Number.POSITIVE_INFINITY : Number(query.limit);
  const after = query.cursor === undefined ? undefined : Buffer.from(query.cursor, "base64url").toString();
  const found: T[] = [];
  let begun = after === undefined;
  for (const item of items) {
    if (!begun) begun = keyOf(item) === after;
    else if (found.length < limit) found.push(item);
    else return { items: found, next: Buffer.from(keyOf(found.at(-1) ?? item)).toString("base64url") };
  }
  if (!begun) return problem("bad-cursor", "the item that the cursor names is gone: begin again without one");
  return { items: found };
}
