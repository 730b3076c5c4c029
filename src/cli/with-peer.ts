// CLI: finds whom the command line means, and runs a command with it.
import { appliancePeer, directorPeer, type Peer, type RemoteWords } from "./peer.ts";
import { complain } from "./terminal.ts";
import { withRunDir } from "./which-director.ts";

/** Runs `then` with whom the command line means; complains when that can't be told. */
export async function withPeer(
  args: RemoteWords & { readonly "run-dir"?: string | undefined },
  then: (peer: Peer) => Promise<void>,
): Promise<void> {
  if (args.host === undefined) return withRunDir(args["run-dir"], (runDir) => then(directorPeer(runDir)));
  return withRemote(args, then);
}

/** As withPeer(), for what only an appliance has; without `--host` this machine is meant. */
export async function withAppliance(args: RemoteWords, then: (peer: Peer) => Promise<void>): Promise<void> {
  if (args.host !== undefined) return withRemote(args, then);
  const { APPLIANCE_SOCKET } = await import("../process/appliance/api.ts");
  return then(appliancePeer(APPLIANCE_SOCKET));
}

async function withRemote(args: RemoteWords, then: (peer: Peer) => Promise<void>): Promise<void> {
  const { openRemote } = await import("./remote.ts");
  const remote = await openRemote(args);
  if (!remote.ok) return complain(remote.error.message, remote.error.exit);
  return then(remote.value);
}
