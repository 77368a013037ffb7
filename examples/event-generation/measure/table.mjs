// @ts-check
/** @typedef {import("./campaign.mjs").Measurement} Measurement */
/** @typedef {import("./histogram.mjs").Agreement} Agreement */
/** @typedef {{ process: string, scan: import("../physics/scan.mjs").Scan, kind: string, files: number, generated: number,
 *   events: number, overweight: number, crossSection: Measurement, asymmetry: Measurement,
 *   asymmetryBands: (Measurement & { name: string })[], filesAgree: Agreement,
 *   spectra: Record<string, { agreement: Agreement } | undefined> }} Results */

/**
 * The results as a table for the terminal.
 * @param {Results} results
 */
export function describeResults(results) {
  const { minEnergy, maxEnergy } = results.scan;
  const energies = minEnergy === maxEnergy ? `${minEnergy} GeV` : `${minEnergy} to ${maxEnergy} GeV`;
  const measured = [
    measurementRow("cross section (nb)", results.crossSection),
    measurementRow("A_FB", results.asymmetry),
    ...results.asymmetryBands.map((band) => measurementRow(`A_FB ${band.name}`, band)),
  ];
  const compared = [
    agreementRow("files with one another", results.filesAgree),
    ...Object.entries(results.spectra).map(([name, spectrum]) =>
      spectrum ? agreementRow(SPECTRA[name] ?? name, spectrum.agreement) : [],
    ),
  ].filter((row) => row.length > 0);
  return [
    `${results.process}, ${energies}`,
    `${results.files} files, ${results.generated} weighted events, ${results.events} ${results.kind}` +
      (results.kind === "unweighted"
        ? ` (efficiency ${percent(results.events / results.generated)}, over-weight ${percent(results.overweight / results.generated)})`
        : ""),
    "",
    ...align([["", "measured", "exact", "pull"], ...measured]),
    "",
    ...align([["", "chi2/dof", "p", ""], ...compared]),
    "",
  ].join("\n");
}

/** @type {Record<string, string>} */
const SPECTRA = { mass: "dimuon mass with theory", cosTheta: "cos theta with theory", phi: "phi with flat" };

/**
 * @param {string} name
 * @param {Measurement} measurement
 */
function measurementRow(name, { value, error, exact, pull }) {
  return [name, `${value.toFixed(5)} +- ${error.toFixed(5)}`, exact.toFixed(5), pull.toFixed(2)];
}

/**
 * @param {string} name
 * @param {Agreement} agreement
 */
function agreementRow(name, { chi2, dof, probability }) {
  return [name, `${chi2.toFixed(1)}/${dof}`, probability.toFixed(3), ""];
}

/** @param {string[][]} rows */
function align(rows) {
  return rows.map(([name = "", first = "", second = "", third = ""]) =>
    `${name.padEnd(24)}${first.padStart(22)}${second.padStart(11)}${third.padStart(8)}`.trimEnd(),
  );
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}
