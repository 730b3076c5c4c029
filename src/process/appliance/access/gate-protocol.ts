// Process layer, appliance: what the appliance and its gate say to each other. Down standard input goes one GateOrder a line; up comes one
// GateReport a line; requests of clients go by GATE_SOCKET with these headers, and no header of that name goes through from a client.
import * as v from "valibot";

/** In a folder of its own: the gate sees nothing of the appliance's. */
export const GATE_SOCKET = "/run/lbd-gate/door.sock";
/** User and group of the gate: nobody else's. */
export const GATE_ID = 65_533;

/** Address of the client. */
export const FROM_HEADER = "lbd-from";
/** Role and name (percent-encoded) of the client certificate that was checked. */
export const CERTIFICATE_HEADER = "lbd-certificate";

/** The request comes without its body, to be judged alone: 204 lets it come whole, anything else is its answer. */
export const JUDGE_HEADER = "lbd-judge";

export const GateOrder = v.object({
  address: v.string(),
  port: v.number(),
  /** PEM. */
  certificate: v.string(),
  key: v.string(),
  /** Authorities of client certificates, PEM; absent: none are asked for. */
  clientAuthority: v.exactOptional(v.string()),
  /** Where requests go. */
  socket: v.string(),
});
export type GateOrder = v.InferOutput<typeof GateOrder>;

export const GateReport = v.variant("kind", [
  v.object({ kind: v.literal("listening"), port: v.number() }),
  /** It tries again by itself. */
  v.object({ kind: v.literal("waiting"), reason: v.string() }),
  v.object({ kind: v.literal("note"), message: v.string() }),
]);
export type GateReport = v.InferOutput<typeof GateReport>;
