/** The executable's daemon under clients that want it ill: it answers, keeps its descriptors, and ends. */
import { IS_FULL } from "../harness.ts";
import { assert, assertEquals } from "@std/assert";
import { Client, until } from "../base/http/client.ts";
import { hostileBytes } from "../base/http/requests.ts";
import { patience } from "../crash/kills/crash.ts";
import { Random, TEST_SEED } from "../laws/random.ts";
import { Daemon, untilHealth } from "../daemon.ts";
import { type Bench, binaryTest } from "./binary.ts";
import { descriptorsOf, withDescriptors } from "./descriptors.ts";

const HOSTILE = IS_FULL ? 10_000 : 200;
const REQUESTS = IS_FULL ? 10_000 : 2_000;
const PIPELINED = 50;

/** A daemon of the executable that may open so many files. */
async function startDaemon({ binary, folder }: Bench, descriptors = 1_024): Promise<Daemon> {
  const watch = ["watch", "--interval", "1", "--health", "127.0.0.1:0"];
  const { program, args } = withDescriptors(descriptors, binary, watch);
  const command = new Deno.Command(program, {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
  return await Daemon.of(command.spawn(), "/healthz");
}

/** Waits until it has so many events in its index, and is well. */
async function untilWell(daemon: Daemon, events: number): Promise<void> {
  await untilHealth(
    daemon.address,
    (status, health) => status === 200 && health.events === events && health.lag_bytes === 0,
  );
}

function emit(bench: Bench) {
  return bench.ledger(["emit", "run.started", "--run-id", "a"]);
}

/** Ends it as a service manager does; nothing but these lines was said. */
async function endsWell(daemon: Daemon, more: RegExp = /^$/): Promise<void> {
  await daemon.endWell();
  const [first, ...others] = daemon.said.trimEnd().split("\n");
  assert(first.startsWith("answers on "), daemon.said);
  for (const line of others) assert(more.test(line), daemon.said);
}

function socketsOf(daemon: Daemon): number {
  return descriptorsOf(daemon.child.pid).filter((target) => target.startsWith("socket:")).length;
}

binaryTest("SIGTERM ends a watch whose clients have sent half of what they want", async (bench) => {
  const daemon = await startDaemon(bench);
  const { host } = new URL(daemon.address);
  const head = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n`;
  const clients: Client[] = [];
  for (
    const sent of ["", "GET /heal", head, `${head}Content-Length: 9\r\n\r\nabc`, `${head}\r\n`]
  ) {
    const client = await Client.to(daemon.address);
    clients.push(client);
    await client.send(sent);
  }
  // The one that was answered shows that all before it were taken.
  assertEquals((await clients.at(-1)!.answer()).status, 200);
  await endsWell(daemon);
  for (const client of clients) client[Symbol.dispose]();
});

binaryTest(
  "half-sent requests past the descriptors' limit keep a watch from nothing",
  async (bench) => {
    for (const descriptors of [128, 64]) {
      const daemon = await startDaemon(bench, descriptors);
      assertEquals((await emit(bench)).code, 0);
      const events = descriptors === 128 ? 1 : 3;
      await untilWell(daemon, events);
      const clients: Client[] = [];
      for (let count = 0; count < 200; count++) {
        const client = await Client.to(daemon.address);
        clients.push(client);
        await client.send("GET / HTTP/1.1\r\nHost: ");
      }
      // While they are there, and after they have gone.
      assertEquals((await emit(bench)).code, 0);
      await untilWell(daemon, events + 1);
      for (const client of clients) client[Symbol.dispose]();
      await untilWell(daemon, events + 1);
      await endsWell(daemon, /^cannot (take a client|open|sync) .*Too many open files/);
    }
  },
);

binaryTest("clients that ask and ask and read nothing keep a watch from nothing", async (bench) => {
  const daemon = await startDaemon(bench, 128);
  const { host } = new URL(daemon.address);
  const request = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const clients: Client[] = [];
  const sending: Promise<void>[] = [];
  for (let count = 0; count < 20; count++) {
    const client = await Client.to(daemon.address);
    clients.push(client);
    sending.push(client.send(request.repeat(1_000)));
  }
  assertEquals((await emit(bench)).code, 0);
  await untilWell(daemon, 1);
  await endsWell(daemon);
  await Promise.all(sending);
  for (const client of clients) client[Symbol.dispose]();
});

binaryTest(`${REQUESTS} requests leave a watch with the sockets that it had`, async (bench) => {
  const daemon = await startDaemon(bench);
  assertEquals((await emit(bench)).code, 0);
  await untilWell(daemon, 1);
  const { host } = new URL(daemon.address);
  const request = `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const before = socketsOf(daemon);
  let client = await Client.to(daemon.address);
  for (let answered = 0; answered < REQUESTS;) {
    await client.send(request.repeat(PIPELINED));
    for (let count = 0; count < PIPELINED; count++) {
      const { status, headers } = await client.answer();
      assertEquals(status, 200);
      answered++;
      if (headers.get("connection") !== "close") continue;
      // The others of this lot are for a new connection.
      client[Symbol.dispose]();
      client = await Client.to(daemon.address);
      break;
    }
  }
  client[Symbol.dispose]();
  await until(() => socketsOf(daemon) <= before, "no more sockets than before");
  await endsWell(daemon);
});

binaryTest(`${HOSTILE} times, hostile bytes bring neither silence nor a trace`, async (bench) => {
  const random = new Random(TEST_SEED);
  const daemon = await startDaemon(bench);
  const { host } = new URL(daemon.address);
  for (let count = 0; count < HOSTILE; count++) {
    using client = await Client.to(daemon.address);
    await client.send(hostileBytes(random, host));
    await client.conn.closeWrite().catch(() => {});
    const said = await client.rest();
    const where = `LEDGER_TEST_SEED=${TEST_SEED}, ${count}: ${said}`;
    assert(said === "" || /^HTTP\/1\.1 [1245]\d\d /.test(said), where);
    assert(!/HTTP\/1\.1 500 |\n\s+at /.test(said), where);
  }
  await untilHealth(daemon.address, (status) => status === 200);
  await endsWell(daemon);
});

binaryTest(
  "another Host is refused on every path, and the names of this machine are not",
  async (bench) => {
    const daemon = await startDaemon(bench);
    const { host, port } = new URL(daemon.address);
    for (const path of ["/healthz", "/metrics", "/"]) {
      const wanted = path === "/" ? 404 : 200;
      const statuses: [status: number, name: string][] = [
        [wanted, host],
        [wanted, `localhost:${port}`],
        [wanted, `[::1]:${port}`],
        [421, "evil.example"],
        [421, `evil.example:${port}`],
        [421, "localhost"],
        [400, "a b"],
        [400, `${host}\r\nHost: ${host}`],
      ];
      for (const [status, name] of statuses) {
        using client = await Client.to(daemon.address);
        const answer = await client.ask(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
        assertEquals(answer.status, status, name);
      }
    }
    await endsWell(daemon);
  },
);
