/** The thread of one actor: acts out what it is sent, one after the other. */
import { asLedgerError } from "../../../src/base/error.ts";
import { type ActorName, ACTORS } from "./actors.ts";
import { type Scene, turnWorld } from "./turn_world.ts";
import { Killed, TurnTaker } from "./turns.ts";

/** What an actor is sent. */
export interface Role {
  actor: ActorName;
  scene: Scene;
  /** Which process of its kind it is: each gives its events other ids. */
  life: string;
  memory: SharedArrayBuffer;
}

const scope = self as unknown as {
  onmessage: (message: MessageEvent<Role>) => void;
  postMessage(message: string): void;
};

scope.onmessage = async ({ data: { actor, scene, life, memory } }) => {
  const turns = new TurnTaker(memory);
  let error: string | undefined;
  try {
    turns.begin();
    const world = turnWorld(turns, scene);
    await ACTORS[actor]({
      ...{ world, life, dir: scene.dir },
      tell(what) {
        turns.step(`tell ${what}`);
        turns.told.push(what);
      },
    });
  } catch (thrown) {
    const problem = asLedgerError(thrown);
    error = turns.is_dead || thrown instanceof Killed
      ? "killed"
      : problem
      ? `${problem.code}: ${problem.message}`
      : `no error of ours: ${(thrown as Error).stack}`;
  }
  turns.end(error);
};
scope.postMessage("ready");
