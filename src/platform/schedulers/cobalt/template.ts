/** The built-in submit script for Cobalt. Its environment is the login shell's, so that site modules are there. */
export const COBALT_TEMPLATE = `#!/bin/bash -l
#COBALT -n {{ nodes }}
#COBALT -t {{ wallTimeMin }}
{%- if queue != "" %}
#COBALT -q {{ queue }}
{%- endif %}
{%- if project != "" %}
#COBALT -A {{ project }}
{%- endif %}
{%- if attrs %}
#COBALT --attrs {{ attrs }}
{%- endif %}
{%- if dependency != "" %}
#COBALT --dependencies {{ dependency }}
{%- endif %}
{%- for line in extra %}
#COBALT {{ line }}
{%- endfor %}

cd {{ directory }}
{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
