// Lists whose items are the very same, in the same order: what was made from one holds for the other.

export function sameItems(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((one, i) => one === others[i]);
}
