/** The HTTP face: from bytes to typed handlers and back. It knows the table of operations and nothing of jobs. */
import type { Server as HttpServer } from "node:http";
import type { SecureContextOptions } from "node:tls";
import Fastify, { type FastifyInstance, LogController } from "fastify";
import { ConiferError } from "../../model/errors.ts";
import { BODY_LIMIT_BYTES, readJson, readNdjson } from "./body.ts";
import { openApi } from "./openapi.ts";
import { isFault, problemOf, toConiferError } from "./problems.ts";
import { type RouteOptions, registerRoutes } from "./routes.ts";

export type HttpOptions = RouteOptions & { readonly tls: { readonly key: string; readonly cert: string } | null };

/** Builds the HTTP application; `listen` and `close` are the caller's, and `inject` serves tests without a port. */
export function buildHttp(options: HttpOptions): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    loggerInstance: options.services.log,
    logController: new LogController({ disableRequestLogging: true }),
    // Longer than any client's, so that a kept connection is never closed under a request on its way.
    keepAliveTimeout: 120_000,
    forceCloseConnections: "idle",
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    ...(options.tls === null ? {} : { https: options.tls satisfies SecureContextOptions }),
  }) as unknown as FastifyInstance<HttpServer>;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request: unknown, bytes: Buffer) =>
    readJson(bytes),
  );
  app.addContentTypeParser("application/x-ndjson", { parseAs: "buffer" }, async (_request: unknown, bytes: Buffer) =>
    readNdjson(bytes),
  );
  app.addHook("onRequest", async (request) => refuseBrokenUrl(request.url));
  app.setNotFoundHandler((request) => {
    throw new ConiferError("ROUTE_NOT_FOUND", { method: request.method, path: request.url.split("?")[0] });
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = toConiferError(error);
    if (isFault(problem)) request.log.error({ err: error, method: request.method, url: request.url }, problem.message);
    return reply
      .code(problem.status)
      .header("content-type", "application/problem+json; charset=utf-8")
      .send(JSON.stringify(problemOf(problem)));
  });
  registerRoutes(app, options);
  app.get("/openapi.json", async (_request, reply) =>
    reply.header("content-type", "application/json; charset=utf-8").send(openApi(options.services.settings.version)),
  );
  return app;
}

/** NUL and invalid UTF-8 can hide behind percent signs. */
function refuseBrokenUrl(url: string): void {
  const fail = (problem: string): never => {
    throw new ConiferError("BAD_INPUT", { where: "url", problem });
  };
  if (!url.includes("%")) return;
  if (/%00/.test(url)) fail("it holds a NUL byte");
  try {
    decodeURIComponent(url.replaceAll("+", " "));
  } catch {
    fail("it is not valid UTF-8");
  }
}
