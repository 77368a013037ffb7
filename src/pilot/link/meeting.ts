/**
 * Where node agents find their hub: a file in the pilot's directory that only its user can read. Agents get its path as an argument
 * and what is secret from the file, so that neither a process list nor an environment tells it.
 */
import { createHmac } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";

export interface Meeting {
  /** Tried in this order. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Known to this pilot and its agents, made anew for each pilot. */
  readonly secret: string;
  /** Whether what is said is encrypted. */
  readonly isEncrypted: boolean;
  /** Workdirs lie below it. */
  readonly root: string;
  /** For tasks of an agent whose hub is gone, seconds. */
  readonly graceSec: number;
  /** Either end takes the other for gone when it heard nothing for so long, milliseconds. */
  readonly silenceMs: number;
  /** What `env -0` wrote when the batch script began; null = tasks start from the agent's own. */
  readonly environmentFile: string | null;
}

export function writeMeeting(file: string, meeting: Meeting): void {
  writeFileSync(file, JSON.stringify(meeting), { mode: 0o600 });
  // One that was there keeps its mode when it is written.
  chmodSync(file, 0o600);
}

export function readMeeting(file: string): Meeting {
  return JSON.parse(readFileSync(file, "utf8")) as Meeting;
}

/**
 * Encryption by the shared secret itself (TLS-PSK, RFC 4279, with ephemeral keys by RFC 5489): it authenticates both ends without a
 * certificate that would have to be made and pinned at every start.
 */
export function encryption(secret: string): Pick<TlsOptions, "ciphers" | "maxVersion" | "minVersion"> & {
  readonly psk: Buffer;
  readonly identity: string;
} {
  return {
    ciphers: "ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384",
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    psk: createHmac("sha256", secret).update("conifer link encryption").digest(),
    identity: "conifer-node-agent",
  };
}
