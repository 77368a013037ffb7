/** The built-in submit script for PBS Pro and OpenPBS. */
export const PBS_TEMPLATE = `#!/bin/bash -l
#PBS -l select={{ select }}
#PBS -l place={{ place }}
#PBS -l walltime={{ wallTime }}
{%- if filesystems %}
#PBS -l filesystems={{ filesystems }}
{%- endif %}
{%- if queue != "" %}
#PBS -q {{ queue }}
{%- endif %}
{%- if project != "" %}
#PBS -A {{ project }}
{%- endif %}
{%- if rerunnable == true %}
#PBS -r y
{%- elsif rerunnable == false %}
#PBS -r n
{%- endif %}
{%- if dependency != "" %}
#PBS -W depend={{ dependency }}
{%- endif %}
{%- for line in extra %}
#PBS {{ line }}
{%- endfor %}

exec >> {{ output }} 2>&1
cd {{ directory }}
{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
