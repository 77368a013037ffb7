/**
 * Gives PGlite's files a real fsync.
 *
 * PGlite runs PostgreSQL's C code over Emscripten's NODEFS, whose streams have no `fsync`: the C library's fsync(2) then
 * succeeds without doing anything, and a power cut takes every acknowledged commit. Emscripten calls a stream's `fsync`
 * operation when there is one, so it is added: fdatasync for files, fsync for directories. Its fdatasync(2), in contrast,
 * never reaches the file system, nor does O_DSYNC: so PostgreSQL must be told `wal_sync_method=fsync`.
 *
 * All of this is inside knowledge of PGlite; `engine.ts` proves at every start that a commit really reaches `fsync`.
 */
import { fdatasyncSync, fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";

type EngineOptions = Parameters<NodeFS["init"]>[1];
type EngineModule = Parameters<NonNullable<EngineOptions["preRun"]>[number]>[0];

/** A stream of NODEFS; `nfd` is the file descriptor in this process. */
type NodeStream = { readonly nfd: number; readonly path?: string; readonly node: { readonly mode: number } };
type StreamOperations = {
  fsync?: (stream: NodeStream) => number;
  write: (stream: NodeStream, buffer: unknown, offset: number, length: number, position: number) => number;
};

/** What the engine did to its files since it was started. */
export type FileCounts = { fileSyncs: number; directorySyncs: number; walSyncs: number; walBytes: number };

/** Told when the C code ends the process it believes to be: `abort()` after a PANIC, `exit()` after a FATAL error. */
export type EndListener = (how: string) => void;

const DIRECTORY = 0o040000;
const KIND_OF_FILE = 0o170000;
/** EIO, ENOSPC and EDQUOT as Emscripten numbers them. */
const ERRNO = new Map([
  ["ENOSPC", 51],
  ["EDQUOT", 19],
]);
const EIO = 29;

/** PGlite's file system on a directory, with fsync. */
export class DurableFiles extends NodeFS {
  readonly counts: FileCounts = { fileSyncs: 0, directorySyncs: 0, walSyncs: 0, walBytes: 0 };
  readonly #durable: boolean;
  readonly #onEnd: EndListener;

  constructor(directory: string, { durable, onEnd }: { durable: boolean; onEnd: EndListener }) {
    super(directory);
    this.#durable = durable;
    this.#onEnd = onEnd;
  }

  override async init(...args: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(...args);
    const preRun = [...(emscriptenOpts.preRun ?? []), (engine: EngineModule) => this.#attach(engine)];
    const hooks = { onAbort: () => this.#onEnd("abort"), onExit: () => this.#onEnd("exit") };
    return { emscriptenOpts: { ...emscriptenOpts, ...hooks, preRun } };
  }

  #attach(engine: EngineModule): void {
    const { counts } = this;
    const operations = (engine.NODEFS as unknown as { stream_ops: StreamOperations }).stream_ops;
    const write = operations.write;
    operations.write = (stream, buffer, offset, length, position) => {
      const written = write(stream, buffer, offset, length, position);
      if (isWal(stream)) counts.walBytes += written;
      return written;
    };
    if (!this.#durable) return;
    operations.fsync = (stream) => {
      try {
        if ((stream.node.mode & KIND_OF_FILE) === DIRECTORY) {
          fsyncSync(stream.nfd);
          counts.directorySyncs += 1;
        } else {
          fdatasyncSync(stream.nfd);
          counts.fileSyncs += 1;
          if (isWal(stream)) counts.walSyncs += 1;
        }
        return 0;
      } catch (error) {
        // PostgreSQL panics on a failed fsync, as it must: what the kernel dropped can only come back from the log.
        const code = error instanceof Error && "code" in error ? String(error.code) : "";
        const { ErrnoError } = engine.FS as unknown as { ErrnoError: new (errno: number) => Error };
        throw new ErrnoError(ERRNO.get(code) ?? EIO);
      }
    };
  }
}

function isWal(stream: NodeStream): boolean {
  // Segments only: a new one is filled with zeros under another name first.
  return stream.path?.includes("/pg_wal/0") === true;
}
