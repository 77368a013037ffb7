/** The built-in submit script for Flux. No login shell: flux batch hands on the environment of whoever submits, and profiles may be slow. */
export const FLUX_TEMPLATE = `#!/bin/bash
#flux: --nodes={{ nodes }}
#flux: --exclusive
#flux: --time-limit={{ wallTimeMin }}m
{%- if queue != "" %}
#flux: --queue={{ queue }}
{%- endif %}
{%- if project != "" %}
#flux: --bank={{ project }}
{%- endif %}
{%- if requires %}
#flux: --requires={{ requires }}
{%- endif %}
{%- for dependency in dependencies %}
#flux: --dependency={{ dependency }}
{%- endfor %}
{%- for line in extra %}
#flux: {{ line }}
{%- endfor %}

{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
