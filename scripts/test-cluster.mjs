// `npm run test:cluster`: installs Debian packages, then runs what needs PostgreSQL, MPI, ssh or root.
import { spawnSync } from "node:child_process";
import { ensureInstalled, run } from "./ensure.mjs";
import { summarise, vitest } from "./suites.mjs";

const PACKAGES = [
  "postgresql",
  "openmpi-bin",
  "libopenmpi-dev",
  "lammps",
  "util-linux",
  "e2fsprogs",
  "gcc",
  "libc6-dev",
];

ensureInstalled();
if (process.getuid?.() !== 0) throw new Error("test:cluster needs root: it installs packages and mounts file systems");
const missing = PACKAGES.filter((name) => spawnSync("dpkg", ["-s", name], { stdio: "ignore" }).status !== 0);
if (missing.length > 0) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["-qq", "update"], { env });
  run("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...missing], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
summarise(
  [
    vitest("database tests on PostgreSQL", ["src/server", "test/server"], { CONIFER_TEST_ENGINE: "postgres" }),
    vitest("cluster: MPI, crash images, LAMMPS", ["--config", "vitest.cluster.config.ts"]),
  ],
  [],
);
