// The environment of a shell: without what `bun test` sets for itself, which lbd would take away first.
export function plainEnvironment(): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !/^(BUN|NODE|DENO)_/.test(name)) plain[name] = value;
  return plain;
}
