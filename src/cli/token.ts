// CLI: `lbd token`: makes a token for the API of an appliance. The token is printed once; the machine gets its hash.
import { randomBytes } from "node:crypto";
import { defineCommand } from "citty";
import { hashOf, ROLES, TOKEN_BYTES, tokenOf } from "../appliance/access/permits.ts";
import { print, writeError } from "./output.ts";
import { complainUsage, nearOnes } from "./terminal.ts";

const USAGE_EXIT = 2;

export const tokenCommand = defineCommand({
  meta: {
    name: "lbd token",
    description:
      "Make a token for the API of an appliance: the token itself, and the lines of appliance.yaml with its hash",
  },
  args: {
    name: { type: "positional", required: true, valueHint: "NAME", description: "Whose it is: the audit says it" },
    role: { type: "string", valueHint: ROLES.join("|"), default: "read", description: "What it may" },
    json: { type: "boolean", description: "Print JSON" },
  },
  run: ({ args: { name, role, json, _: words } }) => {
    if (words.length !== 1 || !/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.test(name))
      return complainUsage(
        `${words.join(" ")}: expected one name of letters, digits, and . @ _ -`,
        USAGE_EXIT,
        [],
        "lbd token",
      );
    const known = ROLES.find((one) => one === role);
    if (!known)
      return complainUsage(
        `--role ${role}: expected ${ROLES.join(", ")}`,
        USAGE_EXIT,
        nearOnes(role, ROLES),
        "lbd token",
      );
    const token = tokenOf(randomBytes(TOKEN_BYTES));
    const sha256 = hashOf(token);
    if (json) return print(JSON.stringify({ name, role: known, token, sha256 }));
    print(token);
    writeError(
      `It is shown this once: keep it in a file of mode 0600. For appliance.yaml:\n\n${yamlOf(name, known, sha256)}`,
    );
  },
});

function yamlOf(name: string, role: string, sha256: string): string {
  return `api:\n  tokens:\n    ${/^\d/.test(name) ? `"${name}"` : name}: {role: ${role}, sha256: ${sha256}}\n`;
}
