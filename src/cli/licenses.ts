// CLI: `lbd licenses`: the licence texts of lbd and of what is compiled into it.
import { defineCommand } from "citty";
import { print } from "./output.ts";

export const licensesCommand = defineCommand({
  meta: {
    name: "licenses",
    description: "Print the licence of lbd and of everything that is compiled into this program.",
  },
  async run() {
    const { LICENSES } = await import("../licenses.ts");
    print(LICENSES);
  },
});
