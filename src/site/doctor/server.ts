import { type Access, openClient } from "../../client/client.ts";
import { isConiferError, messageOf } from "../../model/errors.ts";
import { type DoctorLine, fail, ok, warn } from "./line.ts";

/** Leases and times of jobs are told by several clocks. */
const SKEW_MS = 5000;

export type ServerCheck = {
  readonly access: Access;
  /** The site's id at the server; null outside of a site. */
  readonly siteId: number | null;
  readonly directory: string | null;
  readonly version: string;
};

/** Whether the server answers, takes the token, knows the site, and shares the time. */
export async function checkServer({ access, siteId, directory, version }: ServerCheck): Promise<DoctorLine[]> {
  await using client = openClient(access, { userAgent: "conifer-doctor", retries: 1 });
  const lines: DoctorLine[] = [];
  try {
    const askedAt = Date.now();
    const health = await client.call("health", { timeoutSec: 10 });
    const answeredAt = Date.now();
    const same = health.version === version;
    const text = `${access.address} answers in ${answeredAt - askedAt} ms, version ${health.version}`;
    lines.push(
      same ? ok("server", text) : warn("server", `${text}, this is ${version}`, "Run the same version on both sides."),
    );
    lines.push(checkClock(Date.parse(health.now), { askedAt, answeredAt }));
    const { name } = await client.call("whoami", { timeoutSec: 10 });
    lines.push(ok("token", `accepted, user ${name}`));
    if (siteId === null) return lines;
    const site = await client.call("siteGet", { params: { id: siteId }, timeoutSec: 10 });
    const isHere = site.path === directory;
    lines.push(
      isHere
        ? ok("registration", `site ${site.name} (${site.id})`)
        : warn(
            "registration",
            `the server has site ${site.name} in ${site.path}`,
            "Move it with conifer site mv, which tells the server.",
          ),
    );
  } catch (error) {
    lines.push(toLine(error));
  }
  return lines;
}

/** The server's clock against ours, as well as the time of the answer tells. */
export function checkClock(
  serverNow: number,
  { askedAt, answeredAt }: { askedAt: number; answeredAt: number },
): DoctorLine {
  const early = serverNow < askedAt - SKEW_MS;
  const late = serverNow > answeredAt + SKEW_MS;
  const skewSec = ((serverNow - (askedAt + answeredAt) / 2) / 1000).toFixed(1);
  return early || late
    ? warn(
        "clock",
        `the server's clock is ${skewSec} s from this one`,
        "Set both by NTP; times of jobs are wrong until then.",
      )
    : ok("clock", `within ${SKEW_MS / 1000} s of the server's`);
}

function toLine(error: unknown): DoctorLine {
  if (!isConiferError(error)) return fail("server", messageOf(error), "This is a fault in Conifer; please report it.");
  const check = error.code === "NOT_LOGGED_IN" ? "token" : error.code === "NOT_FOUND" ? "registration" : "server";
  const fix = check === "server" ? error.hint : "Run conifer site init in the site's directory; it renews the token.";
  return fail(check, error.message, fix);
}
