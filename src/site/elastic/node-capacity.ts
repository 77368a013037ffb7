import { totalmem } from "node:os";
import type { NodeCapacity } from "../../model/resources.ts";
import { ownCores } from "../../pilot/node/machine/cores.ts";
import { findGpus, listDirectory } from "../../pilot/node/machine/gpus.ts";
import type { Settings } from "../settings/schema.ts";

/** What a node of an allocation has: what the settings promise, else what this machine has. */
export function nodeCapacity({ scheduler: { node } }: Settings): NodeCapacity {
  const gpus = node.gpus ?? findGpus({ environment: process.env, list: listDirectory }).length;
  return {
    cores: node.cores ?? ownCores().length,
    gpus: typeof gpus === "number" ? gpus : gpus.length,
    memoryBytes: node.memoryBytes ?? totalmem(),
  };
}
