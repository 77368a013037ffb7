import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Database } from "../database/index.ts";
import { hashToken, newToken } from "./token.ts";

/** The server's owner: the first user, an admin, whose token is in a file that only they can read. */
export const OWNER_TOKEN_FILE = "owner-token";

/**
 * Makes sure that the owner exists and that the token in the server's directory is theirs; answers that token. A file
 * that the database does not know (a new database, say) is written anew.
 */
export async function ensureOwner(db: Database, directory: string): Promise<string> {
  const file = join(directory, OWNER_TOKEN_FILE);
  const owner = await ownerId(db);
  const present = await readToken(file);
  if (present !== null && (await isTokenOf(db, present, owner))) {
    await chmod(file, 0o600);
    return present;
  }
  const token = newToken();
  await db.query("INSERT INTO tokens (user_id, hash, label) VALUES ($1, $2, 'owner')", [owner, hashToken(token)]);
  await writeFile(`${file}.new`, `${token}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return token;
}

async function ownerId(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");
    const { rows } = await tx.query<{ id: number }>(
      "SELECT id FROM users WHERE admin AND deleted IS NULL ORDER BY id LIMIT 1",
    );
    if (rows[0]) return rows[0].id;
    const added = await tx.query<{ id: number }>("INSERT INTO users (name, admin) VALUES ($1, true) RETURNING id", [
      ownerName(),
    ]);
    return added.rows[0]?.id ?? 0;
  });
}

/** The account's name, as far as the rules for names let it; a container may have an account without one. */
function ownerName(): string {
  try {
    const name = userInfo().username.replace(/[^A-Za-z0-9_.-]/g, "_");
    return /^[A-Za-z]/.test(name) ? name.slice(0, 128) : "owner";
  } catch {
    return "owner";
  }
}

async function isTokenOf(db: Database, token: string, userId: number): Promise<boolean> {
  const { rowCount } = await db.query("SELECT 1 FROM tokens WHERE hash = $1 AND user_id = $2", [
    hashToken(token),
    userId,
  ]);
  return rowCount > 0;
}

async function readToken(file: string): Promise<string | null> {
  try {
    const text = (await readFile(file, "utf8")).trim();
    return text === "" ? null : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
