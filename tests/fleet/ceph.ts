/**
 * A real Ceph on loopback: one monitor, OSDs on files or in memory, one RADOS gateway. Its daemons are children
 * of this process and end with it; each can be killed and started again. Only what an object store needs:
 * no manager, no CephFS. Of Debian's packages ceph-mon, ceph-osd and radosgw.
 */
import { join } from "@std/path";
import { runs } from "../crash/power/power.ts";
import { patience } from "../crash/kills/crash.ts";
import { freePorts } from "../harness.ts";

/** Whether there are the programs that this takes. */
export const HAS_CEPH = ["ceph-mon", "ceph-osd", "radosgw"].every((name) =>
  runs(name, ["--version"])
);

if (!HAS_CEPH) {
  console.log(
    "left out: what needs a real object store, since Ceph is not installed " +
      "(apt-get install ceph-mon ceph-osd radosgw)",
  );
}

/** How a Ceph is made. */
export interface CephOptions {
  /** An empty folder, for its data and logs. */
  folder: string;
  /** With three or more each object is there three times, and one may be away. */
  osds?: number;
  /** In memory: it starts in a second or two, and what a killed OSD held is gone. */
  is_in_memory?: boolean;
}

const KEYS = {
  AWS_ACCESS_KEY_ID: "FLEETKEY",
  AWS_SECRET_ACCESS_KEY: "FLEETSECRET",
  AWS_REGION: "default",
} as const;

/** A program ends with this process, also where that is killed. */
const WITH_PARENT = ["--pdeathsig", "KILL", "--"];

/** A daemon's name: `mon.a`, `osd.0`, `rgw`. */
type DaemonName = "mon" | "rgw" | `osd.${number}`;

/** A cluster that runs. */
export class Ceph implements AsyncDisposable {
  readonly #daemons = new Map<DaemonName, Deno.ChildProcess>();
  readonly #config: string;
  readonly #osds: DaemonName[];
  /** Its gateway. */
  readonly port: number;
  readonly #monitor_port: number;
  /** What a client of the gateway signs with. */
  readonly keys = KEYS;

