import { describe, expect, it } from "vitest";
import { parseListen, resolveOptions } from "./options.ts";

describe("the address to listen at", () => {
  it.each([
    [undefined, "127.0.0.1", null],
    ["8443", "127.0.0.1", 8443],
    [":8443", "127.0.0.1", 8443],
    ["0.0.0.0:8443", "0.0.0.0", 8443],
    ["10.0.0.7", "10.0.0.7", null],
    ["login1.site.org:80", "login1.site.org", 80],
    ["localhost", "localhost", null],
    ["[::1]:9000", "::1", 9000],
    ["[2001:db8::1]", "2001:db8::1", null],
    ["127.0.0.1:0", "127.0.0.1", 0],
  ])("is read from %s", (text, host, port) => {
    expect(parseListen(text)).toEqual({ host, port });
  });

  it.each(["", "host:port", "1.2.3.4:99999", "a b:1", "::1:80:", "[::1", "http://x:1"])(
    "is refused where it does not read: %s",
    (text) => {
      expect(() => parseListen(text)).toThrow(/--listen: expected HOST:PORT/);
    },
  );

  it("is open beyond loopback only with TLS", () => {
    const options = { directory: "/d" };
    expect(resolveOptions(options).tls).toBe(false);
    expect(resolveOptions({ ...options, listen: "localhost:1" }).tls).toBe(false);
    expect(resolveOptions({ ...options, tls: true }).tls).toBe(true);
    expect(resolveOptions({ ...options, listen: "0.0.0.0:1" }).tls).toBe(true);
    expect(() => resolveOptions({ ...options, listen: "0.0.0.0:1", tls: false })).toThrow(/not loopback/);
    expect(() => resolveOptions({ ...options, listen: "login1", tls: false })).toThrow(/not loopback/);
  });

  it("a lease that is none is refused", () => {
    for (const leaseSec of [0, -5, Number.NaN])
      expect(() => resolveOptions({ directory: "/d", leaseSec })).toThrow(/--lease-sec/);
  });
});
