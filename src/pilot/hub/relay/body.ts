import type { IncomingMessage } from "node:http";
import { ConiferError, messageOf } from "../../../model/errors.ts";

const mostBytes = 64 * 1024 * 1024;

/** The body of a request as JSON, undefined where it has none; one JSON object a line becomes `{jobs: […]}`. Throws BAD_INPUT, TOO_LARGE. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      throw new ConiferError("TOO_LARGE", { where: "the request", size: "more than that", limit: "64 MiB" });
    }
    chunks.push(Buffer.from(chunk));
  }
  if (bytes === 0) return undefined;
  const text = Buffer.concat(chunks).toString("utf8");
  try {
    if (!request.headers["content-type"]?.startsWith("application/x-ndjson")) return JSON.parse(text);
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return { jobs: lines.map((line): unknown => JSON.parse(line)) };
  } catch (cause) {
    throw new ConiferError("BAD_INPUT", { where: "request", problem: messageOf(cause) }, { cause });
  }
}

/** Says in the data of new jobs which job made them. */
export function withCreator(body: unknown, createdBy: number): unknown {
  if (!isObject(body) || !Array.isArray(body.jobs)) return body;
  const jobs = body.jobs.map((job: unknown) =>
    isObject(job) ? { ...job, data: { ...(isObject(job.data) ? job.data : {}), createdBy } } : job,
  );
  return { ...body, jobs };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
