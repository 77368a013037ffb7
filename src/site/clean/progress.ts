import { z } from "zod";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import type { SiteLayout } from "../directory/layout.ts";

const progressSchema = z.object({
  /** Jobs that changed before this have been cleaned; ISO time. */
  until: z.string(),
  /** Jobs to be looked at again, because children still need their files. */
  postponed: z.array(z.int()),
});

/** How far cleaning has come. */
export type Progress = z.output<typeof progressSchema>;

/** A new site begins at the beginning. */
export async function readProgress(layout: SiteLayout): Promise<Progress> {
  const found = await readJsonFile(layout.cleaned, progressSchema).catch(() => null);
  return found ?? { until: new Date(0).toISOString(), postponed: [] };
}

export async function writeProgress(layout: SiteLayout, progress: Progress): Promise<void> {
  await writeJsonFile(layout.cleaned, progress);
}
