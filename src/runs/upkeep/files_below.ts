/** The files of a folder, and of the folders in it. */
import { join } from "@std/path";
import type { Files } from "../../base/files/seam.ts";

/** Something below a folder that is no folder itself: a file, or a link. */
export interface EntryBelow {
  /** Below the folder: `results/summary.parquet`. */
  path: string;
  name: string;
  /** Links are none, wherever they lead. */
  is_file: boolean;
}

/** All that is below a folder, in the order of names; nothing where there is no such folder. */
export function entriesBelow(files: Files, folder: string, below = ""): EntryBelow[] {
  return (files.list(join(folder, below)) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, is_file, is_folder }) => {
      const path = below === "" ? name : `${below}/${name}`;
      return is_folder ? entriesBelow(files, folder, path) : [{ path, name, is_file }];
    });
}
