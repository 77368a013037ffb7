/** Whether two names stand for one host: schedulers list short names where a host knows its full one, or the other way. */
export function isSameHost(a: string, b: string): boolean {
  return a === b || ((!a.includes(".") || !b.includes(".")) && shortName(a) === shortName(b));
}

/**
 * Which of the listed hosts somebody is who goes by these names: an exact match counts before one of the short names; null where there
 * is none.
 */
export function hostNamed(hosts: Iterable<string>, names: readonly string[]): string | null {
  let similar: string | null = null;
  for (const host of hosts) {
    if (names.includes(host)) return host;
    if (similar === null && names.some((name) => isSameHost(host, name))) similar = host;
  }
  return similar;
}

/** The names this machine may be listed under. */
export function ownNames(
  environment: Readonly<Record<string, string | undefined>>,
  hostname: string,
): readonly string[] {
  const { SLURMD_NODENAME: slurm } = environment;
  return slurm ? [slurm, hostname] : [hostname];
}

function shortName(host: string): string {
  // An address has dots, too, but no short name.
  return /^[\d.]+$/.test(host) ? host : (host.split(".")[0] ?? host);
}
