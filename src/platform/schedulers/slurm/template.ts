/** The built-in submit script for Slurm. No login shell: sbatch hands on the environment of whoever submits, and profiles may be slow. */
export const SLURM_TEMPLATE = `#!/bin/bash
#SBATCH --nodes={{ nodes }}
#SBATCH --time={{ wallTime }}
#SBATCH --no-kill
{%- if exclusive %}
#SBATCH --exclusive
{%- endif %}
{%- if queue != "" %}
#SBATCH --partition={{ queue }}
{%- endif %}
{%- if project != "" %}
#SBATCH --account={{ project }}
{%- endif %}
{%- if qos %}
#SBATCH --qos={{ qos }}
{%- endif %}
{%- if constraint %}
#SBATCH --constraint={{ constraint }}
{%- endif %}
{%- if gpusPerNode %}
#SBATCH --gpus-per-node={{ gpusPerNode }}
{%- endif %}
{%- if gres %}
#SBATCH --gres={{ gres }}
{%- endif %}
{%- if memoryPerNode %}
#SBATCH --mem={{ memoryPerNode }}
{%- endif %}
{%- if reservation %}
#SBATCH --reservation={{ reservation }}
{%- endif %}
{%- if licenses %}
#SBATCH --licenses={{ licenses }}
{%- endif %}
{%- if nodeList %}
#SBATCH --nodelist={{ nodeList }}
{%- endif %}
{%- if exclude %}
#SBATCH --exclude={{ exclude }}
{%- endif %}
{%- if requeue == true %}
#SBATCH --requeue
{%- elsif requeue == false %}
#SBATCH --no-requeue
{%- endif %}
{%- if dependency != "" %}
#SBATCH --dependency={{ dependency }}
{%- endif %}
{%- for line in extra %}
#SBATCH {{ line }}
{%- endfor %}

{{ preamble }}
{{ environment }}
umask 077
[ -z "\${CONIFER_PILOT_DIRECTORY:-}" ] || env -0 > "$CONIFER_PILOT_DIRECTORY/environment"
exec {{ command }}
`;
