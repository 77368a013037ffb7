import { pathToFileURL } from "node:url";

/** Imports a bundled module; a bundle's name is the hash of its content, so it is loaded once in this process. */
export async function loadModule(path: string): Promise<Record<string, unknown>> {
  const loaded: unknown = await import(pathToFileURL(path).href);
  return { ...(loaded as Record<string, unknown>) };
}
