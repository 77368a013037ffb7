/** A program's own key and certificate. Clients pin its fingerprint, so nobody has to vouch for it. */
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

export type TlsIdentity = {
  readonly key: string;
  readonly cert: string;
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint: string;
};

const LIFETIME_DAYS = 3650;

/** Reads `tls/key.pem` and `tls/cert.pem` of a directory, making them (0600) where they are missing. */
export async function ensureTls(directory: string, host: string): Promise<TlsIdentity> {
  const folder = join(directory, "tls");
  const present = await readIdentity(folder);
  if (present) return present;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const notAfterDate = new Date(Date.now() + LIFETIME_DAYS * 86_400_000);
  const made = await generate([{ name: "commonName", value: "conifer" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notAfterDate,
    extensions: [{ name: "subjectAltName", altNames: altNames(host) }],
  });
  await writePrivate(join(folder, "key.pem"), made.private);
  await writePrivate(join(folder, "cert.pem"), made.cert);
  return identity(made.private, made.cert);
}

async function readIdentity(folder: string): Promise<TlsIdentity | null> {
  try {
    const keyFile = join(folder, "key.pem");
    const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(join(folder, "cert.pem"), "utf8")]);
    await chmod(keyFile, 0o600);
    return identity(key, cert);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function identity(key: string, cert: string): TlsIdentity {
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256 };
}

async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

type AltName = { type: 2; value: string } | { type: 7; ip: string };

function altNames(host: string): AltName[] {
  const names = new Set(["localhost", hostname(), ...(/^[\d.:]+$/.test(host) ? [] : [host])]);
  const addresses = new Set(["127.0.0.1", "::1", ...(/^[\d.:]+$/.test(host) ? [host] : [])]);
  return [
    ...[...names].map((value): AltName => ({ type: 2, value })),
    ...[...addresses].map((ip): AltName => ({ type: 7, ip })),
  ];
}
