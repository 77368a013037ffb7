import { describe, expect, it } from "vitest";
import { parseDatabaseOption, withoutPassword } from "./options.ts";

describe("the database option", () => {
  it("means the embedded database in the server's directory when it is not given", () => {
    expect(parseDatabaseOption(undefined, "/srv/conifer")).toEqual({
      kind: "pglite",
      directory: "/srv/conifer/pgdata",
    });
  });

  it("names a managed PostgreSQL or a URL", () => {
    expect(parseDatabaseOption("managed", "/srv/conifer")).toEqual({
      kind: "managed",
      directory: "/srv/conifer/postgres",
    });
    const url = "postgresql://me@db.example:5433/conifer?sslmode=require";
    expect(parseDatabaseOption(url, "/srv/conifer")).toEqual({ kind: "postgres", url });
  });

  it.each(["mysql://x/y", "sqlite", "", "postgres://[bad"])("refuses %j", (text) => {
    expect(() => parseDatabaseOption(text, "/srv")).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
  });
});

describe("a URL without its password", () => {
  it.each([
    ["postgres://me:s3cret@host:5432/db", "postgres://me:…@host:5432/db"],
    ["postgres://host/db?user=me&password=s3cret&sslmode=require", "postgres://host/db?user=me&sslmode=require"],
    ["postgres://me@host/db", "postgres://me@host/db"],
    ["no url with s3cret", "postgres://…"],
  ])("shows %s as %s", (url, shown) => {
    expect(withoutPassword(url)).toBe(shown);
  });
});
