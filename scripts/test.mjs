// `npm test`: every check and the whole suite on PGlite. Needs only Node and npm.
import { ensureInstalled } from "./ensure.mjs";
import { script, summarise, vitest } from "./suites.mjs";

ensureInstalled();
const arguments_ = process.argv.slice(2);
const results = [
  ...(arguments_.length === 0
    ? [script("checks (format, lint, types, floors, dead code, generated docs)", ["scripts/check.mjs"])]
    : []),
  vitest("everything on PGlite", arguments_, { CONIFER_TEST_ENGINE: "pglite" }),
];
const cluster = "npm run test:cluster runs it";
summarise(results, [
  { name: "database tests on PostgreSQL", how: cluster },
  { name: "Slurm, Grid Engine, MPI, ssh, crash images, LAMMPS", how: `${cluster}; needs root and Debian packages` },
]);
