// docs/settings.md, from the schema of a site's settings.

/** The page's text. */
export function settingsPage({ settingsReference }) {
  return [
    "# Settings of a site",
    "",
    "Made from the schema of the settings by `node scripts/docs/generate.mjs`; do not edit.",
    "",
    "`settings.yml` in the site's directory. What is left out has its default; a setting that is not known or does not read is refused with file and line. `conifer site sample-settings`",
    "prints the whole file. The agent reads it when it starts (`conifer site restart`). Times are numbers in the unit named, or `90s`, `35m`, `2h`; sizes are bytes, or `16GiB`.",
    "",
    settingsReference(),
  ].join("\n");
}
