/** A thread that reads inputs of runs; its other end is `inputs.ts`. */
import { doWork } from "../../base/thread.ts";
import { systemWorld } from "../../base/world.ts";
import { type InputRequest, tryReadInput } from "./input_file.ts";

doWork((request: InputRequest) => tryReadInput(systemWorld(), request));
