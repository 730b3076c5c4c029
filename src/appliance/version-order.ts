// Appliance core: which of two images is the older one. A version is what `git describe` says of a commit: `v1.4.0`, `1.4.0-12-gabcdef012345`,
// `1.5-rc1`; a repository without tags has the commit's name alone, and then the time of the commit decides.

export interface ImageVersion {
  readonly version: string;
  /** Time of the commit, seconds of 1970; absent: not known. */
  readonly epoch?: number;
}

const RELEASE =
  /^(?=v|\d+\.)v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:[-~.]?(alpha|beta|rc)[-.]?(\d{0,9}))?(?:-(\d{1,9})-g[0-9a-f]{4,40})?(?:-dirty)?$/;
const STAGES = ["alpha", "beta", "rc"];
const NUMBERS = 6;

/** Whether `one` is older than `other`; undefined: nothing tells. Versions come first, times where a version is none. */
export function isOlder(one: ImageVersion, other: ImageVersion): boolean | undefined {
  if (one.version === other.version) return false;
  const [a, b] = [orderOf(one.version), orderOf(other.version)];
  if (a && b) {
    const at = a.findIndex((value, n) => value !== b[n]);
    return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
  }
  if (one.epoch === undefined || other.epoch === undefined) return undefined;
  return one.epoch < other.epoch;
}

/** Numbers of the release, then its stage (a release is behind its candidates), then commits behind it. */
function orderOf(version: string): readonly number[] | undefined {
  const found = RELEASE.exec(version);
  if (!found) return undefined;
  const [, release = "", stage, stageNumber = "", commits = "0"] = found;
  const numbers = release.split(".").map(Number);
  return [
    ...Array.from({ length: NUMBERS }, (_, n) => numbers[n] ?? 0),
    stage === undefined ? STAGES.length : STAGES.indexOf(stage),
    Number(stageNumber),
    Number(commits),
  ];
}
