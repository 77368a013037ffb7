/**
 * Gives PGlite's files a real fsync.
 *
 * PGlite runs PostgreSQL's C code over Emscripten's NODEFS, whose streams have no `fsync`: the C library's fsync(2) then
 * succeeds without doing anything, and a power cut takes every acknowledged commit. Emscripten calls a stream's `fsync`
 * operation when there is one, so it is added: fdatasync for files, fsync for directories. Its fdatasync(2), in contrast,
 * never reaches the file system, nor does O_DSYNC: so PostgreSQL must be told `wal_sync_method=fsync`.
 *
 * Commits that come together share one sync of the log: between `deferLogSync` and `syncLog` the log is not synced for
 * each. PostgreSQL relies on nothing else changing on disk before the log is safe, so any other change to any file makes
 * the sync happen first; and the caller lets no answer out before `syncLog`. To everybody, in a crash too, it is as if
 * every commit had been synced. (50 single-row commits at once: 5,100/s one by one, 12,000/s together, on a fast disk.)
 *
 * All of this is inside knowledge of PGlite; `engine.ts` proves at every start that a commit really reaches `fsync`.
 */
import { fdatasyncSync, fsyncSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";

type EngineOptions = Parameters<NodeFS["init"]>[1];
type EngineModule = Parameters<NonNullable<EngineOptions["preRun"]>[number]>[0];

/** A stream of NODEFS; `nfd` is the file descriptor in this process. */
type NodeStream = { readonly nfd: number; readonly path?: string; readonly node: { readonly mode: number } };
type Operation = (...args: never[]) => unknown;
type StreamOperations = {
  fsync?: (stream: NodeStream) => number;
  write(stream: NodeStream, ...rest: readonly unknown[]): number;
  close(stream: NodeStream): void;
  setattr: Operation;
};
type NodeOperations = Record<(typeof CHANGES)[number], Operation>;
type NodeFileSystem = { readonly stream_ops: StreamOperations; readonly node_ops: NodeOperations };

/** What the engine did to its files since it was started. */
export type FileCounts = { fileSyncs: number; directorySyncs: number; walSyncs: number; walBytes: number };

/** Told when the engine has come to its end: how it ended, and why where that is known. */
export type EndListener = (how: string, cause?: unknown) => void;

/** Operations that change a directory or a file other than by writing to it. */
const CHANGES = ["setattr", "mknod", "rename", "unlink", "rmdir", "symlink"] as const;
const DIRECTORY = 0o040000;
const KIND_OF_FILE = 0o170000;
/** EIO, ENOSPC and EDQUOT as Emscripten numbers them. */
const EIO = 29;
const ERRNO = new Map([
  ["ENOSPC", 51],
  ["EDQUOT", 19],
]);

/** PGlite's file system on a directory, with fsync. */
export class DurableFiles extends NodeFS {
  readonly counts: FileCounts = { fileSyncs: 0, directorySyncs: 0, walSyncs: 0, walBytes: 0 };
  readonly #durable: boolean;
  readonly #onEnd: EndListener;
  readonly #unsynced = new Set<NodeStream>();
  #isDeferring = false;

  constructor(directory: string, { durable, onEnd }: { durable: boolean; onEnd: EndListener }) {
    super(directory);
    this.#durable = durable;
    this.#onEnd = onEnd;
  }

  override async init(...args: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(...args);
    const preRun = [...(emscriptenOpts.preRun ?? []), (engine: EngineModule) => this.#attach(engine)];
    // abort() after a PANIC, exit() after a FATAL error: the C code ends the process it believes to be.
    const hooks = { onAbort: () => this.#onEnd("abort()"), onExit: () => this.#onEnd("exit()") };
    return { emscriptenOpts: { ...emscriptenOpts, ...hooks, preRun } };
  }

  /** From here on the log waits for `syncLog`. */
  deferLogSync(): void {
    this.#isDeferring = true;
  }

  /** Makes every commit so far durable. Throws when that fails; the engine must then be ended. */
  syncLog(): void {
    this.#isDeferring = false;
    this.#syncLogFirst();
  }

  #attach(engine: EngineModule): void {
    const { stream_ops: streams, node_ops: nodes } = engine.NODEFS as unknown as NodeFileSystem;
    const { write, close } = streams;
    streams.write = (stream, ...rest) => {
      if (!isLog(stream)) this.#syncLogFirst();
      const written = write(stream, ...rest);
      if (isLog(stream)) this.counts.walBytes += written;
      return written;
    };
    if (!this.#durable) return;
    streams.close = (stream) => {
      if (this.#unsynced.has(stream)) this.#syncLogFirst();
      close(stream);
    };
    streams.setattr = this.#afterLog(streams.setattr);
    for (const name of CHANGES) nodes[name] = this.#afterLog(nodes[name]);
    const { ErrnoError } = engine.FS as unknown as { ErrnoError: new (errno: number) => Error };
    streams.fsync = (stream) => {
      try {
        this.#sync(stream);
        return 0;
      } catch (error) {
        // PostgreSQL panics on a failed fsync, as it must: what the kernel dropped can only come back from the log.
        const code = error instanceof Error && "code" in error ? String(error.code) : "";
        throw new ErrnoError(ERRNO.get(code) ?? EIO);
      }
    };
  }

  #afterLog<T extends Operation>(change: T): T {
    const changeAfterLog = (...args: Parameters<T>): unknown => {
      this.#syncLogFirst();
      return change(...args);
    };
    return changeAfterLog as T;
  }

  #sync(stream: NodeStream): void {
    if (isLog(stream)) {
      this.#unsynced.add(stream);
      if (!this.#isDeferring) this.#syncLogFirst();
      return;
    }
    this.#syncLogFirst();
    if ((stream.node.mode & KIND_OF_FILE) === DIRECTORY) {
      fsyncSync(stream.nfd);
      this.counts.directorySyncs += 1;
    } else {
      fdatasyncSync(stream.nfd);
      this.counts.fileSyncs += 1;
    }
  }

  #syncLogFirst(): void {
    for (const stream of this.#unsynced) {
      try {
        fdatasyncSync(stream.nfd);
      } catch (cause) {
        // Whatever the engine was about to do, it has told the C code of commits that may not be there.
        this.#onEnd("its log could not be synced", cause);
        throw cause;
      }
      this.#unsynced.delete(stream);
      this.counts.walSyncs += 1;
    }
  }
}

function isLog(stream: NodeStream): boolean {
  // Segments only: a new one is filled with zeros under another name first.
  return stream.path?.includes("/pg_wal/0") === true;
}
