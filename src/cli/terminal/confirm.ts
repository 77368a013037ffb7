import { createInterface } from "node:readline/promises";
import { ConiferError } from "../../model/errors.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Asks before something that cannot be undone, where a person is there to answer and has not said --yes; without a
 * terminal nobody is asked. Throws where the answer is no.
 */
export async function confirm(terminal: Terminal, question: string, isSure: boolean): Promise<void> {
  if (isSure || !terminal.canAsk) return;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  reader.once("close", () => closed.abort());
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: closed.signal }).catch(() => "");
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    reader.close();
  }
  throw new ConiferError("DECLINED");
}
