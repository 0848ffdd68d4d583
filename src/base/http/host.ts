/**
 * Which hosts a server answers for. A page of another site can make a browser ask any address, but
 * not say another `Host` than the name that it asked: what is not on the list is refused.
 */
import { RequestProblem } from "./problem.ts";

/** The names of this machine to itself. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];

const HTTP_PORT = "80";
const NAME = String.raw`\[[0-9a-f:.]+\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})+`;
const HOST = new RegExp(`^(${NAME})(?::(\\d{0,5}))?$`, "i");

/** The hosts that may be asked for. One without a port stands for the port that is listened on. */
export class AllowedHosts {
  readonly #hosts: ReadonlySet<string>;

  constructor(hosts: readonly string[], port: number) {
    this.#hosts = new Set(hosts.map((host) => {
      const has_port = /:\d+$/.test(host);
      return (has_port ? host : `${host}:${port}`).toLowerCase();
    }));
  }

  /** Throws 400 for what is no host, and 421 for one that is not on the list. */
  check(host: string): void {
    const [, name, port] = HOST.exec(host) ?? [];
    if (name === undefined) throw new RequestProblem(400, "the Host of the request is malformed");
    if (this.#hosts.has(`${name.toLowerCase()}:${port || HTTP_PORT}`)) return;
    throw new RequestProblem(421, `this server answers for ${[...this.#hosts].join(", ")} only`);
  }
}
