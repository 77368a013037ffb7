// docs/cli.md, from the declarations of the commands.

/** The page's text. */
export function cliPage({ makeProgram, outlineOf }) {
  const program = outlineOf(makeProgram("0.0.0", async () => {}));
  const leaves = leavesOf(program);
  const contents = leaves.map((leaf) => `- [\`conifer ${leaf.path.join(" ")}\`](#${anchor(leaf)}) ${leaf.summary}`);
  return [
    "# Command line",
    "",
    "Made from the declarations of the commands by `node scripts/docs/generate.mjs`; do not edit.",
    "",
    "Answers go to stdout, everything else (hints, questions, progress) to stderr. Every command takes `--json` (one document; commands that follow print one object a line)",
    "and `--help`. Errors are one line and a hint, or a problem document with `--json`; their codes and exit codes are in [errors.md](errors.md).",
    "",
    "- **Naming jobs**: ids (`12`, `5-9`, `1-100:2`, `1,3,5-8`), `last`, `all`, filters (`state=FAILED`, `tags.case=x`; [filters.md](filters.md)) and options; the same for every command on jobs. What deletes or ends",
    "  jobs wants something named: nothing never means everything.",
    "- **Sites**: inside a site's directory that site is meant; `--site NAME` names another, `--site all` all of them.",
    "- **Colours**: on a terminal, unless `NO_COLOR` is set. **Questions** are asked on a terminal only; `--yes` answers them.",
    "- **Where the server is**: `CONIFER_JOB_FILE` (inside a running job), else `CONIFER_ADDRESS` and `CONIFER_TOKEN_FILE` (and `CONIFER_FINGERPRINT`), else what `conifer login` stored, else the server you started yourself.",
    "  All of it lives in `~/.conifer`, or `CONIFER_HOME`.",
    "",
    ...contents,
    "",
    ...leaves.flatMap(section),
  ].join("\n");
}

function section(leaf) {
  const options = leaf.options.map(({ written, text }) => `| \`${cell(written)}\` | ${cell(text)} |`);
  return [
    `## conifer ${leaf.path.join(" ")}`,
    "",
    sentence(leaf.description),
    "",
    "```",
    `conifer ${leaf.path.join(" ")} ${leaf.usage}`,
    "```",
    "",
    "| option | meaning |",
    "|---|---|",
    ...options,
    "",
    "```sh",
    ...leaf.examples,
    "```",
    "",
  ];
}

const leavesOf = (outline) => (outline.children.length === 0 ? [outline] : outline.children.flatMap(leavesOf));
const anchor = (leaf) => `conifer-${leaf.path.join("-")}`;
const cell = (text) => text.replaceAll("|", "\\|");
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?]$/.test(text) ? "" : "."}`;
