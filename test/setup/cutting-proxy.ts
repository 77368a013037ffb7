import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What happens to one connection; null = nothing. */
export type Cut =
  /** Both ends are reset once the server has the whole request and begins to answer, before a byte of that is passed on. */
  | { readonly at: "answer" }
  /** Both ends are reset when this many bytes of answers have passed. */
  | { readonly at: "byte"; readonly bytes: number }
  /** Both ends are reset when this many bytes of requests have passed. */
  | { readonly at: "request"; readonly bytes: number };

/** A network between clients and a server that breaks where it is told to: `cut` decides for each connection, counted from 0. */
export class CuttingProxy implements AsyncDisposable {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  /** Connections so far. */
  connections = 0;
  /** Connections that were cut. */
  cuts = 0;

  private constructor(port: () => number, cut: (connection: number) => Cut | null) {
    this.#server = createServer((near) => {
      const what = cut(this.connections);
      this.connections += 1;
      this.#join(near, connect(port(), "127.0.0.1"), what);
    });
  }

  /** Opens it before the server at `address`, which may come to be elsewhere later. */
  static async open(address: () => string, cut: (connection: number) => Cut | null): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(() => Number(new URL(address()).port), cut);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(near: Socket, far: Socket, cut: Cut | null): void {
    let asked = 0;
    let answered = 0;
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    const reset = (): void => {
      this.cuts += 1;
      near.resetAndDestroy();
      far.resetAndDestroy();
    };
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        end();
      });
      socket.on("error", end);
    }
    near.on("data", (chunk) => {
      if (cut?.at === "request" && asked + chunk.length > cut.bytes) {
        far.write(chunk.subarray(0, cut.bytes - asked), reset);
        return;
      }
      asked += chunk.length;
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (near.destroyed) return;
      if (cut?.at === "answer") return reset();
      if (cut?.at === "byte" && answered + chunk.length > cut.bytes) {
        near.write(chunk.subarray(0, cut.bytes - answered), reset);
        return;
      }
      answered += chunk.length;
      near.write(chunk);
    });
    near.once("end", end);
    far.once("end", () => near.end());
  }
}
