/** A file as an input, read piece by piece. */
import type { Input, World } from "../base/world.ts";

/** Opens a file to be read like standard input. Close it when done. */
export function fileInput(world: World, path: string): Pick<Input, "read"> & { close(): void } {
  const file = world.files.open(path, "read");
  let offset = 0;
  return {
    read(buffer) {
      const count = file.readAt(buffer, offset);
      offset += count;
      return Promise.resolve(count === 0 ? null : count);
    },
    close: () => file.close(),
  };
}
