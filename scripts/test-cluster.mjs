// `npm run test:cluster`: installs Debian packages, brings a Slurm cluster of four nodes up on this machine, runs what needs
// PostgreSQL, MPI, a batch scheduler, ssh or root, and takes the cluster down again (CONIFER_KEEP_LAB=1 keeps it).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, root, run } from "./ensure.mjs";
import { summarise, vitest } from "./suites.mjs";

const PACKAGES = [
  "postgresql",
  "openmpi-bin",
  "libopenmpi-dev",
  "mpich",
  "libmpich-dev",
  "lammps",
  "podman",
  "runc",
  "busybox-static",
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
const lab = (name, ...options) => run(join(root, "test/cluster/lab", name), options);
lab("slurm-up.sh", "4");
try {
  summarise(
    [
      vitest("database tests on PostgreSQL", ["src/server", "test/server"], { CONIFER_TEST_ENGINE: "postgres" }),
      vitest("cluster: schedulers, MPI, crash images, LAMMPS", ["--config", "vitest.cluster.config.ts"]),
    ],
    [],
  );
} finally {
  if (process.env.CONIFER_KEEP_LAB !== "1") lab("slurm-down.sh");
}
