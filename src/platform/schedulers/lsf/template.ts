/** The built-in submit script for LSF. No login shell: bsub hands on the environment of whoever submits, and profiles may be slow. */
export const LSF_TEMPLATE = `#!/bin/bash
{%- if slots != "" %}
#BSUB -n {{ slots }}
#BSUB -R "span[ptile={{ slotsPerNode }}]"
{%- else %}
#BSUB -nnodes {{ nodes }}
{%- endif %}
#BSUB -W {{ wallTime }}
{%- if exclusive %}
#BSUB -x
{%- endif %}
{%- if queue != "" %}
#BSUB -q {{ queue }}
{%- endif %}
{%- if project != "" %}
#BSUB -P {{ project }}
{%- endif %}
{%- if allocFlags %}
#BSUB -alloc_flags "{{ allocFlags }}"
{%- endif %}
{%- if gpu %}
#BSUB -gpu "{{ gpu }}"
{%- endif %}
{%- if rerunnable == true %}
#BSUB -r
{%- elsif rerunnable == false %}
#BSUB -rn
{%- endif %}
{%- if dependency != "" %}
#BSUB -w "{{ dependency }}"
{%- endif %}
{%- for line in extra %}
#BSUB {{ line }}
{%- endfor %}

exec >> {{ output }} 2>&1
cd {{ directory }}
{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
