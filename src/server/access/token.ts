import { createHash, randomBytes } from "node:crypto";

/** A new bearer token: 256 random bits behind a prefix that secret scanners can know. */
export function newToken(): string {
  return `cnf_${randomBytes(32).toString("base64url")}`;
}

/** What is stored of a token. It is random, so a plain hash is enough: there is nothing to guess. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
