import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { JobCreate } from "../../client/wire/entities.ts";
import { ConiferError, messageOf } from "../../model/errors.ts";

/** The lines of a file (`-` = stdin) that are not empty, one by one. */
export async function* readLines(file: string, cwd: string): AsyncGenerator<string, void> {
  const input = file === "-" ? process.stdin : createReadStream(resolve(cwd, file));
  const broken = new Promise<never>((_, reject) =>
    input.once("error", (cause: unknown) => reject(unreadable(file, cause))),
  );
  broken.catch(() => undefined);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([lines.next(), broken]);
    if (next.done) return;
    if (next.value.trim() !== "") yield next.value;
  }
}

/** The jobs of a JSON array, or of one JSON object a line. */
export async function readJobs(file: string, cwd: string): Promise<JobCreate[]> {
  const content = await (file === "-" ? text(process.stdin) : readFile(resolve(cwd, file), "utf8")).catch(
    (cause: unknown) => {
      throw unreadable(file, cause);
    },
  );
  const jobs = content.trimStart().startsWith("[") ? parse(content, file) : parseLines(content, file);
  if (!Array.isArray(jobs)) throw new ConiferError("BAD_INPUT", { where: file, problem: "expected an array of jobs" });
  const odd = jobs.findIndex((job) => typeof job !== "object" || job === null || Array.isArray(job));
  if (odd !== -1) throw new ConiferError("BAD_INPUT", { where: `${file} item ${odd}`, problem: "expected an object" });
  return jobs;
}

function parseLines(content: string, file: string): unknown[] {
  return content
    .split("\n")
    .map((line, index) => ({ line, where: `${file}:${index + 1}` }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, where }) => parse(line, where));
}

function parse(content: string, where: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new ConiferError("BAD_INPUT", { where, problem: `it is not JSON: ${messageOf(cause)}` }, { cause });
  }
}

function unreadable(file: string, cause: unknown): ConiferError {
  return new ConiferError("BAD_INPUT", { where: file, problem: `it cannot be read: ${messageOf(cause)}` }, { cause });
}
