// Adapter api: what a row of the table of routes is. The router and the OpenAPI document are both made from the rows.
import type * as v from "valibot";
import type { BuildInfo } from "../status/metrics.ts";
import type { VrrpLabel } from "../status/metrics-vrrp.ts";
import type { StatusStore } from "../status/store.ts";
import type { EventStream } from "./events.ts";
import type { GuardName, Via } from "./guard.ts";
import type { Slot } from "./slots.ts";

export interface ApiState {
  readonly store: StatusStore;
  readonly events: EventStream;
  readonly build: BuildInfo;
  readonly vrrpLabel?: VrrpLabel;
  /** The effective configuration as JSON text in pieces; undefined while there is none. One reader at a time. */
  effective(): Promise<AsyncIterable<string> | undefined>;
}

export interface Asked {
  /** Of the path, decoded, in its order. */
  readonly params: readonly string[];
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Headers;
  readonly via: Via;
}

export interface Param {
  readonly name: string;
  readonly description: string;
  /** The value may hold a slash that was not escaped; only the first of a path. */
  readonly slashes?: true;
}

export interface Route {
  /** GET serves HEAD too. */
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** As OpenAPI writes it. */
  readonly path: string;
  /** Whom it answers: a row of `GUARDS`. */
  readonly guard: GuardName;
  readonly summary: string;
  readonly params?: readonly Param[];
  readonly query?: Readonly<
    Record<string, { readonly schema: v.GenericSchema<string, string>; readonly description: string }>
  >;
  readonly ok: {
    readonly description: string;
    readonly contentType?: string;
    /** Absent: text. */
    readonly schema?: v.GenericSchema;
    /** Of the data of each event, where the answer is a stream of them. */
    readonly eventSchema?: v.GenericSchema;
  };
  /** Statuses above 399 that the route itself gives, with the reason. All are problem details. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Taken before the answer is asked for. Absent: an answer in pieces takes one by its size. */
  readonly slot?: Slot;
  /** Grows with each change of what the answer shows; absent or undefined: the answer has no ETag. */
  revision?(state: ApiState, asked: Asked): number | undefined;
  answer(state: ApiState, asked: Asked): unknown;
}
