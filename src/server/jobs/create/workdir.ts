import { ConiferError } from "../../../model/errors.ts";

/** `<workflow or app>/<name>_<id>`, whatever the names hold: each is made one safe part of a path. */
export function defaultWorkdir(job: { workflow: string; app: string; name: string; id: number }): string {
  return `${safePart(job.workflow === "" ? job.app : job.workflow)}/${safePart(job.name)}_${job.id}`;
}

/** Refuses a workdir that is not a plain path of named directories inside the site's data/. */
export function checkWorkdir(workdir: string, where: string): void {
  const parts = workdir.split("/");
  const plain = parts.every((part) => part !== "" && part !== "." && part !== ".." && part.length <= 255);
  if (!plain || hasControl(workdir)) throw new ConiferError("UNSAFE_PATH", { where, path: JSON.stringify(workdir) });
}

/** Letters, digits and a few marks stay; a leading dot would hide the directory, or name its parent. */
function safePart(text: string): string {
  const safe = text
    .replace(/[^A-Za-z0-9_.+=@,-]/g, "_")
    .replace(/^[.-]/, "_")
    .slice(0, 128);
  return safe === "" ? "_" : safe;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) < 32 || text.charCodeAt(at) === 127) return true;
  return false;
}
