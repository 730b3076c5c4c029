// The licences of what is compiled into the program, as text. It comes from the build (`--define LBD_LICENSES='"…"'`, made by
// appliance/licenses.ts from the packages themselves); from source there is nothing compiled in.

declare const LBD_LICENSES: string | undefined;

export const LICENSES: string =
  typeof LBD_LICENSES === "string"
    ? LBD_LICENSES
    : "lbd runs from source: the licences are LICENSE and node_modules/*/LICENSE*\n";
