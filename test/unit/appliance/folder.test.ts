// A configuration folder in parts, and as one file with its sum.
import { describe, expect, test } from "bun:test";
import { folderTag, packFolder, unpackFolder } from "../../../src/appliance/folder/copy.ts";
import { compose, type Files, sameFiles } from "../../../src/appliance/folder/parts.ts";

const folder = (files: Readonly<Record<string, string>>): Files =>
  new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
const texts = (files: Files | undefined) =>
  files && Object.fromEntries([...files].map(([path, content]) => [path, Buffer.from(content).toString()]));

const OLD = {
  "keepalived.conf": "k1",
  "a.sh": "a1",
  "network.yaml": "n1",
  "appliance.yaml": "y1",
  "access/key.pem": "own1",
};
const NEW = {
  "keepalived.conf": "k2",
  "b.sh": "b2",
  "network.yaml": "n2",
  "appliance.yaml": "y2",
  "access/key.pem": "own2",
};

describe("what is in force", () => {
  const froms = (taken: Files | undefined, good: Files | undefined, faults = {}) => {
    const { files, parts } = compose(taken, good, faults);
    return [
      Object.fromEntries(
        parts.map(({ name, from, reason }) => [name, reason === undefined ? from : `${from}: ${reason}`]),
      ),
      texts(files),
    ];
  };

  test("is the partition's where that is well", () => {
    expect(froms(folder(NEW), folder(OLD))).toEqual([
      { director: "partition", "network.yaml": "partition", "appliance.yaml": "partition" },
      NEW,
    ]);
  });

  test.each([
    ["director", { ...OLD, "network.yaml": "n2", "appliance.yaml": "y2", "access/key.pem": "own2" }],
    ["network.yaml", { ...NEW, "network.yaml": "n1" }],
    ["appliance.yaml", { ...NEW, "appliance.yaml": "y1" }],
  ])("has %s of the last good one, as a whole, where the partition's can't be used", (part, expected) => {
    const [parts, files] = froms(folder(NEW), folder(OLD), { [part]: "line 3 is wrong" });
    expect(parts).toEqual({
      director: "partition",
      "network.yaml": "partition",
      "appliance.yaml": "partition",
      [part]: "last-good: line 3 is wrong",
    });
    expect(files).toEqual(expected);
  });

  test("is the partition's with its mistakes where nothing was ever good", () => {
    expect(froms(folder(NEW), undefined, { "network.yaml": "wrong" })).toEqual([
      { director: "partition", "network.yaml": "partition: wrong", "appliance.yaml": "partition" },
      NEW,
    ]);
  });

  test("has of the last good one what was deleted, and nothing where there is nothing", () => {
    const { "network.yaml": _gone, ...rest } = NEW;
    expect(froms(folder(rest), folder(OLD))[0]).toEqual({
      director: "partition",
      "network.yaml": "last-good: it is not there",
      "appliance.yaml": "partition",
    });
    expect(froms(folder({ "a.txt": "" }), undefined)).toEqual([
      {
        director: "none: it is not there",
        "network.yaml": "none: it is not there",
        "appliance.yaml": "none: it is not there",
      },
      { "a.txt": "" },
    ]);
  });

  test("is the last good one when the partition can't be read, with what the machine wrote itself", () => {
    const [parts, files] = froms(undefined, folder(OLD));
    expect(parts).toEqual({
      director: "last-good: the partition can't be read",
      "network.yaml": "last-good: the partition can't be read",
      "appliance.yaml": "last-good: the partition can't be read",
    });
    expect(files).toEqual(OLD);
    const { "access/key.pem": _own, ...without } = NEW;
    expect(texts(compose(folder(without), folder(OLD), {}).files)).toEqual({ ...without, "access/key.pem": "own1" });
  });

  test("never has what is only being written", () => {
    expect(texts(compose(folder({ ...NEW, ".lbd-new": "x", ".lbd-new.new": "y" }), undefined, {}).files)).toEqual(NEW);
  });
});

describe("a folder as one file", () => {
  const files = folder({ ...OLD, "conf.d/ü ☃.conf": "snow\n", empty: "" });

  test("is the same when it is read", () => {
    expect(texts(unpackFolder(packFolder(files)))).toEqual(texts(files));
    expect(sameFiles(unpackFolder(packFolder(new Map())), new Map())).toBe(true);
  });

  test("is none as soon as a byte of it is another one or missing", () => {
    const whole = packFolder(files);
    for (let at = 0; at < whole.byteLength; at++) {
      const damaged = whole.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(unpackFolder(damaged)).toBeUndefined();
      expect(unpackFolder(whole.slice(0, at))).toBeUndefined();
    }
    expect(unpackFolder(Buffer.concat([whole, Buffer.from("x")]))).toBeUndefined();
  });

  test("has a tag that another content or name changes, and another order does not", () => {
    const tag = folderTag(folder({ a: "1", b: "2" }));
    expect(folderTag(folder({ b: "2", a: "1" }))).toBe(tag);
    for (const other of [{ a: "1", b: "3" }, { a: "1", c: "2" }, { a: "12", b: "" }, { a: "1" }])
      expect(folderTag(folder(other as Record<string, string>))).not.toBe(tag);
  });
});
