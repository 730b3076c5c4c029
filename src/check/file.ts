// Check core: FILE_CHECK: what the number in a file says about a real server (checkers.md §3.8). Pure.
import type { FileCheck } from "../config/model/check.ts";
import { bad, good, type Outcome } from "./outcome.ts";

/** Says «down» whatever the weight is. */
const FILE_FAULT = -2147483648;
const LARGEST = 2147483647;

/** The number at the start of a file; a missing, empty or other one counts as 0. Numbers beyond 32 bits end at the limits. */
export function fileValue(text: string | undefined): number {
  const digits = /^\s*([+-]?\d{1,20})/.exec(text ?? "")?.[1];
  if (digits === undefined) return 0;
  return Math.min(LARGEST, Math.max(FILE_FAULT, Number(digits)));
}

/** Weight w: adds value × w to the server's weight. Weight 0: any value but 0 is down. */
export function judgeFile(text: string | undefined, check: FileCheck): Outcome {
  const value = fileValue(text);
  if (value === FILE_FAULT) return bad("file", `file says ${value}: down`);
  if (check.weight !== 0) {
    const add = value * check.weight * (check.reverse ? -1 : 1);
    return { ...good(`file says ${value}: weight ${add < 0 ? "" : "+"}${add}`), weight: { add } };
  }
  const failed = check.reverse ? value === 0 : value !== 0;
  return failed ? bad("file", `file says ${value}`) : good(`file says ${value}`);
}
