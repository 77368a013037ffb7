import { Liquid, LiquidError } from "liquidjs";
import { quote } from "../../../app/quote.ts";
import { ConiferError, messageOf } from "../../../model/errors.ts";

/** A template's text and where it is from. */
export type ScriptTemplate = { readonly file: string; readonly text: string };

const engine = new Liquid({ strictVariables: true, strictFilters: true, ownPropertyOnly: true, templates: {} });

/**
 * Fills in a submit script. Throws BAD_SCRIPT_TEMPLATE, which names file and line, for a variable that is not there, for
 * a template that does not parse, and for one that never starts `command`: its allocation would do nothing.
 */
export function renderScript(
  { file, text }: ScriptTemplate,
  variables: Readonly<Record<string, unknown>> & { readonly command: string },
): string {
  const script = render({ file, text }, variables);
  if (!script.includes(variables.command)) {
    const line = text.trimEnd().split("\n").length;
    throw new ConiferError("BAD_SCRIPT_TEMPLATE", { file, line, problem: "it nowhere has {{ command }}" });
  }
  if (!script.startsWith("#!"))
    throw new ConiferError("BAD_SCRIPT_TEMPLATE", { file, line: 1, problem: "its first line must begin with #!" });
  return script.endsWith("\n") ? script : `${script}\n`;
}

function render({ file, text }: ScriptTemplate, variables: Readonly<Record<string, unknown>>): string {
  try {
    return String(engine.parseAndRenderSync(text, variables));
  } catch (error) {
    if (!(error instanceof LiquidError)) throw error;
    const { token, originalError } = error as LiquidError & {
      readonly token?: { getPosition(): [number, number] };
      readonly originalError?: Error;
    };
    throw new ConiferError("BAD_SCRIPT_TEMPLATE", {
      file,
      line: token?.getPosition()[0] ?? 1,
      problem: messageOf(originalError ?? error),
    });
  }
}

/** A command as one line for the shell. */
export function shellCommand(words: readonly string[]): string {
  return words.map(quote).join(" ");
}

/** Lines that set variables, in the shell's words. Throws BAD_INPUT for a name that is none. */
export function exportLines(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw new ConiferError("BAD_INPUT", {
          where: `environment variable ${JSON.stringify(name)}`,
          problem: "no such name can be",
        });
      return `export ${name}=${quote(value)}`;
    })
    .join("\n");
}
