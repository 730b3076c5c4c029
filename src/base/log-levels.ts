// Layer 0: which log lines are wanted: a level for all areas, and others for some. Pure.
import type { Level, LogLine } from "./log.ts";

export const LEVELS: readonly Level[] = ["error", "warning", "info", "debug"];

export interface LogLevels {
  /** Lines of this level and worse. */
  readonly all: Level;
  readonly areas: Readonly<Record<string, Level>>;
}

export function isWanted({ level, area }: LogLine, { all, areas }: LogLevels): boolean {
  const least = Object.hasOwn(areas, area) ? areas[area] : undefined;
  return LEVELS.indexOf(level) <= LEVELS.indexOf(least ?? all);
}

/** What somebody said of them; `all` absent: as before. */
export type LevelWords = Partial<Pick<LogLevels, "all">> & Pick<LogLevels, "areas">;

/** `warning,vrrp=debug`: undefined for a level that there is not, or an area that is no word. */
export function readLevels(text: string): LevelWords | undefined {
  let words: LevelWords = { areas: {} };
  for (const part of text.split(",")) {
    const [, area, word] = /^(?:([a-z][a-z0-9-]{0,31})=)?([a-z]+)$/.exec(part.trim()) ?? [];
    const level = LEVELS.find((one) => one === word);
    if (!level) return undefined;
    words = area === undefined ? { ...words, all: level } : { ...words, areas: { ...words.areas, [area]: level } };
  }
  return words;
}

export function withWords(levels: LogLevels, { all = levels.all, areas }: LevelWords): LogLevels {
  return { all, areas: { ...levels.areas, ...areas } };
}

/** As readLevels() takes it. */
export function levelsText({ all, areas }: LevelWords): string {
  return [...(all ? [all] : []), ...Object.entries(areas).map(([area, level]) => `${area}=${level}`)].join(",");
}
