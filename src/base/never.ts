/** Closes a switch over a union: the compiler refuses a forgotten case, and a value that slipped in is named. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
