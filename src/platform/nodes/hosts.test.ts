import { describe, expect, it, test } from "vitest";
import { findHosts } from "./hosts.ts";
import { hostNamed, isSameHost, ownNames } from "./same-host.ts";

const find = (environment: Record<string, string>, files: Record<string, string> = {}, fluxHosts?: string) =>
  findHosts("auto", {
    environment,
    hostname: "here",
    fluxHosts: fluxHosts ?? null,
    readFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new Error("no such file");
      return content;
    },
  });

describe("the hosts of an allocation", () => {
  it("are what Slurm lists", () => {
    const environment = { SLURM_JOB_ID: "47", SLURM_JOB_NODELIST: "n[1-2]", SLURM_JOB_NUM_NODES: "2" };
    expect(find(environment)).toEqual({ source: "slurm", hosts: ["n1", "n2"] });
    expect(() => find({ ...environment, SLURM_JOB_NUM_NODES: "3" })).toThrowError(/SLURM_JOB_NUM_NODES says 3/);
    expect(() => find({ ...environment, SLURM_JOB_NODELIST: "n[1-" })).toThrowError(/not closed/);
  });

  it("are the lines of PBS's node file, each host once", () => {
    const environment = { PBS_JOBID: "81.pbs1", PBS_NODEFILE: "/aux/81" };
    const file = "pbs1.lab\npbs1.lab\npbs2.lab\n";
    expect(find(environment, { "/aux/81": file })).toEqual({ source: "pbs", hosts: ["pbs1.lab", "pbs2.lab"] });
    expect(() => find(environment)).toThrowError("PBS_NODEFILE: /aux/81 cannot be read: no such file");
    expect(() => find(environment, { "/aux/81": "\n" })).toThrowError(/is empty/);
    expect(() => find(environment, { "/aux/81": "a; rm -rf /" })).toThrowError(/is no host's name/);
  });

  it("are those of Grid Engine's parallel environment, or the job's one host", () => {
    const file = "g1 2 all.q@g1 UNDEFINED\ng2 2 all.q@g2 UNDEFINED\n";
    expect(find({ JOB_ID: "3", SGE_ROOT: "/sge", PE_HOSTFILE: "/pe" }, { "/pe": file }).hosts).toEqual(["g1", "g2"]);
    expect(find({ JOB_ID: "3", SGE_ROOT: "/sge" })).toEqual({ source: "sge", hosts: ["here"] });
  });

  it("are LSF's in whichever way it tells them, without the launch node", () => {
    const slots = (host: string, count: number) => `${host}\n`.repeat(count);
    const file = slots("batch5", 1) + slots("a01n01", 42) + slots("a01n02", 42);
    const hosts = ["a01n01", "a01n02"];
    expect(find({ LSB_JOBID: "9", LSB_DJOB_HOSTFILE: "/h" }, { "/h": file })).toEqual({ source: "lsf", hosts });
    expect(find({ LSB_JOBID: "9", LSB_MCPU_HOSTS: "batch5 1 a01n01 42 a01n02 42" }).hosts).toEqual(hosts);
    expect(find({ LSB_JOBID: "9", LSB_HOSTS: "a a b b" }).hosts).toEqual(["a", "b"]);
    expect(find({ LSB_JOBID: "9", LSB_HOSTS: "a b" }).hosts).toEqual(["a", "b"]);
    expect(() => find({ LSB_JOBID: "9", LSB_MCPU_HOSTS: "a b" })).toThrowError(/no number behind a/);
  });

  it("are Cobalt's by file or by number", () => {
    expect(find({ COBALT_JOBID: "7", COBALT_NODEFILE: "/c" }, { "/c": "thetagpu01\n" }).hosts).toEqual(["thetagpu01"]);
    const hosts = ["nid00007", "nid00008", "nid00012"];
    expect(find({ COBALT_JOBID: "7", COBALT_PARTNAME: "7-8,12" })).toEqual({ source: "cobalt", hosts });
  });

  it("are Flux's where an instance runs inside of another scheduler's job", () => {
    const environment = { SLURM_JOB_ID: "4", SLURM_JOB_NODELIST: "f[1-4]", FLUX_URI: "local:///tmp/flux" };
    expect(find(environment, {}, "f[1-2]")).toEqual({ source: "flux", hosts: ["f1", "f2"] });
  });

  it("are this one alone without a scheduler, or where the settings say so", () => {
    expect(find({ PATH: "/bin" })).toEqual({ source: "none", hosts: ["here"] });
    const environment = { SLURM_JOB_ID: "4", SLURM_JOB_NODELIST: "f[1-4]" };
    const sources = { environment, hostname: "here", readFile: () => "" };
    expect(findHosts("this", sources).hosts).toEqual(["here"]);
    expect(findHosts(["a[1-2]", "b"], sources)).toEqual({ source: "settings", hosts: ["a1", "a2", "b"] });
  });
});

test("short and full names stand for one host, different domains for two", () => {
  expect(isSameHost("n1", "n1.cluster")).toBe(true);
  expect(isSameHost("n1.a", "n1.b")).toBe(false);
  expect(isSameHost("10.0.0.1", "10.0.0.2")).toBe(false);
});

test("somebody is found among listed hosts by the name that matches best", () => {
  expect(hostNamed(["n1.b", "n1", "n2"], ["n1"])).toBe("n1");
  expect(hostNamed(["n1", "n2"], ["n2.cluster"])).toBe("n2");
  expect(hostNamed(["n1", "n2"], ["login"])).toBeNull();
  expect(hostNamed(["alias7", "vm"], ownNames({ SLURMD_NODENAME: "alias7" }, "vm"))).toBe("alias7");
});
