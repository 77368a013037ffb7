// The floors of ARCHITECTURE.md: a module imports only from floors below its own.
const FLOORS = ["model", "app", "platform", "client", "pilot", "allocation", "server", "site", "flow", "steer", "cli"];
const siblings = { server: ["site", "flow"], site: ["server", "flow"], flow: ["server", "site"] };

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...FLOORS.flatMap((floor, level) => {
      const above = [...FLOORS.slice(level + 1), ...(siblings[floor] ?? [])];
      if (above.length === 0) return [];
      return [
        {
          name: `${floor}-imports-only-floors-below`,
          severity: "error",
          from: { path: `^src/${floor}/`, pathNot: "\\.test\\.ts$" },
          to: { path: `^src/(${[...new Set(above)].join("|")})/` },
        },
      ];
    }),
    {
      name: "model-is-pure",
      severity: "error",
      from: { path: "^src/model/", pathNot: "\\.test\\.ts$" },
      to: { pathNot: "^src/model/" },
    },
    {
      name: "pilot-does-not-bundle",
      severity: "error",
      from: { path: "^src/pilot/(main|hub|node|link)", pathNot: "\\.test\\.ts$" },
      to: { path: "^(src/app/bundle|node_modules/esbuild)" },
    },
    // A knot of types alone costs nothing at run time and often is the honest picture (a context and what it holds).
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "nothing-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "sources-do-not-import-tests",
      severity: "error",
      from: { path: "^src", pathNot: "\\.test\\.ts$" },
      to: { path: "\\.test\\.ts$|^test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
