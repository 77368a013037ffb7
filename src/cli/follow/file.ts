import { open, stat } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";

export type FollowFileOptions = {
  readonly signal: AbortSignal;
  /** Only so many of the last lines that are there already; null = all. */
  readonly lines: number | null;
  /** Whether more may come; asked when the file has been quiet for a while. null = show what is there and end. */
  readonly goesOn: (() => Promise<boolean>) | null;
  readonly write: (text: string) => void;
  /** Write each line as a JSON object. */
  readonly json: boolean;
};

/** File systems over a network tell nothing of changes made elsewhere, so the file is looked at this often. */
const LOOK_MS = 150;
const CHUNK = 64 * 1024;

/** Writes a file's text and, where asked, what is added to it until nothing more may come. A file that is not there yet is waited for. */
export async function followFile(file: string, options: FollowFileOptions): Promise<void> {
  const lines = lineWriter(options);
  const begun = await look(file);
  let place: Place = { inode: begun?.inode ?? null, at: await startOf(file, begun?.size ?? 0, options.lines) };
  for (let mayGrow = true; ; ) {
    const before = place;
    place = await copyFrom(file, place, lines.take);
    if (options.goesOn === null || options.signal.aborted) break;
    if (place.at !== before.at || place.inode !== before.inode) continue;
    if (!mayGrow) break;
    // Asked before the last look, so that what was written right before the end is still shown.
    mayGrow = await options.goesOn();
    if (mayGrow) await delay(LOOK_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
  lines.end();
}

/** How far which file was read. */
type Place = { readonly inode: number | null; readonly at: number };

async function copyFrom(file: string, from: Place, take: (chunk: Buffer) => void): Promise<Place> {
  const now = await look(file);
  if (now === null) return from;
  // A new attempt begins a file of its own; the one before keeps its text under another name.
  const isSame = from.inode === null || from.inode === now.inode;
  let at = isSame && now.size >= from.at ? from.at : 0;
  const { inode } = now;
  if (now.size === at) return { inode, at };
  await using handle = await open(file, "r");
  const buffer = Buffer.alloc(CHUNK);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, at);
    if (bytesRead === 0) return { inode, at };
    at += bytesRead;
    take(buffer.subarray(0, bytesRead));
  }
}

/** Where the last so many lines begin. */
async function startOf(file: string, size: number, lines: number | null): Promise<number> {
  if (lines === null || size === 0) return 0;
  if (lines === 0) return size;
  await using handle = await open(file, "r");
  const buffer = Buffer.alloc(CHUNK);
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    for (let place = bytesRead - 1; place >= 0; place -= 1) {
      // The line feed at the very end ends the last line; it does not begin another.
      if (buffer[place] !== 10 || start + place === size - 1) continue;
      found += 1;
      if (found === lines) return start + place + 1;
    }
    end = start;
  }
  return 0;
}

async function look(file: string): Promise<{ readonly inode: number; readonly size: number } | null> {
  return stat(file).then(
    ({ ino, size }) => ({ inode: ino, size }),
    () => null,
  );
}

function lineWriter({ json, write }: FollowFileOptions): { take: (chunk: Buffer) => void; end: () => void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const put = (text: string) => write(json ? `${JSON.stringify({ line: text })}\n` : text);
  return {
    take(chunk) {
      const text = decoder.write(chunk);
      if (!json) return void put(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) put(line);
    },
    end() {
      const text = rest + decoder.end();
      if (text !== "") put(text);
    },
  };
}
