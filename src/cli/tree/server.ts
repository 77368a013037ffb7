import type { Command } from "commander";
import { branch, groupOf, type Start } from "./leaf.ts";
import { seconds } from "./values.ts";

/** Commands on the server, its users and their tokens. */
export function declareServer(program: Command, start: Start): void {
  const { add } = groupOf(branch(program, "server", "run the server"), start);
  add({
    usage: "start",
    summary: "start the server in the background and wait until it answers",
    examples: [
      "conifer server start",
      "conifer server start --database postgres://localhost/conifer",
      "conifer server start --listen 0.0.0.0:8443",
    ],
    load: async () => (await import("../server/start.ts")).startServer,
  })
    .option("-d, --directory <path>", "where it keeps its things (default: ~/.conifer/server)")
    .option("--database <url>", "pglite (default), managed, or postgres://…")
    .option("--listen <address>", "HOST:PORT; beyond loopback with TLS (default: 127.0.0.1, a free port)")
    .option("--take-over-lock", "open the database although another machine, gone for good, holds its lock")
    .option("--foreground", "stay in the foreground and log to the terminal");
  add({
    usage: "stop",
    summary: "stop the server; sites and pilots go on and come back to it",
    examples: ["conifer server stop"],
    load: async () => (await import("../server/stop.ts")).stopServer,
  })
    .option("-d, --directory <path>", "the server's directory (default: ~/.conifer/server)")
    .option("--timeout <duration>", "how long it may take (default: 30s)", seconds);
  add({
    usage: "status",
    summary: "whether the server runs, and how it fares",
    examples: ["conifer server status"],
    load: async () => (await import("../server/status.ts")).showServer,
  }).option("-d, --directory <path>", "the server's directory");

  const { add: addUser } = groupOf(branch(program, "user", "the server's users (for its owner)"), start);
  addUser({
    usage: "add <name>",
    summary: "add a user; prints a token for them",
    examples: ["conifer user add ada"],
    load: async () => (await import("../access/users.ts")).addUser,
  }).option("--admin", "may add and remove users");
  addUser({
    usage: "ls",
    summary: "list users",
    examples: ["conifer user ls"],
    load: async () => (await import("../access/users.ts")).listUsers,
  });
  addUser({
    usage: "rm <name>",
    summary: "remove a user with all that is theirs",
    examples: ["conifer user rm ada"],
    load: async () => (await import("../access/users.ts")).removeUser,
  }).option("-y, --yes", "do not ask");

  const { add: addToken } = groupOf(branch(program, "token", "your tokens"), start);
  addToken({
    usage: "create",
    summary: "make a token; its text is shown once",
    examples: ["conifer token create --label laptop --expires 30d"],
    load: async () => (await import("../access/tokens.ts")).createToken,
  })
    .option("--label <text>", "what it is for")
    .option("--expires <duration>", "when it ends (default: never)", seconds);
  addToken({
    usage: "ls",
    summary: "list your tokens",
    examples: ["conifer token ls"],
    load: async () => (await import("../access/tokens.ts")).listTokens,
  });
  addToken({
    usage: "revoke <id>",
    summary: "revoke a token at once",
    examples: ["conifer token revoke 3"],
    load: async () => (await import("../access/tokens.ts")).revokeToken,
  });

  const { add: addLogin } = groupOf(program, start);
  addLogin({
    usage: "login [address]",
    summary: "use a server from now on: stores its address, a token and its certificate's fingerprint",
    description: "The token is read from --token-file, else from stdin.",
    examples: ["conifer login https://host:8443 --token-file token", "conifer login --directory /data/conifer-server"],
    load: async () => (await import("../access/login.ts")).login,
  })
    .option("--token-file <file>", "a file with the token")
    .option("-d, --directory <path>", "take address and token from a server's directory on this machine")
    .option("--fingerprint <sha256>", "the certificate's fingerprint, as its owner told you (default: ask)")
    .option("-y, --yes", "trust the fingerprint the server shows");
  addLogin({
    usage: "logout",
    summary: "forget the server that login stored",
    examples: ["conifer logout"],
    load: async () => (await import("../access/login.ts")).logout,
  });
  addLogin({
    usage: "whoami",
    summary: "which server is used, and as whom",
    examples: ["conifer whoami"],
    load: async () => (await import("../access/login.ts")).whoami,
  });
}
