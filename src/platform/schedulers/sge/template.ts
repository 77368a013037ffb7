/** The built-in submit script for Grid Engine. */
export const SGE_TEMPLATE = `#!/bin/bash -l
#$ -S /bin/bash
#$ -l h_rt={{ wallTime }}
{%- if slots != "" %}
#$ -pe {{ parallelEnvironment }} {{ slots }}
{%- endif %}
{%- if queue != "" %}
#$ -q {{ queue }}
{%- endif %}
{%- if project != "" %}
#$ -P {{ project }}
{%- endif %}
{%- if exclusive %}
#$ -l exclusive=true
{%- endif %}
{%- if resources %}
#$ -l {{ resources }}
{%- endif %}
{%- if rerunnable == true %}
#$ -r y
{%- elsif rerunnable == false %}
#$ -r n
{%- endif %}
{%- if dependency != "" %}
#$ -hold_jid {{ dependency }}
{%- endif %}
{%- for line in extra %}
#$ {{ line }}
{%- endfor %}

{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
