import { BlockList, isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { ConiferError } from "../../model/errors.ts";

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * Addresses under which the nodes of an allocation may reach this machine, to be tried in this order. `auto` takes all but
 * those of the machine itself; else the choice names an interface (`hsn0`), a network (`10.1.0.0/16`), or what to say as
 * it is: an address or a host's name. Throws NO_NODE_NETWORK.
 */
export function announcedAddresses(choice: string, interfaces: Interfaces): string[] {
  const fail = (problem: string): never => {
    const known = Object.entries(interfaces).flatMap(([name, all = []]) => all.map(({ cidr }) => `${name} ${cidr}`));
    throw new ConiferError("NO_NODE_NETWORK", { problem, known: known.join(", ") });
  };
  const outside = addressesOf(Object.values(interfaces).flatMap((all = []) => all.filter(({ internal }) => !internal)));
  if (choice === "auto") return outside.length > 0 ? outside : ["127.0.0.1"];
  const named = interfaces[choice];
  if (named) return addressesOf(named);
  if (choice.includes("/")) {
    const network = networkOf(choice) ?? fail(`${choice} is no network`);
    const inside = addressesOf(Object.values(interfaces).flatMap((all = []) => all)).filter(network);
    return inside.length > 0 ? inside : fail(`this machine has no address in ${choice}`);
  }
  return /^[A-Za-z0-9._:-]+$/.test(choice) ? [choice] : fail(`${JSON.stringify(choice)} is no address`);
}

/** Those of version 4 first: clusters that have both route them all. Link-local ones mean something else on each node. */
function addressesOf(all: readonly NetworkInterfaceInfo[]): string[] {
  const usable = all.filter(({ address }) => !address.startsWith("fe80:"));
  return [4, 6].flatMap((version) => usable.flatMap(({ address }) => (isIP(address) === version ? address : [])));
}

function networkOf(cidr: string): ((address: string) => boolean) | null {
  const [base = "", prefix = ""] = cidr.split("/");
  const version = isIP(base);
  const bits = Number(prefix);
  if (version === 0 || prefix === "" || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128))
    return null;
  const list = new BlockList();
  const family = version === 4 ? "ipv4" : "ipv6";
  list.addSubnet(base, bits, family);
  return (address) => isIP(address) === version && list.check(address, family);
}
