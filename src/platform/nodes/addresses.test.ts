import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { announcedAddresses } from "./addresses.ts";

const of = (address: string, internal = false) =>
  ({ address, internal, cidr: `${address}/24` }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [of("127.0.0.1", true), of("::1", true)],
  eth0: [of("192.0.2.7"), of("fe80::1")],
  hsn0: [of("10.1.4.5"), of("fd00::5")],
};

test("all addresses that others may reach are announced unless one is chosen", () => {
  expect(announcedAddresses("auto", interfaces)).toEqual(["192.0.2.7", "10.1.4.5", "fd00::5"]);
  expect(announcedAddresses("auto", { lo: interfaces.lo })).toEqual(["127.0.0.1"]);
});

test("[P9] the network is chosen by interface, by CIDR, by address or by name", () => {
  expect(announcedAddresses("hsn0", interfaces)).toEqual(["10.1.4.5", "fd00::5"]);
  expect(announcedAddresses("10.0.0.0/8", interfaces)).toEqual(["10.1.4.5"]);
  expect(announcedAddresses("fd00::/16", interfaces)).toEqual(["fd00::5"]);
  expect(announcedAddresses("login1-hsn.cluster", interfaces)).toEqual(["login1-hsn.cluster"]);
});

test("a choice that this machine cannot follow says what there is", () => {
  expect(() => announcedAddresses("172.16.0.0/12", interfaces)).toThrowError(/no address in 172.16.0.0\/12/);
  for (const choice of ["10.0.0.0/99", "x/8", "10.0.0.0/", "a b"])
    expect(() => announcedAddresses(choice, interfaces)).toThrowError(/is no/);
});
