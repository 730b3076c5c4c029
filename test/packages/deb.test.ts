// Test of packages: `make deb`. The package is the same from any folder, lintian has no error, and in a Debian of its own (a layer over this
// machine's files) it takes keepalived's place, is upgraded and goes. Nothing of this machine is changed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { until } from "../support/until.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");
const LIMIT_MS = 900_000;

/** Where the layer sees the packages. */
const HANDED_IN = "/run/lbd-packages";
const CONFIG = "/etc/keepalived/keepalived.conf";
const CONFIGURATION = `vrrp_instance web {
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 0.1
    version 3
    virtual_ipaddress {
        192.0.2.100/24
    }
}
`;
const DEB = `lbd_0.1.0-1_${process.arch === "x64" ? "amd64" : process.arch}.deb`;
const ENVIRONMENT = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  HOME: "/root",
  DEBIAN_FRONTEND: "noninteractive",
};
/** What is offered behind `lbd config`; what its functions are handed is printed instead of shown. */
const ZSH_OFFERS = `_describe() { print -r -- \${\${(P)2}%%:*} }; words=(lbd config ""); CURRENT=3; source /usr/share/zsh/vendor-completions/_lbd`;

/** The test's packages are made quickly; those of a release are compressed. */
const NOT_PACKED = "uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball";

const work = mkdtempSync(join(tmpdir(), "lbd-packages-"));
let deb: string;

/** @param out where it is made; the packer is told a version, so that one commit gives two */
function build(out: string, version: string): string {
  return must(process.execPath, [
    "appliance/deb.ts",
    "--level",
    "none",
    "--out",
    join(work, out),
    "--version",
    version,
  ]).trim();
}

