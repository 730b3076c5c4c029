// Appliance: the bill of materials of an image, SPDX 2.3 as JSON (spdx.github.io/spdx-spec/v2.3): lbd, every npm package that is compiled in, the
// runtime, and every Debian package that the image has files of, each with version, licence and checksum. And the offer of their sources.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { copyrightOf, type License, licenseOf } from "./copyright.ts";
import { npmPackage, runtimePackages } from "./npm.ts";
import type { DebianPackage } from "./packages.ts";

export interface Bill {
  readonly version: string;
  readonly epoch: number;
  readonly repository: string;
  readonly debian: readonly DebianPackage[];
  /** Packages that may hold the copyright file of another one. */
  readonly companions: readonly DebianPackage[];
  /** SHA-256 of dist/lbd. */
  readonly binarySha256: string;
}

interface Part {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly license: License;
  readonly purl: string;
  readonly checksum?: { readonly algorithm: "SHA256" | "SHA512"; readonly value: string };
  readonly sourceInfo?: string;
  readonly comment?: string;
}

/** The document, as it is written to a file. */
export function sbomOf(bill: Bill): string {
  const parts = [
    ownPart(bill),
    ...npmParts(bill.repository),
    ...bill.debian.map((one) => debianPart(one, bill.companions)),
  ];
  const image = { id: "SPDXRef-image", name: "lbd-appliance" };
  const relationships = [
    relation("SPDXRef-DOCUMENT", "DESCRIBES", image.id),
    ...parts.map(({ id }) => relation(image.id, "CONTAINS", id)),
  ];
  const packages = [
    {
      SPDXID: image.id,
      name: image.name,
      versionInfo: bill.version,
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: "NOASSERTION",
      licenseDeclared: "NOASSERTION",
      copyrightText: "NOASSERTION",
      primaryPackagePurpose: "OPERATING-SYSTEM",
    },
    ...parts.map(packageOf),
  ];
  const texts = new Map(parts.flatMap(({ license }) => [...license.texts]));
  const body = { packages, relationships };
  const digest = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `lbd-appliance-${bill.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/lbd-appliance-${bill.version}-${digest}`,
    creationInfo: {
      created: new Date(bill.epoch * 1000).toISOString().replace(/\.\d+Z$/, "Z"),
      creators: ["Tool: lbd-make-image"],
    },
    ...body,
    hasExtractedLicensingInfos: [...texts].sort(byName).map(([licenseId, extractedText]) => ({
      licenseId,
      name: licenseId.replace("LicenseRef-debian-", "Debian: "),
      extractedText,
    })),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function relation(spdxElementId: string, relationshipType: string, relatedSpdxElement: string) {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}

function packageOf({ id, name, version, license, purl, checksum, sourceInfo, comment }: Part) {
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: license.expression,
    copyrightText: "NOASSERTION",
    ...(checksum && { checksums: [{ algorithm: checksum.algorithm, checksumValue: checksum.value }] }),
    ...(sourceInfo !== undefined && { sourceInfo }),
    ...(comment !== undefined && { comment }),
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }],
  };
}

const plain = (expression: string): License => ({ expression, texts: new Map() });

function ownPart({ repository, binarySha256, version }: Bill): Part {
  const { license = "" } = npmPackage(repository);
  const purl = `pkg:generic/lbd@${encodeURIComponent(version)}`;
  const checksum = { algorithm: "SHA256", value: binarySha256 } as const;
  return { id: "SPDXRef-lbd", name: "lbd", version, license: plain(license), purl, checksum };
}

/** As the lock file pins them; checksums are those of the packages' files. */
function npmParts(repository: string): Part[] {
  const lock: { readonly packages: Readonly<Record<string, { readonly integrity?: string }>> } = JSON.parse(
    readFileSync(join(repository, "package-lock.json"), "utf8"),
  );
  const names = [...runtimePackages(repository), "bun"].sort();
  return names.map((name) => {
    const { version, license } = npmPackage(join(repository, "node_modules", name));
    if (license === undefined) throw new Error(`${name} names no licence`);
    const integrity = lock.packages[`node_modules/${name}`]?.integrity?.replace(/^sha512-/, "");
    if (integrity === undefined) throw new Error(`package-lock.json has no checksum of ${name}`);
    return {
      id: `SPDXRef-npm-${name.replace(/[^A-Za-z0-9.-]/g, "-")}`,
      name,
      version,
      license: plain(license),
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      checksum: { algorithm: "SHA512", value: Buffer.from(integrity, "base64").toString("hex") },
      ...(name === "bun" && {
        comment:
          "The runtime is linked with parts of WebKit under LGPL-2.0-or-later and with libraries of other licences: lbd licenses",
      }),
    };
  });
}

function debianPart(one: DebianPackage, companions: readonly DebianPackage[]): Part {
  const { name, version, architecture, source, sourceVersion, builtUsing, sha256 } = one;
  const others = builtUsing.map((used) => `${used.source} ${used.version}`);
  return {
    id: `SPDXRef-debian-${name.replace(/[^A-Za-z0-9.-]/g, "-")}`,
    name,
    version,
    license: licenseOf(name, copyrightOf(one, companions)),
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`,
    checksum: { algorithm: "SHA256", value: sha256 },
    sourceInfo: `built by Debian from the source package ${[`${source} ${sourceVersion}`, ...others].join(", using ")}`,
  };
}

/** Text that goes with every image: whose source is where. */
export function sourceOffer({ version, debian }: Bill): string {
  const named = debian.flatMap(({ source, sourceVersion, builtUsing }) => [
    `${source} ${sourceVersion}`,
    ...builtUsing.map((one) => `${one.source} ${one.version}`),
  ]);
  const sources = [...new Set(named)].sort();
  return `Sources of what is in the image lbd ${version}

The image holds programs of Debian, unchanged, some of them under the GNU General Public License or the GNU Lesser General Public License.
Their complete sources, as Debian built them, are the source packages below. Debian keeps every version that it ever published at
https://snapshot.debian.org/package/NAME/VERSION/

Whoever passes the image on owes those who get it these sources on request, for three years or as long as it is supported, or passes them on with
the image (GPL version 2, section 3; version 3, section 6). \`debsnap NAME VERSION\` of Debian's package devscripts fetches one.
Texts of all licences are in the image, /usr/share/doc/*/copyright and \`lbd licenses\`, and in lbd.spdx.json.

${sources.map((line) => `${line}\n  https://snapshot.debian.org/package/${line.replace(" ", "/")}/`).join("\n")}
`;
}
