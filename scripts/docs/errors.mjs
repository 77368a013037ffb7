// docs/errors.md, from the table of errors.

/** The page's text. */
export function errorsPage({ ERRORS }) {
  const rows = Object.entries(ERRORS).map(
    ([code, { message, status, exit, hint }]) =>
      `| \`${code}\` | ${cell(message)} | ${cell(hint)} | ${status} | ${exit} |`,
  );
  return [
    "# Errors",
    "",
    "Made from the table of errors by `node scripts/docs/generate.mjs`; do not edit.",
    "",
    "Codes are stable. The API answers problem documents (`application/problem+json`) with `code`, `detail`, `hint`, `status` and `values`; the SDK throws",
    "`ConiferError` with `code`, `message`, `hint` and `values`; the command line prints message and hint (with `--json` the document) and ends with the exit code.",
    "",
    "| exit code | meaning |",
    "|---|---|",
    ...EXIT_CODES.map(([code, meaning]) => `| ${code} | ${meaning} |`),
    "",
    "| code | message | hint | HTTP | exit |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const EXIT_CODES = [
  [0, "well"],
  [1, "failed"],
  [2, "bad input"],
  [3, "not found"],
  [4, "not allowed"],
  [5, "conflict"],
  [6, "cannot be reached"],
  [7, "out of room"],
  [8, "jobs ended badly"],
  [130, "Ctrl-C"],
];
const cell = (text) => text.replaceAll("|", "\\|");
