// Adapter api: answers that may be large. Nothing of one is made before its client takes it, and then a piece at a time, so what a
// director of any size costs is a few hundred kilobytes a client; slots.ts bounds how many there are.
import { jsonPieces, ofLength } from "../base/json-pieces.ts";

const PIECE_CHARS = 64 * 1024;

export interface Pieces {
  readonly kind: typeof PIECES;
  readonly contentType: string;
  /** How many objects it shows, about: a few are answered at once. */
  readonly objects: number;
  readonly parts: Iterable<string> | AsyncIterable<string>;
}

const PIECES = Symbol("pieces");

export function pieces(of: Omit<Pieces, "kind">): Pieces {
  return { kind: PIECES, ...of };
}

export function isPieces(answer: unknown): answer is Pieces {
  return typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === PIECES;
}

/** A JSON answer of about so many objects. */
export function jsonAnswer(value: object, objects: number): Pieces {
  return pieces({ contentType: "application/json", objects, parts: withLineEnd(jsonPieces(value)) });
}

function* withLineEnd(parts: Iterable<string>): Generator<string> {
  yield* parts;
  yield "\n";
}

/** Whether a client takes gzip (RFC 9110 §12.5.3). */
export function takesGzip(acceptEncoding: string | null): boolean {
  if (acceptEncoding === null) return false;
  const wishes = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = part.split(";").map((word) => word.trim());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    wishes.set(coding, q === undefined ? 1 : Number(q.slice(2)));
  }
  return (wishes.get("gzip") ?? wishes.get("*") ?? 0) > 0;
}

/**
 * The body of an answer in pieces. Each is made when the one before is taken, and the loop has its turn in between.
 * @param done called once, however it ends
 */
export function streamOf(
  parts: Iterable<string> | AsyncIterable<string>,
  { gzip, done }: { readonly gzip: boolean; readonly done: () => void },
): ReadableStream<Uint8Array> {
  const texts = Symbol.iterator in parts ? ofLength(parts, PIECE_CHARS) : parts;
  const bytes = gzip ? gzipped(encoded(texts)) : encoded(texts);
  let ended = false;
  const end = () => {
    if (!ended) done();
    ended = true;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done: over, value } = await bytes.next();
          if (!over) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      cancel() {
        end();
        void bytes.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

async function* encoded(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Uint8Array, undefined> {
  const encoder = new TextEncoder();
  for await (const text of texts) {
    yield encoder.encode(text);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return undefined;
}

async function* gzipped(source: AsyncGenerator<Uint8Array, undefined>): AsyncGenerator<Uint8Array, undefined> {
  const { createGzip } = process.getBuiltinModule("node:zlib");
  const gzip = createGzip({ level: 4 });
  const made: Uint8Array[] = [];
  let failed: Error | undefined;
  gzip.on("data", (chunk: Uint8Array) => made.push(chunk));
  gzip.on("error", (error) => {
    failed = error;
  });
  try {
    for await (const chunk of source) {
      await new Promise<void>((resolve) => gzip.write(chunk, () => resolve()));
      if (failed) throw failed;
      yield* made.splice(0);
    }
    await new Promise<void>((resolve) => {
      gzip.once("close", resolve);
      gzip.once("end", resolve);
      gzip.end();
    });
    if (failed) throw failed;
    yield* made.splice(0);
  } finally {
    gzip.destroy();
  }
  return undefined;
}
