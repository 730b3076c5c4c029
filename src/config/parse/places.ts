// Config core: the vocabulary by place: one node for each block a keyword can stand in, so that a lookup is one step.
import type { BlockKind, Vocabulary } from "./vocabulary.ts";

/** A place in the language: a block, by the keywords that lead to it. */
export class PlaceNode {
  readonly parent: PlaceNode | undefined;
  readonly path: readonly string[];
  /** What the block of this place is; the top level is a `block`. */
  readonly kind: BlockKind;
  readonly #vocabulary: Vocabulary;
  readonly #kinds = new Map<string, BlockKind>();
  readonly #children = new Map<string, PlaceNode>();

  constructor(vocabulary: Vocabulary, parent?: PlaceNode, keyword = "", kind: BlockKind = "block") {
    this.#vocabulary = vocabulary;
    this.parent = parent;
    this.kind = kind;
    this.path = parent ? [...parent.path, keyword] : [];
  }

  /** What a word is when it begins a statement here. Inside lists and unknown blocks nothing is a keyword. */
  kindOf(keyword: string): BlockKind {
    const known = this.#kinds.get(keyword);
    if (known !== undefined) return known;
    const kind = this.kind === "block" ? this.#vocabulary.blockKind(this.path, keyword) : "unknown";
    // Words of lists are values: they would fill the map.
    if (kind !== "unknown") this.#kinds.set(keyword, kind);
    return kind;
  }

  /** The place inside the block of `keyword`. */
  child(keyword: string): PlaceNode {
    const known = this.#children.get(keyword);
    if (known) return known;
    const node = new PlaceNode(this.#vocabulary, this, keyword, this.kindOf(keyword));
    if (node.kind !== "unknown") this.#children.set(keyword, node);
    return node;
  }
}
