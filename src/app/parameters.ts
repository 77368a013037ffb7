import type { AppDefinition } from "./definition.ts";
import type { ParameterValue } from "./template.ts";

/** The values a command is made with: the job's over the app's defaults. Apart from the schemas, which a pilot does not load. */
export function parameterValues(
  app: Pick<AppDefinition, "parameters">,
  given: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(app.parameters))
    if (parameter.default !== undefined) values[name] = parameter.default;
  return { ...values, ...given };
}
