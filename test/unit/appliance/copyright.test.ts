import { describe, expect, test } from "bun:test";
import { licenseOf } from "../../../appliance/copyright.ts";

const HEAD = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n";
const files = (...licenses: string[]) =>
  [HEAD, ...licenses.map((name) => `Files: *\nCopyright: 2020 Nobody\nLicense: ${name}\n`)].join("\n");

test.each([
  ["Expat", "MIT"],
  ["GPL-2", "GPL-2.0-only"],
  ["GPL-2+", "GPL-2.0-or-later"],
  ["GPL-3.0-or-later", "GPL-3.0-or-later"],
  ["LGPL-2.1+", "LGPL-2.1-or-later"],
  ["LGPL-2", "LGPL-2.0-only"],
  ["BSD-3-clause", "BSD-3-Clause"],
  ["BSD-3-clause or GPL-2", "(BSD-3-Clause OR GPL-2.0-only)"],
  ["GPL-2+ and Expat", "GPL-2.0-or-later AND MIT"],
  ["GPL-2+ with OpenSSL exception", "LicenseRef-debian-x-GPL-2-with-OpenSSL-exception"],
  ["public-domain", "LicenseRef-debian-x-public-domain"],
  ["GPL-2.2", "LicenseRef-debian-x-GPL-2.2"],
  ["AGPL-2", "LicenseRef-debian-x-AGPL-2"],
  ["GPL-2+, and Expat", "LicenseRef-debian-x-GPL-2-and-Expat"],
])("%s is %s", (debian, spdx) => {
  const { expression, texts } = licenseOf("x", files(debian));
  expect(expression).toBe(spdx);
  expect([...texts.keys()]).toEqual(spdx.includes("LicenseRef") ? [spdx] : []);
});

test("all licences of the files count, each once", () => {
  expect(licenseOf("x", files("GPL-2+", "Expat", "GPL-2+ and Expat", "Zlib or Expat")).expression).toBe(
    "MIT AND GPL-2.0-or-later AND (Zlib OR MIT)",
  );
});

describe("what SPDX has no word for comes with its text", () => {
  test("the paragraph of its name", () => {
    const text = `${files("own")}\nLicense: own\n Do what you like.\n .\n Twice.\n`;
    expect(licenseOf("x", text).texts.get("LicenseRef-debian-x-own")).toBe(
      "License: own\n Do what you like.\n .\n Twice.\n",
    );
  });

  test("a file in another form is a licence of its own", () => {
    expect(licenseOf("lib++x", "This is lib++x, free for all.\n")).toEqual({
      expression: "LicenseRef-debian-lib-x",
      texts: new Map([["LicenseRef-debian-lib-x", "This is lib++x, free for all.\n"]]),
    });
  });
});
