// Process layer: what is said when the roles of a director can write wherever root can. Pure.

export interface Confinable {
  readonly isRoot: boolean;
  /** The kernel has Landlock, and it is switched on. */
  readonly hasLandlock: boolean;
  /** `--core-dump`: the kernel writes core files with the role's own rights. */
  readonly coreFiles: boolean;
}

/** Undefined: they write only where their work is (docs/security.md). */
export function unconfinedNote({ isRoot, hasLandlock, coreFiles }: Confinable): string | undefined {
  if (!isRoot) return undefined;
  const why = coreFiles
    ? "with --core-dump"
    : hasLandlock
      ? undefined
      : "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, and landlock in lsm=):";
  return why && `${why} vrrp and checker are not kept from writing root's files`;
}
