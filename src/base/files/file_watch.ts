/** Notifications about a folder and what is below it. */

/** Comes until it is closed. */
export interface FolderWatch {
  changes: AsyncIterable<string[]>;
  close(): void;
}

/** Begins to watch. */
export function watchFolder(folder: string): FolderWatch {
  const watcher = Deno.watchFs(folder, { recursive: true });
  return { changes: changedPaths(watcher), close: () => closeQuietly(watcher) };
}

async function* changedPaths(watcher: Deno.FsWatcher): AsyncIterable<string[]> {
  for await (const event of watcher) {
    if (event.kind !== "access") yield event.paths;
  }
}

function closeQuietly(watcher: Deno.FsWatcher): void {
  try {
    watcher.close();
  } catch {
    // Closed already, by the end of its iteration.
  }
}
