/** Whatever bytes come, the server says a sentence or nothing, and answers the next who asks. */
import { IS_FULL } from "../../harness.ts";
import { assert, assertEquals } from "@std/assert";
import { seededTest } from "../../crash/kills/crash.ts";
import { TestServer } from "./client.ts";
import { hostileBytes } from "./requests.ts";

const CASES = IS_FULL ? 10_000 : 300;

seededTest(
  `${CASES} times, hostile bytes bring neither silence nor a trace, and the next is answered`,
  async (random) => {
    await using server = new TestServer();
    for (let number = 0; number < CASES; number++) {
      using client = await server.connect();
      const bytes = hostileBytes(random, server.host);
      await client.send(bytes);
      await client.conn.closeWrite().catch(() => {});
      // One that waits for more, though there is none, would not end here.
      const said = await client.rest();
      const shown = JSON.stringify(new TextDecoder("latin1").decode(bytes).slice(0, 2_000));
      assert(said === "" || /^HTTP\/1\.1 [1245]\d\d /.test(said), `${said} to ${shown}`);
      assert(!/HTTP\/1\.1 500 |\n\s+at /.test(said), `${said} to ${shown}`);
      assertEquals(server.errors, [], shown);
      using good = await server.connect();
      assertEquals((await good.ask(`GET / HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`)).status, 200);
    }
  },
);
