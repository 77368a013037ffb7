// docs/filters.md, from the tables of fields that the server filters by.

/** The page's text. */
export function filtersPage({ jobFields, JOB_STATES, BATCH_JOB_FIELDS, EVENT_FIELDS }) {
  return [
    "# Filters",
    "",
    "Made from the tables of fields by `node scripts/docs/generate.mjs`; do not edit.",
    "",
    "One grammar in the API (`where`), the SDK (`jobs.filter`) and the command line: `FIELD OP VALUE[,VALUE…]`. Several filters must hold together. What does not read is an",
    'error that says why, never "match everything".',
    "",
    "| filter | meaning |",
    "|---|---|",
    "| `state=FAILED,RUN_ERROR` | any of the values |",
    "| `state!=JOB_FINISHED` | none of the values |",
    "| `name~scan` | contains the text, as it stands |",
    "| `priority>=5` | `<` `<=` `>` `>=` for ids, numbers and times |",
    "| `tags.case=lattice_1` | the tag has the value; `tags.case=*`: the job has the tag |",
    "| `created>2026-11-01`, `updated>-2h` | ISO times (UTC unless they say otherwise), or ages in `s`, `m`, `h`, `d` |",
    '| `name="a, b"` | a value in double quotes may hold commas; `\\"` and `\\\\` inside |',
    "",
    "Lists are ordered by `order`: fields separated by commas, `-` for descending (`-priority,id`); the fields that order are marked.",
    "",
    ...table("Jobs", jobFields(JOB_STATES)),
    ...table("Batch jobs", BATCH_JOB_FIELDS),
    ...table("Events", EVENT_FIELDS),
  ].join("\n");
}

const OPERATORS = {
  id: "= != < <= > >=",
  number: "= != < <= > >=",
  time: "< <= > >=",
  text: "= != ~",
  word: "= !=",
  boolean: "=",
  tag: "= !=",
  json: "= !=",
};

function table(title, fields) {
  const rows = Object.entries(fields).map(([name, { kind, sortable, help, words }]) => {
    const written = kind === "tag" || kind === "json" ? `${name}.KEY` : name;
    const meaning = kind === "word" && words ? `${help} (${words.join(", ")})` : help;
    return `| \`${written}\` | \`${OPERATORS[kind]}\` | ${sortable ? "yes" : ""} | ${meaning} |`;
  });
  return [`## ${title}`, "", "| field | operators | orders | meaning |", "|---|---|---|---|", ...rows, ""];
}
