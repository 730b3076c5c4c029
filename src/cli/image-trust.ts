// CLI: whether an image is the one that was made: by `SHA256SUMS` beside it, the signature of that list, and a key. What can't be judged is said;
// what does not fit stops everything before a byte is written.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readMinisignKeyFile, verifyMinisign } from "../appliance/minisign.ts";
import { escapeControls } from "../base/log.ts";

const LIST = "SHA256SUMS";
const SIGNATURE = `${LIST}.minisig`;
const KEY = "update.pub";
const UNWRITTEN = "nothing was written";

/**
 * @param keyFile a public key of minisign that the image must be signed with; absent: what lies beside the image is looked at
 * @returns what is known of it, in words
 * @throws Error when it is not the image that the list and the key are for
 */
export async function judgeImage(path: string, keyFile: string | undefined): Promise<string> {
  const beside = (name: string) => join(dirname(path), name);
  const must = (what: string): string => {
    if (keyFile !== undefined) throw new Error(`${what}: --key has nothing to judge; ${UNWRITTEN}`);
    return `${what}: nobody vouches for the image`;
  };
  const key = keyFile === undefined ? undefined : keyIn(keyFile);
  if (!existsSync(beside(LIST))) return must(`no ${LIST} lies beside ${path}`);
  const list = readFileSync(beside(LIST));
  const said = sumIn(list.toString("utf8"), basename(path));
  if (said === undefined) return must(`${beside(LIST)} has no line for ${basename(path)}`);
  const signed = judgeList(list, beside, key, must);
  await checkSum(path, said, beside(LIST));
  return `its SHA-256 is that of ${beside(LIST)}; ${signed}`;
}

function judgeList(
  list: Uint8Array,
  beside: (name: string) => string,
  given: ReturnType<typeof keyIn> | undefined,
  must: (what: string) => string,
): string {
  if (!existsSync(beside(SIGNATURE))) return must(`no ${SIGNATURE} lies beside it`);
  const key = given ?? (existsSync(beside(KEY)) ? keyIn(beside(KEY)) : undefined);
  if (!key) return `${SIGNATURE} can't be judged without a key: --key FILE`;
  const judged = verifyMinisign(list, readFileSync(beside(SIGNATURE), "utf8"), [key]);
  if (!judged.ok) throw new Error(`${beside(LIST)}: ${judged.error}; ${UNWRITTEN}`);
  const words = `signed by key ${judged.value.key}: ${escapeControls(judged.value.comment)}`;
  // Whoever changes the image can put a key of his own beside it.
  return given ? words : `${words} (the key lies beside it: --key FILE judges by one that you trust)`;
}

function keyIn(path: string) {
  const key = readMinisignKeyFile(readFileSync(path, "utf8"));
  if (!key) throw new Error(`${path} is no public key of minisign (update.pub is one); ${UNWRITTEN}`);
  return key;
}

function sumIn(list: string, name: string): string | undefined {
  return list
    .split("\n")
    .map((line) => /^([0-9a-f]{64}) [ *](.+)$/.exec(line))
    .find((match) => match?.[2] === name)?.[1];
}

async function checkSum(path: string, said: string, list: string): Promise<void> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  const found = hash.digest("hex");
  if (found === said) return;
  throw new Error(`${path} is damaged or another one: its SHA-256 is ${found}, and ${list} says ${said}; ${UNWRITTEN}`);
}
