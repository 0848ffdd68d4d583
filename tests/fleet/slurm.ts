/** A SLURM of one node on this machine's loopback: Debian's slurmctld and slurmd, in a folder of its own. */
import { join } from "@std/path";
import { patience } from "../crash/kills/crash.ts";
import { runs } from "../crash/power/power.ts";
import { freePorts } from "../harness.ts";

/** Whether there is one, and this user may start it: jobs and epilogs are root's. */
export const HAS_SLURM = Deno.uid() === 0 && runs("slurmctld", ["-V"]) && runs("slurmd", ["-V"]);

function configuration(folder: string, epilog: string): string {
  const [of_controller, of_node] = freePorts(2);
  const path = (name: string) => join(folder, name);
  return [
    ...["ClusterName=lab", "SlurmctldHost=localhost(127.0.0.1)"],
    ...["SlurmUser=root", "SlurmdUser=root", "AuthType=auth/none", "CredType=cred/none"],
    ...[`SlurmctldPort=${of_controller}`, `SlurmdPort=${of_node}`],
    ...["ProctrackType=proctrack/pgid", "TaskPlugin=task/none", "MpiDefault=none"],
    ...["JobAcctGatherType=jobacct_gather/none", "SelectType=select/cons_tres"],
    ...["SelectTypeParameters=CR_CPU", "ReturnToService=2", "KillWait=1"],
    ...[`StateSaveLocation=${path("state")}`, `SlurmdSpoolDir=${path("spool")}`],
    ...[`SlurmctldPidFile=${path("controller.pid")}`, `SlurmdPidFile=${path("node.pid")}`],
    ...[`SlurmctldLogFile=${path("controller.log")}`, `SlurmdLogFile=${path("node.log")}`],
    ...[`Epilog=${epilog}`, "PrologEpilogTimeout=120"],
    "NodeName=node NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN",
    ...["PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP", ""],
  ].join("\n");
}

/** A cluster of one node. */
export class Slurm implements AsyncDisposable {
  readonly #conf: string;
  readonly #daemons = new AsyncDisposableStack();

  private constructor(readonly folder: string, epilog: string) {
    this.#conf = join(folder, "slurm.conf");
    for (const name of ["state", "spool"]) Deno.mkdirSync(join(folder, name));
    Deno.writeTextFileSync(this.#conf, configuration(folder, epilog));
  }

  /** Starts one whose jobs end with an epilog; ready for jobs when it returns. */
  static async start(folder: string, epilog: string): Promise<Slurm> {
    await using stack = new AsyncDisposableStack();
    const slurm = stack.use(new Slurm(folder, epilog));
    slurm.#start("slurmctld", "-D", "-i", "-f", slurm.#conf);
    slurm.#start("slurmd", "-D", "-N", "node", "-f", slurm.#conf);
    const signal = patience();
    while (await slurm.nodeState() !== "idle") signal.throwIfAborted();
    stack.move();
    return slurm;
  }

  #start(program: string, ...args: string[]): void {
    const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
    this.#daemons.use(new Deno.Command(program, options).spawn());
  }

  /** What a program of SLURM prints; empty where the controller does not answer yet. */
  async run(program: string, ...args: string[]): Promise<string> {
    const env = { SLURM_CONF: this.#conf };
    const { stdout } = await new Deno.Command(program, { args, env, signal: patience() }).output();
    return new TextDecoder().decode(stdout).trim();
  }

  async nodeState(): Promise<string> {
    return await this.run("sinfo", "--noheader", "--format=%T");
  }

  /** Waits until a job is gone, its epilog too. */
  async ended(job: string): Promise<void> {
    const signal = patience();
    while (await this.run("squeue", "--noheader", `--jobs=${job}`) !== "") signal.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemons.disposeAsync();
  }
}
