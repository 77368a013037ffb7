/**
 * The one table of errors: a stable code, what the message says, the HTTP status, the CLI's exit code and a hint.
 * `{name}` in a message or hint is filled from the values given when the error is made.
 */
type ErrorKind = { readonly message: string; readonly status: number; readonly exit: number; readonly hint: string };

/** Exit codes: 1 failed, 2 bad input, 3 not found, 4 not allowed, 5 conflict, 6 cannot be reached, 7 out of room, 8 work ended badly. */
export const ERRORS = {
  // what the user said
  BAD_INPUT: {
    message: "{where}: {problem}",
    status: 422,
    exit: 2,
    hint: "Correct the named field and send it again; nothing was changed.",
  },
  BAD_FILTER: {
    message: "Filter {filter}: {problem}",
    status: 422,
    exit: 2,
    hint: "A filter is FIELD OP VALUE, for example state=FAILED or priority>=5; see docs/filters.md.",
  },
  BAD_DURATION: {
    message: "{text} is not a duration",
    status: 422,
    exit: 2,
    hint: "Write 90s, 15m, 1h30m, 2d or HH:MM:SS.",
  },
  BAD_SIZE: {
    message: "{text} is not a size in bytes",
    status: 422,
    exit: 2,
    hint: "Write 512MiB, 1.5GiB, 2GB or a plain number of bytes.",
  },
  BAD_ID_SET: {
    message: "{text} is not a set of ids: {problem}",
    status: 422,
    exit: 2,
    hint: "Write 12, 5-9, 1-100:2, 1,3,5-8, last or all.",
  },
  BAD_TEMPLATE: {
    message: "Template of {where}: {problem}",
    status: 422,
    exit: 2,
    hint: "Parameters are written {{name}}; names are letters, digits and _.",
  },
  BAD_SETTINGS: {
    message: "{file}:{line}: {problem}",
    status: 422,
    exit: 2,
    hint: "`conifer site sample-settings` prints every setting with its default.",
  },
  UNKNOWN_MACHINE: {
    message: "There is no preset {name}; {advice}there are {known}",
    status: 404,
    exit: 3,
    hint: "`conifer site machines` tells what each is for; slurm, pbs and so on suit any cluster with that scheduler.",
  },
  BAD_APP_FILE: {
    message: "{file}: {problem}",
    status: 422,
    exit: 2,
    hint: "See docs/apps.md for what an app file holds.",
  },
  UNKNOWN_PARAMETER: {
    message: "{where}: app {app} has no parameter {parameter}",
    status: 422,
    exit: 2,
    hint: "It has: {known}.",
  },
  MISSING_PARAMETER: {
    message: "{where}: app {app} needs parameter {parameter}",
    status: 422,
    exit: 2,
    hint: "Give it a value, or give the parameter a default in the app.",
  },
  PARENT_NOT_FOUND: {
    message: "{where}: there is no parent job {parent}",
    status: 422,
    exit: 2,
    hint: "A parent is the id of a job of yours, or the key of an item in the same request.",
  },
  DEPENDENCY_CYCLE: {
    message: "{where}: the dependencies form a cycle: {cycle}",
    status: 422,
    exit: 2,
    hint: "Remove one of these dependencies.",
  },
  UNSAFE_PATH: {
    message: "{where}: {path} leaves its directory",
    status: 422,
    exit: 2,
    hint: "Give a relative path without .. that stays inside.",
  },
  TOO_LARGE: {
    message: "{where} is {size}, over the limit of {limit}",
    status: 413,
    exit: 2,
    hint: "Put large values in a file and pass its path.",
  },
  IDEMPOTENCY_MISMATCH: {
    message: "Idempotency key {key} was used before with another request",
    status: 409,
    exit: 5,
    hint: "Use a new key for a new request.",
  },
  BAD_COMMAND: {
    message: "{problem}",
    status: 422,
    exit: 2,
    hint: "Add --help to see what the command takes.",
  },
  NOTHING_NAMED: {
    message: "{command}: nothing was named",
    status: 422,
    exit: 2,
    hint: "Name ids (12, 5-9, last), filters (state=FAILED, tags.case=x) or all.",
  },
  DECLINED: {
    message: "Nothing was done",
    status: 422,
    exit: 1,
    hint: "Answer y, or give --yes.",
  },
  // what is not there
  NOT_FOUND: {
    message: "There is no {kind} {name}",
    status: 404,
    exit: 3,
    hint: "List what there is with `conifer {list} ls`.",
  },
  ROUTE_NOT_FOUND: {
    message: "There is no {method} {path} here",
    status: 404,
    exit: 3,
    hint: "GET /openapi.json lists every route.",
  },
  NO_OUTPUT: {
    message: "There is no output of {what} to be read here",
    status: 404,
    exit: 3,
    hint: "It would be {file}; it is there once the job has started, on the site's machine.",
  },
  NO_SITE_HERE: {
    message: "{directory} is not in a site",
    status: 404,
    exit: 3,
    hint: "Run it inside a site's directory, name one with --site, or make one with `conifer site init DIR`.",
  },
  // who may
  NOT_LOGGED_IN: {
    message: "The server at {address} does not accept this token",
    status: 401,
    exit: 4,
    hint: "Run `conifer login`, or ask the server's owner for `conifer token create`.",
  },
  NO_TOKEN: {
    message: "No server is known here",
    status: 401,
    exit: 4,
    hint: "Start one with `conifer server start`, or run `conifer login ADDRESS`.",
  },
  FORBIDDEN: { message: "{who} may not {what}", status: 403, exit: 4, hint: "Ask the owner of the server." },
  FINGERPRINT_MISMATCH: {
    message: "The server at {address} shows certificate {got}, but {expected} is pinned",
    status: 403,
    exit: 4,
    hint: "If the server was set up anew, run `conifer login` again; if not, somebody may be in between.",
  },
  // what clashes
  ALREADY_EXISTS: {
    message: "{kind} {name} exists already",
    status: 409,
    exit: 5,
    hint: "Choose another name, or remove the other one first.",
  },
  CONFLICT: { message: "{what}: {problem}", status: 409, exit: 5, hint: "Look at the present state and try again." },
  WRONG_STATE: {
    message: "Job {job} is {state}: it cannot be {action}",
    status: 409,
    exit: 5,
    hint: "`conifer job history {job}` shows how it got there.",
  },
  SESSION_GONE: {
    message: "Session {session} has ended: {reason}",
    status: 410,
    exit: 5,
    hint: "Start a new session; the jobs it held were given back.",
  },
  // machines
  SERVER_UNREACHABLE: {
    message: "No answer from the server at {address}: {problem}",
    status: 503,
    exit: 6,
    hint: "`conifer server status` on its machine; `conifer server start` starts it.",
  },
  SERVER_BUSY: {
    message: "The server could not answer: {problem}",
    status: 503,
    exit: 6,
    hint: "Try again in a moment.",
  },
  DATABASE_LOCKED: {
    message: "The database in {directory} is open in process {pid} on {host}",
    status: 409,
    exit: 5,
    hint: "Stop that server first, or give --take-over-lock if that machine is gone for good.",
  },
  DATABASE_DISK_FULL: {
    message: "The disk under the database in {directory} is full",
    status: 507,
    exit: 7,
    hint: "Free some space there; nothing of this request was stored. Send it again.",
  },
  DATABASE_UNREACHABLE: {
    message: "The database at {place} does not answer: {problem}",
    status: 503,
    exit: 6,
    hint: "Check that it runs and that the URL is right.",
  },
  DATABASE_NEWER: {
    message: "The database is at version {found}, this program knows up to {known}",
    status: 409,
    exit: 5,
    hint: "Run a newer Conifer.",
  },
  DATABASE_FAILED: {
    message: "The database failed: {problem}",
    status: 500,
    exit: 1,
    hint: "The server's log has the whole error.",
  },
  PLAIN_LISTEN: {
    message: "{address} is not loopback: the server listens there only with TLS",
    status: 422,
    exit: 2,
    hint: "Leave out --no-tls, or listen on 127.0.0.1.",
  },
  COMMAND_MISSING: { message: "Command {command} was not found on PATH", status: 422, exit: 2, hint: "{fix}" },
  NO_MPI: {
    message: "App {app} asks for {ranks} ranks, but there is no MPI launcher here: {problem}",
    status: 422,
    exit: 2,
    hint: "Load an MPI in the site's environment, or name its launcher in the site's settings.",
  },
  SCHEDULER_SILENT: {
    message: "Scheduler {scheduler} does not answer: {problem}",
    status: 503,
    exit: 6,
    hint: "Nothing is lost: it is asked again. `conifer site doctor` looks at it.",
  },
  BAD_SCRIPT_TEMPLATE: {
    message: "{file}:{line}: {problem}",
    status: 422,
    exit: 2,
    hint: "docs/clusters/templates.md lists what a template may use.",
  },
  ALREADY_RUNNING: {
    message: "{what} runs already (process {pid} on {host})",
    status: 409,
    exit: 5,
    hint: "Stop it first, or leave it be.",
  },
  NOT_RUNNING: { message: "{what} does not run", status: 409, exit: 5, hint: "Start it with `conifer {command}`." },
  DID_NOT_START: { message: "{what} did not start: {problem}", status: 500, exit: 1, hint: "Its log is {log}." },
  BAD_ANSWER: {
    message: "The server's answer to {request} makes no sense: {problem}",
    status: 502,
    exit: 1,
    hint: "Is it a Conifer server of the same version?",
  },
  BAD_NODE_LIST: {
    message: "{where}: {problem}",
    status: 422,
    exit: 2,
    hint: "The nodes of the allocation are read from there; name them in the site's settings where that is wrong.",
  },
  NO_NODE_NETWORK: {
    message: "The nodes have no address to reach the pilot by: {problem}",
    status: 422,
    exit: 2,
    hint: "Name an interface, a network such as 10.0.0.0/8, or an address; this machine has {known}.",
  },
  LINK_BROKEN: {
    message: "The link to {peer} broke: {problem}",
    status: 502,
    exit: 1,
    hint: "What ran there is ended and restarted elsewhere.",
  },
  HOOK_FAILED: {
    message: "Hook {hook} of app {app}: {problem}",
    status: 500,
    exit: 1,
    hint: "The hook's log is hooks.log in the job's workdir.",
  },
  // how work ended
  JOBS_FAILED: {
    message: "{failed} of {total} jobs did not finish well",
    status: 500,
    exit: 8,
    hint: "`conifer job explain ID` says why.",
  },
  TIMED_OUT: { message: "{what} took longer than {limit}", status: 504, exit: 1, hint: "Give it more time." },
  INTERNAL: {
    message: "This is a fault in Conifer: {problem}",
    status: 500,
    exit: 1,
    hint: "Please report it with the log.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorValues = { readonly [name: string]: unknown };

/** An error of the table, with the values that fill its message. */
export class ConiferError extends Error {
  override readonly name = "ConiferError";
  readonly code: ErrorCode;
  readonly values: ErrorValues;

  constructor(code: ErrorCode, values: ErrorValues = {}, options: { cause?: unknown } = {}) {
    super(fill(ERRORS[code].message, values), options);
    this.code = code;
    this.values = values;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }

  get hint(): string {
    return fill(ERRORS[this.code].hint, this.values);
  }
}

/** Tells an error of the table from any other, across bundles too. */
export function isConiferError(error: unknown): error is ConiferError {
  return error instanceof Error && error.name === "ConiferError" && "code" in error && String(error.code) in ERRORS;
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/** Fails to compile where a switch forgets a case. */
export function assertNever(value: never): never {
  throw new ConiferError("INTERNAL", { problem: `unexpected ${JSON.stringify(value)}` });
}

function fill(template: string, values: ErrorValues): string {
  return template.replace(/(?<!\{)\{(\w+)\}(?!\})/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}
