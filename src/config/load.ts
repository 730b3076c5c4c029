// Config core: from files to the typed configuration and everything that is to be said about it. Pure: the files, the
// environment and chance are handed in.

import { type BindOptions, compileTable, Spent } from "./bind/binder.ts";
import { type BindContext, type BindResult, bindConfig } from "./bind.ts";
import { type EffectiveTree, withoutEffect } from "./effective/effective.ts";
import { tooDear } from "./expand/budget.ts";
import { readConfig } from "./expand/expand.ts";
import type { ConfigFiles } from "./expand/include.ts";
import type { Code } from "./findings/codes.ts";
import type { Diagnostic } from "./findings/diagnostic.ts";
import { inPlainWords, withQuotesOfTypesetting } from "./findings/plain-words.ts";
import { arrange } from "./findings/render.ts";
import { VOCABULARY } from "./keywords/homes.ts";
import { TOP_LEVEL } from "./keywords/top-level.ts";
import { literalTree } from "./literal.ts";
import type { Config } from "./model/config.ts";
import { parseConfig } from "./parse/parser.ts";
import { withoutConsequences } from "./semantics/consequences.ts";
import { errorKeys } from "./semantics/known-errors.ts";
import type { SourceFile } from "./text/span.ts";
import type { Tree } from "./text/tree.ts";

export interface LoadRequest {
  /** Files or patterns that together are one configuration, as `-f` names them. */
  readonly paths: readonly string[];
  /** For `@ID` lines and `${_INSTANCE}`; absent: the host name up to its first dot. */
  readonly configId?: string;
  /** Variables for `${_ENV NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A number from 0 to below 1, for `${_RANDOM}`. */
  readonly random: () => number;
  /** `-e`: every include problem is an error. */
  readonly allConfig?: boolean;
  /** What of the machine is used up by this reading, in words; undefined while there is enough. Asked only when loops make very much. */
  readonly spent?: () => string | undefined;
  readonly context: BindContext;
}

export interface LoadResult {
  /** What can be used of the files: what an error names is left out, or has the value that the error says. */
  readonly config: Config;
  /** A director may run with `config`. Not so when files could not be read as a whole, or nothing is left of what they ask for. */
  readonly usable: boolean;
  readonly effective: EffectiveTree;
  /** The configuration printed again, a line each (print.ts). */
  printed(): Iterable<string>;
  /** A warning for each keyword that is used and has no effect. Made when asked for: it takes a walk over everything. */
  unbuilt(): readonly Diagnostic[];
  /** In the order of files and lines, without repetitions. */
  readonly diagnostics: readonly Diagnostic[];
  /** All files that were read, with their text. */
  readonly sources: readonly SourceFile[];
  /** Names of all files that were read, in the order of reading. */
  readonly files: readonly string[];
  /** At least one diagnostic is an error. */
  readonly errors: boolean;
  /** One text for each error, in their order: the same for the same mistake of another reading (known-errors.ts). */
  errorKeys(): readonly string[];
  /** A file that was asked for by name could not be read. */
  readonly unreadable: boolean;
}

/** Reads, parses and binds a configuration. Never throws. */
export function loadConfig(request: LoadRequest, files: ConfigFiles): LoadResult {
  const reading = readConfig(request.paths, files, {
    configId: request.configId ?? defaultConfigId(request.context.hostName),
    env: request.env,
    random: request.random,
    allConfig: request.allConfig ?? false,
    ...(request.spent && { spent: request.spent }),
  });
  const tree = parseConfig(reading, VOCABULARY);
  const { bound, tooMuch } = bindWithin(tree, request, reading.dear);
  if (tooMuch) reading.findings.add(tooMuch);
  reading.findings.merge(withoutConsequences(bound.diagnostics, reading.findings.list, tree));
  const found: Diagnostic[] = [...withQuotesOfTypesetting(reading.files, reading.findings.list)];
  if (tree.statements.length === 0 && found.every((diagnostic) => diagnostic.severity === "note"))
    found.push({
      severity: "warning",
      code: "config-empty",
      message: `nothing is configured in ${request.paths.join(" ")}`,
    });
  const errors = found.some(isError);
  // Findings speak of what was meant; what runs is what keepalived would run with.
  const isWhole = !reading.cutOff && !tooMuch;
  const literal = errors && isWhole ? literalTree(reading.words, compileTable(TOP_LEVEL)) : undefined;
  const literally = literal && bindWithin(literal, request, reading.dear, { literal: true });
  if (literally?.tooMuch) found.push(literally.tooMuch);
  const running = literally?.bound ?? bound;
  const diagnostics = arrange(inPlainWords(found), reading.files);
  const isRead = !reading.unreadable && isWhole && !literally?.tooMuch && !diagnostics.some(refuses);
  return {
    config: running.config,
    usable: isRead && !(errors && isLost(literal ?? tree, running.config)),
    effective: running.effective,
    printed: running.printed,
    unbuilt: () => withoutEffect(running.effective.notYetEffective, reading.files),
    diagnostics,
    sources: reading.files,
    files: [...new Set(reading.files.map((file) => file.name))],
    errors,
    errorKeys: () => errorKeys(diagnostics, tree.statements),
    unreadable: reading.unreadable,
  };
}

/** Binds a tree; one of very many made lines only as far as it may cost. */
function bindWithin(
  tree: Tree,
  { context, spent }: LoadRequest,
  dear: boolean,
  options: BindOptions = {},
): { readonly bound: BindResult; readonly tooMuch?: Diagnostic } {
  try {
    return { bound: bindConfig(tree, dear && spent ? { ...context, spent } : context, options) };
  } catch (error) {
    if (!(error instanceof Spent)) throw error;
    return { bound: bindConfig({ statements: [] }, context), tooMuch: tooDear(error.span, error.message) };
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

/** Text that is no configuration, or a part that had to be there by the words of the user (`includem`, `-e` and their like). */
function refuses(diagnostic: Diagnostic): boolean {
  return isError(diagnostic) && REFUSING_CODES.has(diagnostic.code);
}

const REFUSING_CODES: ReadonlySet<Code> = new Set(["include-missing", "include-unreadable", "utf-16-file"]);

/** Instances are there, and nothing that could serve: keepalived ends there, too. It goes on, idle, where it does not even see one. */
function isLost(tree: Tree, { vrrp, virtualServers }: Config): boolean {
  return (
    tree.statements.some(({ first, count }) => first.text === "vrrp_instance" && count === 2) &&
    virtualServers.length + vrrp.instances.length === 0 &&
    vrrp.staticAddresses.length + vrrp.staticRoutes.length + vrrp.staticRules.length === 0
  );
}

/** The host name up to its first dot. */
function defaultConfigId(hostName: string): string {
  return hostName.split(".")[0] ?? "";
}
