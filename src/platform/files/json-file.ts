import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import type { z } from "zod";
import { ConiferError } from "../../model/errors.ts";

/** Reads and checks a JSON file; null where there is none. Throws BAD_INPUT, which names the file, where it does not read. */
export async function readJsonFile<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T> | null> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return null;
    throw new ConiferError("BAD_INPUT", { where: path, problem: cause.message }, { cause });
  });
  if (text === null) return null;
  const parsed = schema.safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const problem = `${issue?.path.join(".") ?? ""} ${issue?.message ?? "unreadable"}`.trim();
  throw new ConiferError("BAD_INPUT", { where: path, problem });
}

/** Writes a JSON file so that a reader, also after a crash, sees the old content or the new, never a part. Mode 0600 by default. */
export async function writeJsonFile(path: string, value: unknown, options: { mode?: number } = {}): Promise<void> {
  const fresh = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    const file = await open(fresh, "wx", options.mode ?? 0o600);
    try {
      await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConiferError("BAD_INPUT", { where: path, problem: "it is not JSON" }, { cause });
  }
}
