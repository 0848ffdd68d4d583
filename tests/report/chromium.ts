/** A browser to look at pages with, over its DevTools protocol; where none is installed, tests say so. */
import { join } from "@std/path";
import { tempFolder } from "../harness.ts";

/** How a page is looked at. */
export interface View {
  width: number;
  height: number;
  scheme: "light" | "dark";
  /** On paper, instead of on a screen. */
  is_print?: boolean;
}

/** What a page did that it should not have. */
export interface Complaint {
  kind: "console" | "exception" | "request";
  text: string;
}

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Where the browser is; undefined where there is none. */
export function chromiumPath(): string | undefined {
  const named = Deno.env.get("CHROMIUM");
  if (named) return named;
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of NAMES) {
      try {
        if (Deno.statSync(join(folder, name)).isFile) return join(folder, name);
      } catch {
        // Not in this one.
      }
    }
  }
}

const path = chromiumPath();
if (!path) {
  console.log("left out: how the report looks in a browser, since there is no chromium in PATH");
}

/** A test that looks at pages; left out where there is no browser. */
export function browserTest(name: string, body: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !path,
    async fn() {
      using home = tempFolder();
      await using browser = await Browser.start(path!, home.path);
      await body(browser);
    },
  });
}

type Message = {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: unknown;
};
type Waiting = { resolve: (result: never) => void; reject: (error: Error) => void };

/** A browser with one page open. */
export class Browser implements AsyncDisposable {
  readonly complaints: Complaint[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #session = "";
  #calls = 0;
  #loaded = () => {};

  private constructor(readonly child: Deno.ChildProcess, readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
  }

  static async start(path: string, home: string): Promise<Browser> {
    const child = new Deno.Command(path, {
      args: [
        ...[
          "--headless=new",
          "--no-sandbox",
          "--disable-gpu",
          "--hide-scrollbars",
          "--no-first-run",
        ],
        ...["--disable-dev-shm-usage", "--remote-debugging-port=0", `--user-data-dir=${home}`],
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = await addressIn(child.stderr);
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`cannot reach the browser at ${address}`));
    });
    const browser = new Browser(child, socket);
    const { targetId } = await browser.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.call("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = sessionId as string;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) {
      await browser.call(`${domain}.enable`);
    }
    return browser;
  }

  /** Opens a file, as it is looked at. */
  async open(file: string, { width, height, scheme, is_print }: View): Promise<void> {
    await this.call("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 600 },
    });
    await this.call("Emulation.setEmulatedMedia", {
      media: is_print ? "print" : "screen",
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
    const loaded = new Promise<void>((resolve) => this.#loaded = resolve);
    await this.call("Page.navigate", { url: `file://${file}` });
    await loaded;
  }

  /** What an expression comes to in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      ...{ expression, returnByValue: true, awaitPromise: true },
    }) as { result: { value: Value }; exceptionDetails?: unknown };
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Presses a key. */
  async press(key: string, code: number): Promise<void> {
    const event = {
      key,
      code: key,
      windowsVirtualKeyCode: code,
      text: key === "Enter" ? "\r" : "",
    };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** A picture of the whole page. */
  async picture(): Promise<Uint8Array> {
    const { data } = await this.call("Page.captureScreenshot", { captureBeyondViewport: true });
    return Uint8Array.fromBase64(data as string);
  }

  /** The page on paper. */
  async pdf(): Promise<Uint8Array> {
    const { data } = await this.call("Page.printToPDF", { printBackground: false });
    return Uint8Array.fromBase64(data as string);
  }

  /** Calls a method of the protocol. */
  call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const session = this.#session === "" ? {} : { sessionId: this.#session };
    this.socket.send(JSON.stringify({ id, method, params, ...session }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as never, reject });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Told to close it tidies up after itself; killed it would leave others writing into its folder.
    const closed = new Promise((resolve) => this.socket.onclose = resolve);
    this.#session = "";
    await this.call("Browser.close");
    await closed;
    await this.child.status;
  }

  #take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(JSON.stringify(error)));
      else waiting?.resolve(result as never);
      return;
    }
    if (method === "Page.loadEventFired") return this.#loaded();
    const complaint = complaintOf(method!, params as never);
    if (complaint) this.complaints.push(complaint);
  }
}

// deno-lint-ignore no-explicit-any
function complaintOf(method: string, params: any): Complaint | undefined {
  switch (method) {
    case "Runtime.exceptionThrown":
      return { kind: "exception", text: JSON.stringify(params.exceptionDetails) };
    case "Runtime.consoleAPICalled":
      return { kind: "console", text: JSON.stringify(params.args) };
    case "Log.entryAdded":
      return { kind: "console", text: params.entry.text };
    case "Network.requestWillBeSent":
      // The file itself is asked for; nothing else may be.
      return params.type === "Document" || params.request.url.startsWith("data:")
        ? undefined
        : { kind: "request", text: params.request.url };
  }
}

async function addressIn(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    said += value ?? "";
    const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
    if (address) {
      // What it says from here on is not wanted, and must not fill the pipe.
      (async () => {
        while (!(await reader.read()).done);
      })();
      return address;
    }
    if (done) throw new Error(`the browser ended: ${said}`);
  }
}
