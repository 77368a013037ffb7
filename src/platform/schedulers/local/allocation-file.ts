import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile, writeJsonFile } from "../../files/json-file.ts";

const identitySchema = z.object({ pid: z.int(), startTicks: z.string(), bootId: z.string() });

/** One allocation of the local scheduler as its file has it: everything a later process needs to take it over. */
export const allocationSchema = z.object({
  id: z.string(),
  key: z.string(),
  state: z.enum(["queued", "running", "ended"]),
  request: z.object({
    key: z.string(),
    name: z.string(),
    command: z.array(z.string()),
    environment: z.record(z.string(), z.string()),
    directory: z.string(),
    output: z.string(),
    nodes: z.number(),
    wallTimeMin: z.number(),
    queue: z.string(),
    project: z.string(),
    options: z.record(z.string(), z.unknown()),
  }),
  /** Unique; in the environment of all its processes. */
  marker: z.string(),
  submittedAt: z.number(),
  startedAt: z.number().nullable(),
  /** Its first process; null until that is known to have started. */
  leader: identitySchema.nullable(),
  /** Why it is being given up, and since when. */
  giveUp: z.object({ at: z.number(), reason: z.string(), outcome: z.enum(["cancelled", "failed"]) }).nullable(),
  end: z
    .object({ at: z.number(), outcome: z.enum(["finished", "failed", "cancelled"]), reason: z.string() })
    .nullable(),
});
export type Allocation = z.output<typeof allocationSchema>;

export const allocationFile = (directory: string, id: string) => join(directory, `${id}.json`);

export async function saveAllocation(directory: string, allocation: Allocation): Promise<void> {
  await writeJsonFile(allocationFile(directory, allocation.id), allocation);
}

/** All allocations of a directory, in the order they were asked for. Throws BAD_INPUT, which names the file, where one does not read. */
export async function loadAllocations(directory: string): Promise<Allocation[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  const read = await Promise.all(names.map((name) => readJsonFile(join(directory, name), allocationSchema)));
  return read.filter((allocation) => allocation !== null).sort((a, b) => a.submittedAt - b.submittedAt);
}

/** Removes an allocation's file and what its script left beside it. */
export async function removeAllocation(directory: string, id: string): Promise<void> {
  for (const suffix of ["json", "pid", "exit"]) await rm(join(directory, `${id}.${suffix}`), { force: true });
}

/** A number that the allocation's script has written: its pid, or the exit code; null where it has not. */
export async function readScriptNumber(directory: string, id: string, kind: "pid" | "exit"): Promise<number | null> {
  const text = await readFile(join(directory, `${id}.${kind}`), "utf8").catch(() => "");
  return /^\d+\n$/.test(text) ? Number(text) : null;
}
