import { expect, test } from "vitest";
import { isLaunchersOwn, parseSavedEnvironment, taskBase } from "./environment.ts";

test("the saved environment is read with any value a variable may have", () => {
  const content = "PATH=/bin\0TEXT=two\nlines = one value\0EMPTY=\0BASH_FUNC_module%%=() { :; }\0";
  expect(parseSavedEnvironment(content)).toEqual({
    PATH: "/bin",
    TEXT: "two\nlines = one value",
    EMPTY: "",
    "BASH_FUNC_module%%": "() { :; }",
  });
});

test("what a launcher told the agent about itself is not handed on, by whichever it was started", () => {
  const own =
    `PMI_RANK PMI_SIZE PMI_FD PMI_JOBID PMIX_RANK PMIX_NAMESPACE PMIX_SERVER_URI2 OMPI_COMM_WORLD_RANK OMPI_UNIVERSE_SIZE
    OMPI_MCA_orte_hnp_uri OMPI_MCA_ess PRTE_LAUNCHED PALS_RANKID PALS_APID HYDI_CONTROL_FD MPI_LOCALRANKID MPI_LOCALNRANKS
    MPIR_CVAR_CH3_INTERFACE_HOSTNAME SLURM_STEP_ID SLURM_STEPID SLURM_STEP_NODELIST SLURM_PROCID SLURM_LOCALID SLURM_NODEID
    SLURM_TASK_PID SLURM_GTIDS SLURM_SRUN_COMM_PORT SLURM_CPU_BIND SLURM_CPU_BIND_LIST SLURM_EXPORT_ENV SLURM_MPI_TYPE JSM_NAMESPACE_RANK
    ALPS_APP_PE FLUX_TASK_RANK SLURM_CPUS_PER_TASK`.split(/\s+/);
  expect(own.filter((name) => !isLaunchersOwn(name))).toEqual([]);
});

test("what users set for their MPI, and what says which allocation this is, stays", () => {
  const kept =
    `OMPI_MCA_btl OMPI_MCA_btl_tcp_if_include OMPI_ALLOW_RUN_AS_ROOT PMIX_MCA_gds PMI_NO_FORK MPIR_CVAR_CH4_NETMOD MPICH_GPU_SUPPORT_ENABLED
    I_MPI_FABRICS HYDRA_LAUNCHER SLURM_JOB_ID SLURM_JOBID SLURM_JOB_NODELIST SLURM_NODELIST SLURM_NNODES SLURM_TASKS_PER_NODE
    SLURM_JOB_CPUS_PER_NODE SLURM_CONF SLURM_SUBMIT_DIR PBS_JOBID PBS_NODEFILE PATH MPI_HOME`.split(/\s+/);
  expect(kept.filter(isLaunchersOwn)).toEqual([]);
});

test("a task gets what the batch script had, and of its own node what the agent sees there", () => {
  const saved = {
    PATH: "/app/bin",
    HOSTNAME: "n1",
    SLURMD_NODENAME: "n1",
    CUDA_VISIBLE_DEVICES: "0,1",
    SLURM_PROCID: "0",
  };
  const own = { PATH: "/usr/bin", HOSTNAME: "n2", SLURMD_NODENAME: "n2", PMIX_RANK: "1", SECRET: "of the launcher" };
  expect(taskBase(saved, own)).toEqual({ PATH: "/app/bin", HOSTNAME: "n2", SLURMD_NODENAME: "n2" });
  expect(taskBase(null, own)).toEqual({
    PATH: "/usr/bin",
    HOSTNAME: "n2",
    SLURMD_NODENAME: "n2",
    SECRET: "of the launcher",
  });
});

test("srun in a task shares nodes and memory with the other steps of the pilot", () => {
  const saved = { SLURM_JOB_ID: "47", SLURM_MEM_PER_CPU: "512", SLURM_CPUS_PER_TASK: "2" };
  const shared = { SLURM_JOB_ID: "47", SLURM_OVERLAP: "1", SLURM_MEM_PER_NODE: "0" };
  expect(taskBase(saved, {})).toEqual(shared);
  const withGpus = { ...shared, SLURM_GPUS_ON_NODE: "2", SLURM_GRES: "gpu:2" };
  expect(taskBase(saved, { SLURM_GPUS_ON_NODE: "2" })).toEqual(withGpus);
});
