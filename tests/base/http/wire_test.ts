/** What comes without waiting still lets everything else in the process have its turn. */
import { assert, assertEquals } from "@std/assert";
import { Connection } from "../../../src/base/http/connection.ts";
import { AllowedHosts, LOOPBACK_HOSTS } from "../../../src/base/http/request.ts";
import { type Socket, Wire } from "../../../src/base/http/wire.ts";
import { HTTP_LIMITS } from "../../../src/base/limits.ts";
import { testWorld } from "../../harness.ts";
import { latin1, WAITS } from "./client.ts";

/** A socket where all is there at once, as the system's are when a client is fast. */
function readySocket(pieces: Uint8Array[]): Socket {
  return {
    read(buffer) {
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      buffer.set(piece);
      return Promise.resolve(piece.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close() {},
    closeWrite: () => Promise.resolve(),
  };
}

Deno.test("pieces that are there at once do not keep others waiting", async () => {
  const pieces = Array.from({ length: 100 }, () => new Uint8Array(9));
  const wire = new Wire(readySocket(pieces), testWorld());
  let had_turn = false;
  setImmediate(() => had_turn = true);
  while (!had_turn) assert(await wire.pull(), "all was read, and nothing else had its turn");
});

Deno.test("pipelined requests do not keep others waiting", async () => {
  const request = "GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n";
  const socket = readySocket([latin1(request.repeat(400))]);
  let answered = 0;
  let answered_before_turn: number | undefined;
  const connection = new Connection({
    world: testWorld(),
    hosts: new AllowedHosts(LOOPBACK_HOSTS, 1),
    limits: { ...HTTP_LIMITS, ...WAITS },
    handler() {
      if (answered++ === 0) setImmediate(() => answered_before_turn = answered);
      return { status: 200 };
    },
    onFailure: (_, cause) => assertEquals(cause, undefined),
    onWaiting() {},
  }, socket);
  await connection.run();
  assertEquals(answered, 400);
  assert(answered_before_turn! < 400, `${answered_before_turn} were answered first`);
});