function must(program: string, words: readonly string[]): string {
  const done = spawnSync(program, words, { cwd: REPOSITORY, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.status !== 0)
    throw new Error(`${program} ${words.join(" ")}: ${done.stdout}${done.stderr}${done.error ?? ""}`);
  return done.stdout;
}

beforeAll(() => {
  deb = build("one", "0.1.0-1");
  build("two", "0.1.0-2");
}, LIMIT_MS);
afterAll(() => rmSync(work, { recursive: true, force: true }));

test(
  "the same commit gives the same bytes in another folder, whatever the umask of who makes it",
  () => {
    const mask = process.umask(0o077);
    let elsewhere: string;
    try {
      elsewhere = build("elsewhere", "0.1.0-1");
    } finally {
      process.umask(mask);
    }
    const [first, second] = [deb, elsewhere].map((path) =>
      createHash("sha256").update(readFileSync(path)).digest("hex"),
    );
    expect(second).toBe(first);
  },
  LIMIT_MS,
);

test(
  "lintian has no error",
  () => {
    const { status, stdout, stderr } = spawnSync(
      "lintian",
      ["--allow-root", "--fail-on", "error", "--suppress-tags", NOT_PACKED, deb],
      {
        encoding: "utf8",
      },
    );
    expect([status, stdout.match(/^E: .*/gm), stderr]).toEqual([0, null, expect.any(String)]);
  },
  LIMIT_MS,
);

test(
  "the manual pages are formatted without a complaint",
  () => {
    for (const page of ["usr/share/man/man8/lbd.8.gz", "usr/share/man/man5/lbd.conf.5.gz"]) {
      must("dpkg-deb", ["-x", deb, join(work, "unpacked")]);
      const { status, stdout, stderr } = spawnSync(
        "man",
        ["--warnings", "-E", "UTF-8", "-l", join(work, "unpacked", page)],
        {
          encoding: "utf8",
          env: { ...process.env, MANWIDTH: "80" },
          maxBuffer: 1 << 26,
        },
      );
      expect([status, stderr, stdout.length > 5000]).toEqual([0, "", true]);
    }
  },
  LIMIT_MS,
);

/** This machine's Debian under a layer that takes every change, without a service manager, with processes and links of its own. */
class Layer {
  readonly #holder: ChildProcess;
  readonly #root = join(work, "layer/root");
  /** The first process in there. */
  readonly #first: string;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.#first = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
  }

  static async make(): Promise<Layer> {
    const folder = join(work, "layer");
    mkdirSync(folder);
    const script = [
      `mount -t tmpfs layer ${folder}`,
      `cd ${folder}`,
      "mkdir upper work root",
      "mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work layer root",
      "mount -t proc proc root/proc",
      "mount --rbind /dev root/dev",
      "mount -t tmpfs run root/run",
      `mkdir root${HANDED_IN}`,
      `mount --bind ${work} root${HANDED_IN}`,
      "echo ready",
      "exec cat",
    ].join("\n");
    const holder = spawn("unshare", ["--mount", "--pid", "--fork", "--kill-child", "--net", "sh", "-ec", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    holder.stdout?.on("data", (chunk) => {
      said += chunk;
    });
    await until("the layer is there", () => said.includes("ready"));
    return new Layer(holder);
  }

  #words(words: readonly string[]): string[] {
    return ["--target", this.#first, "--mount", "--pid", "--net", "chroot", this.#root, ...words];
  }

  run(...words: string[]): { readonly status: number | null; readonly output: string } {
    const done = spawnSync("nsenter", this.#words(words), { encoding: "utf8", maxBuffer: 1 << 26, env: ENVIRONMENT });
    return { status: done.status, output: `${done.stdout}${done.stderr}` };
  }

  /** @returns what it wrote @throws Error when it failed */
  must(...words: string[]): string {
    const { status, output } = this.run(...words);
    if (status !== 0) throw new Error(`${words.join(" ")}: ${output}`);
    return output;
  }

  spawn(...words: string[]): ChildProcess {
    return spawn("nsenter", this.#words(words), { stdio: ["ignore", "ignore", "inherit"], env: ENVIRONMENT });
  }

  [Symbol.dispose](): void {
    this.#holder.kill("SIGKILL");
  }
}

describe("in a Debian that has keepalived", () => {
  let layer: Layer;
  beforeAll(async () => {
    layer = await Layer.make();
    layer.must(
      "sh",
      "-ec",
      `cat > /etc/default/keepalived <<'END'\nDAEMON_ARGS="-D"\nEND\nmkdir -p /etc/keepalived; cat > ${CONFIG} <<'END'\n${CONFIGURATION}END`,
    );
    layer.must("ip", "link", "set", "lo", "up");
    layer.must("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0");
    layer.must("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0");
    for (const link of ["eth0", "peer0"]) layer.must("ip", "link", "set", link, "up");
  }, LIMIT_MS);
  afterAll(() => layer[Symbol.dispose]());

  const states = () =>
    layer.run(
      "dpkg-query",
      "-W",
      "-f",
      "$(Package) $(db:Status-Abbrev)$(Version)\n".replaceAll(/\$\((.*?)\)/g, "$${$1}"),
      "lbd",
      "keepalived",
    ).output;
  const running = () => layer.run("pgrep", "-x", "lbd").output.trim();

  test(
    "it takes keepalived's place, keeps its files, and starts nothing",
    () => {
      const said = layer.must("apt-get", "install", "--yes", "--no-install-recommends", `${HANDED_IN}/one/${DEB}`);
      expect(said).toContain("lbd: nothing was started. Next: lbd check --here; systemctl enable --now lbd");
      expect(states()).toMatch(/^keepalived rc .*\nlbd ii 0\.1\.0-1\n$/);
      expect(running()).toBe("");
      expect(layer.must("cat", "/etc/default/keepalived", CONFIG)).toBe(`DAEMON_ARGS="-D"\n${CONFIGURATION}`);
      expect(layer.must("lbd", "--version")).toStartWith("lbd ");
      expect(layer.must("lbd", "check", CONFIG)).toBe("no errors in 1 file\n");
      expect(layer.must("dpkg", "--verify", "lbd")).toBe("");
    },
    LIMIT_MS,
  );

  test(
    "its man pages are found, and shells complete its words",
    () => {
      expect(layer.must("man", "-w", "lbd", "5", "lbd.conf")).toBe(
        "/usr/share/man/man8/lbd.8.gz\n/usr/share/man/man5/lbd.conf.5.gz\n",
      );
      expect(layer.must("fish", "-c", 'complete -C "lbd check --format "; complete -C "lbd config "')).toMatch(
        /^json\t.*\nsarif\t.*\ntext\t.*\nget\t.*\nput\t.*\n$/,
      );
      expect(layer.must("bash", "-c", "source /usr/share/bash-completion/completions/lbd; complete -p lbd")).toContain(
        "_lbd",
      );
      expect(layer.must("zsh", "-f", "-c", ZSH_OFFERS)).toBe("get put\n");
    },
    LIMIT_MS,
  );

  test(
    "an upgrade leaves a director that no service manager started alone, and the new program speaks with it",
    async () => {
      const director = layer.spawn("lbd", "--api", "off");
      try {
        const held = () => layer.run("ip", "-o", "address", "show", "to", "192.0.2.100").output;
        await until("the address is there", () => held() !== "");
        const before = running();
        layer.must("dpkg", "-i", `${HANDED_IN}/two/${DEB.replace("-1_", "-2_")}`);
        expect(states()).toMatch(/^keepalived rc .*\nlbd ii 0\.1\.0-2\n$/);
        expect([running(), held()]).toEqual([before, expect.stringContaining("192.0.2.100")]);
        expect(layer.must("lbd", "status", "--json")).toContain('"state":"MASTER"');
        expect(layer.must("cat", "/etc/default/lbd")).toContain('LBD_OPTIONS=""');
      } finally {
        layer.run("pkill", "-TERM", "-o", "-x", "lbd");
        await until("the director is gone", () => director.exitCode !== null || director.signalCode !== null);
      }
    },
    LIMIT_MS,
  );

  test(
    "it goes with its own files, and purged with its settings; the configuration stays",
    () => {
      layer.must("dpkg", "--remove", "lbd");
      expect(
        layer.run("sh", "-c", "ls /usr/sbin/lbd /usr/lib/systemd/system/lbd.service /etc/default/lbd 2>/dev/null")
          .output,
      ).toBe("/etc/default/lbd\n");
      layer.must("dpkg", "--purge", "lbd");
      expect(
        layer.run(
          "sh",
          "-c",
          "ls -d /etc/default/lbd /usr/share/doc/lbd 2>/dev/null; cat /etc/keepalived/keepalived.conf",
        ).output,
      ).toBe(CONFIGURATION);
      layer.must("sh", "-ec", "dpkg --configure -a; dpkg --audit");
    },
    LIMIT_MS,
  );
});