  private constructor(readonly options: CephOptions) {
    this.#config = join(options.folder, "ceph.conf");
    [this.port, this.#monitor_port] = freePorts(2);
    this.#osds = Array.from({ length: options.osds ?? 1 }, (_, n) => `osd.${n}` as const);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts one; it takes requests when this returns. */
  static async start(options: CephOptions): Promise<Ceph> {
    const ceph = new Ceph(options);
    try {
      await ceph.#make();
      return ceph;
    } catch (error) {
      await ceph[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #make(): Promise<void> {
    const { folder } = this.options;
    const monitor = `v2:127.0.0.1:${this.#monitor_port}`;
    const fsid = crypto.randomUUID();
    Deno.writeTextFileSync(this.#config, this.#configText(fsid, monitor));
    Deno.writeTextFileSync(join(folder, "keyring"), this.#keyring());
    const map = join(folder, "monmap");
    for (const name of ["mon", "rgw", ...this.#osds]) Deno.mkdirSync(join(folder, name));
    await this.#run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", `[${monitor}]`, map);
    await this.#run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map);
    this.start("mon");
    await Promise.all(this.#osds.map(async (name) => {
      const [uuid, number] = [crypto.randomUUID(), name.slice("osd.".length)];
      await Promise.all([
        this.#run("ceph", "osd", "new", uuid, number),
        this.#run("ceph-osd", "--mkfs", "-i", number, "--osd-uuid", uuid),
      ]);
      this.start(name);
    }));
    this.start("rgw");
    await this.#run(
      "radosgw-admin",
      "user",
      "create",
      "--uid=fleet",
      "--display-name=fleet",
      `--access-key=${KEYS.AWS_ACCESS_KEY_ID}`,
      `--secret-key=${KEYS.AWS_SECRET_ACCESS_KEY}`,
    );
    await this.untilAnswers();
  }

  /** Starts a daemon that does not run; it may take a moment until it serves. */
  start(name: DaemonName): void {
    const [program, args] = name === "mon"
      ? ["ceph-mon", ["-i", "a"]] as const
      : name === "rgw"
      ? ["radosgw", ["-n", "client.rgw.a"]] as const
      : ["ceph-osd", ["-i", name.slice("osd.".length)]] as const;
    const output = join(this.options.folder, `${name}.out`);
    const child = new Deno.Command("sh", {
      args: [
        "-c",
        `exec setpriv ${WITH_PARENT.join(" ")} "$@" >> '${output}' 2>&1`,
        "sh",
        program,
        "-c",
        this.#config,
        "-f",
        ...args,
      ],
      stdin: "null",
    }).spawn();
    this.#daemons.set(name, child);
  }

  /** Kills a daemon. */
  async kill(name: DaemonName): Promise<void> {
    const child = this.#daemons.get(name);
    this.#daemons.delete(name);
    try {
      child?.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await child?.status;
  }

  /** Kills all of it, as a power cut does; what it has acknowledged is on its disks. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#daemons.keys()].map((name) => this.kill(name)));
  }

  /** Starts all that does not run; it takes requests when this returns. */
  async startAll(): Promise<void> {
    for (const name of ["mon", ...this.#osds, "rgw"] as DaemonName[]) {
      if (!this.#daemons.has(name)) this.start(name);
    }
    await this.untilAnswers();
  }

  /** Asks the gateway until it answers. */
  async untilAnswers(): Promise<void> {
    const signal = patience();
    for (;;) {
      try {
        const answer = await fetch(this.endpoint, { signal });
        await answer.body?.cancel();
        if (answer.ok) return;
      } catch (error) {
        if (signal.aborted) {
          throw new Error(`Ceph does not answer: ${this.#said()}`, { cause: error });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
  }

  async #run(program: string, ...args: string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("setpriv", {
      args: [...WITH_PARENT, program, "-c", this.#config, ...args],
      stdin: "null",
      stdout: "null",
      signal: patience(),
    }).output();
    if (success) return;
    const said = new TextDecoder().decode(stderr);
    throw new Error(`${program} ${args.join(" ")}: ${said}${this.#said()}`);
  }

  /** The ends of what its daemons have said. */
  #said(): string {
    return [...this.#daemons.keys()].map((name) => {
      const text = Deno.readTextFileSync(join(this.options.folder, `${name}.out`));
      return `\n${name}: ${text.slice(-1_000)}`;
    }).join("");
  }

  #configText(fsid: string, monitor: string): string {
    const { folder, is_in_memory } = this.options;
    const copies = this.#osds.length >= 3 ? 3 : 1;
    return `[global]
fsid = ${fsid}
mon host = ${monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
keyring = ${folder}/keyring
log file = ${folder}/$name.log
run dir = ${folder}
admin socket =
osd pool default size = ${copies}
osd pool default min size = ${Math.ceil(copies / 2)}
osd pool default pg num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
# Maps change within milliseconds: all that a start waits for.
paxos propose interval = 0.02
paxos min wait = 0.01
osd heartbeat interval = 2
osd heartbeat grace = 6
osd memory target = 939524096
osd objectstore = ${is_in_memory ? "memstore" : "bluestore"}
bluestore block size = 21474836480
memstore device bytes = 4294967296
mon data = ${folder}/mon
osd data = ${folder}/osd.$id
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:${this.port}
rgw data = ${folder}/rgw
rgw dns name = localhost
`;
  }

  #keyring(): string {
    const all = "allow *";
    const caps: Record<string, Record<string, string>> = {
      "mon.": { mon: all },
      "client.admin": { mon: all, osd: all },
      "client.rgw.a": { mon: "allow rw", osd: "allow rwx" },
      ...Object.fromEntries(
        this.#osds.map((name) => [name, { mon: "allow profile osd", osd: all }]),
      ),
    };
    return Object.entries(caps).map(([name, caps]) => {
      const lines = Object.entries(caps).map(([what, may]) => `\tcaps ${what} = "${may}"\n`);
      return `[${name}]\n\tkey = ${newKey()}\n${lines.join("")}`;
    }).join("");
  }
}

/** A key as cephx has it: the kind, the time, the length, and 16 random bytes; whole numbers little-endian. */
function newKey(): string {
  const key = new Uint8Array(28);
  const view = new DataView(key.buffer);
  view.setUint16(0, 1, true);
  view.setUint32(2, Math.floor(Date.now() / 1e3), true);
  view.setUint16(10, 16, true);
  crypto.getRandomValues(key.subarray(12));
  return key.toBase64();
}
