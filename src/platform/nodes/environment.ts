/**
 * The environment that tasks start from: the one saved when the batch script had run its preamble, without what a launcher told
 * the node agent about itself. A task that kept those variables would take itself for a rank of the agent's own launch, and its
 * `srun` or `mpiexec` would fail or hang.
 */
type Environment = Readonly<Record<string, string | undefined>>;

/** Reads what `env -0` wrote. */
export function parseSavedEnvironment(content: string): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of content.split("\0")) {
    const at = entry.indexOf("=");
    if (at > 0) environment[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return environment;
}

/**
 * What tasks on a node start from: `saved` where there is one, else the agent's own environment; what is true of one node only is
 * the agent's own in both cases. Inside of a Slurm job, `srun` shares the nodes with the other steps of the pilot.
 */
export function taskBase(saved: Environment | null, own: Environment): Record<string, string> {
  const base: Record<string, string> = {};
  for (const [name, value] of Object.entries(saved ?? own))
    if (value !== undefined && !ofNode.has(name) && !isLaunchersOwn(name)) base[name] = value;
  for (const name of ofNode) {
    const value = own[name];
    if (value !== undefined) base[name] = value;
  }
  if (base.SLURM_JOB_ID === undefined && base.SLURM_JOBID === undefined) return base;
  // Memory for each core would be that of the few cores a step names; 0 is all that the job has.
  delete base.SLURM_MEM_PER_CPU;
  delete base.SLURM_MEM_PER_GPU;
  return { ...base, ...slurmSharing(base) };
}

/** What lets a step of `srun` run beside all others with everything that its nodes have. */
export function slurmSharing({ SLURM_GPUS_ON_NODE: gpus }: Environment): Record<string, string> {
  // A step sees only the GPUs it asks for; overlapping, it keeps them from nobody.
  const gres = gpus === undefined || gpus === "0" ? {} : { SLURM_GRES: `gpu:${gpus}` };
  return { SLURM_OVERLAP: "1", SLURM_MEM_PER_NODE: "0", ...gres };
}

/** Whether a launcher sets this variable for the one process it starts; what users set for their MPI is not of that kind. */
export function isLaunchersOwn(name: string): boolean {
  return (ofRank.test(name) && !ofUser.test(name)) || ofSlurmStep.test(name);
}

const ofRank =
  /^(?:PMI|PMIX|OMPI|PRTE|PALS|HYDI|JSM|ALPS_APP|FLUX_TASK|FLUX_PMI)_|^MPI_LOCALN?RANK|^MPIR_CVAR_CH3_INTERFACE_HOSTNAME$/;

const ofUser =
  /^OMPI_ALLOW_|^PMI_(?:NO|MMAP|MAX|DEBUG)_|^(?:OMPI|PMIX|PRTE)_MCA_(?!orte_|prte_|ess|pmix|plm_|initial_wdir|mca_base_component_show|shmem_RUNTIME)/;

/** What describes one step, or one task of it, or would be taken by a later `srun` as its own wish. */
const ofSlurmStep = new RegExp(
  `^SLURM_(?:STEP.*|PROCID|LOCALID|NODEID|TASK_PID|GTIDS|LAUNCH_NODE_IPADDR|SRUN_.*|PTY_.*|CPU_BIND.*|MEM_BIND.*|GPU_BIND|${[
    "DISTRIBUTION|PRIO_PROCESS|TOPOLOGY_ADDR.*|MPI_TYPE|KILL_BAD_EXIT|EXPORT_ENV|GET_USER_ENV|UMASK|HINT|WAIT|NO_KILL",
    "CPUS_PER_TASK|TRES_PER_TASK|NTASKS|NTASKS_PER_.*|NPROCS|EXACT|OVERLAP|EXCLUSIVE|WHOLE|UNBUFFEREDIO|INPUTMODE|LABELIO",
  ].join("|")})$`,
);

const ofNode: ReadonlySet<string> = new Set([
  "HOSTNAME",
  "SLURMD_NODENAME",
  "SLURM_CPUS_ON_NODE",
  "SLURM_GPUS_ON_NODE",
  "SLURM_JOB_GPUS",
  "CUDA_VISIBLE_DEVICES",
  "GPU_DEVICE_ORDINAL",
  "HIP_VISIBLE_DEVICES",
  "ROCR_VISIBLE_DEVICES",
  "ZE_AFFINITY_MASK",
]);
