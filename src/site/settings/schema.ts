import { z } from "zod";
import { nameSchema } from "../../app/definition.ts";
import { mpiFamilies } from "../../platform/launchers/mpi-arguments.ts";
import { agentLaunchers } from "../../platform/nodes/start-agents.ts";
import { batchSettings } from "../../platform/schedulers/batch/settings.ts";
import { SCHEDULER_KINDS } from "../../platform/schedulers/open-scheduler.ts";
import { bytesSchema, minutesSchema, secondsSchema } from "../yaml/measured.ts";

/**
 * The settings of a site: every key with its default and its meaning. `conifer site sample-settings` and
 * docs/settings.md are made from this schema; times may also be written `90s`, `35m` or `2h`, sizes `16GiB`.
 */
export const settingsSchema = z.strictObject({
  name: nameSchema
    .nullable()
    .default(null)
    .describe("The site's name; a change is told to the server when the agent starts. null = as registered"),
  server: section({
    address: z
      .string()
      .regex(/^(https?:\/\/|unix:\/)/, "an address is http://HOST:PORT, https://HOST:PORT or unix:/PATH")
      .nullable()
      .default(null)
      .describe("Where the server is, if not where it was when the site was made"),
  }).describe("The server that the agent and its pilots talk to"),
  scheduler: section({
    kind: z
      .enum(SCHEDULER_KINDS)
      .default("local")
      .describe(
        "Who grants allocations. local: they are processes of this machine; else the cluster's batch scheduler",
      ),
    maxRunning: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe("Allocations of the local scheduler that run at once; the others wait"),
    syncSec: secondsSchema(1, 3600)
      .default(10)
      .describe("How often the scheduler is asked how its allocations are, seconds"),
    node: section({
      cores: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe("Cores that one allocation promises; null = all that the agent may use"),
      gpus: z
        .union([z.int().min(0), z.array(z.string())], { error: "expected a number of GPUs or a list of their ids" })
        .nullable()
        .default(null)
        .describe("GPUs, a number or a list of device ids; null = what is found"),
      memoryBytes: bytesSchema(1)
        .nullable()
        .default(null)
        .describe("Memory, such as 16GiB; null = what the machine has"),
    }).describe("What a node of an allocation has"),
    ...batchSettings.shape,
  }).describe("How allocations are got; all from `queue` on is for batch schedulers"),
  pilot: section({
    idleSec: secondsSchema(1, 86_400).default(60).describe("A pilot leaves after so long with nothing to do, seconds"),
    graceSec: secondsSchema(0, 3600)
      .default(10)
      .describe("Between SIGTERM and SIGKILL, for jobs and for pilots, seconds"),
    endMarginSec: secondsSchema(0, 3600)
      .default(20)
      .describe("A pilot ends everything this long before its allocation ends, seconds"),
    mpi: z
      .enum(["auto", ...mpiFamilies, "none"])
      .default("auto")
      .describe("What starts jobs of several ranks; auto asks the mpiexec on PATH what it is"),
    ranks: section({
      program: z.string().min(1).nullable().default(null).describe("The launcher's command; null = its usual name"),
      template: z
        .array(z.string())
        .default([])
        .describe("Words of a custom launcher, such as [yod, -n, '{{ranks}}', -N, '{{ranks_per_node}}']"),
      pmi: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe("What srun --mpi is given; null = the best that it lists"),
      startsOn: z
        .enum(["first-node", "batch-host"])
        .nullable()
        .default(null)
        .describe("Where the launcher works; null = where launchers of its kind do"),
      options: z.array(z.string()).default([]).describe("Further arguments of the launcher, in front of a job's own"),
      binding: z
        .enum(["task", "rank"])
        .default("task")
        .describe("Which cores a rank may use, all that its job has of the node (task) or its own part of them (rank)"),
      gpuBinding: z
        .enum(["task", "rank"])
        .default("task")
        .describe("Which GPUs a rank sees, all that its job has of the node (task) or its own part of them (rank)"),
    }).describe("How pilot.mpi starts ranks"),
    reach: z
      .enum(["auto", "direct", "relay"])
      .default("auto")
      .describe(
        "How pilots reach the server. direct: by themselves; relay: through the agent, over TLS; auto: relay where the server listens on this machine alone and the scheduler is not local",
      ),
    relayHost: z
      .string()
      .regex(/^[A-Za-z0-9_.:-]+$/, "expected a host name or an address")
      .nullable()
      .default(null)
      .describe("By what name or address compute nodes know the machine of the agent; null = its host name"),
    relayPort: z
      .int()
      .min(1)
      .max(65_535)
      .nullable()
      .default(null)
      .describe("Where the agent relays; null = a free port, chosen once"),
    nodes: section({
      launcher: z
        .enum(["auto", ...agentLaunchers])
        .default("auto")
        .describe("What starts a pilot's agents on the nodes; auto = what goes with the scheduler"),
      launchOptions: z.array(z.string()).default([]).describe("Further arguments of that launcher"),
      network: z
        .string()
        .default("auto")
        .describe(
          "What nodes of an allocation reach each other by: an interface, a CIDR, an address, a name; auto = whatever works",
        ),
      tls: z.boolean().default(false).describe("Encrypt what the nodes of an allocation say to each other"),
      silenceSec: secondsSchema(1, 3600)
        .default(10)
        .describe("A node that says nothing for so long is lost, and its jobs restart elsewhere, seconds"),
      startWithinSec: secondsSchema(1, 3600)
        .default(120)
        .describe("Nodes whose agent has not come by then are done without, seconds"),
    }).describe("Pilots over several nodes"),
  }).describe("The program that runs jobs inside an allocation"),
  elastic: section({
    enabled: z.boolean().default(false).describe("Ask for allocations as the runnable jobs need them"),
    minNodes: z.int().min(1).default(1).describe("Nodes of the smallest allocation worth asking for"),
    maxNodes: z.int().min(1).default(1).describe("Nodes of all allocations together, at most"),
    minWallTimeMin: minutesSchema(1, 525_600).default(10).describe("Shortest allocation asked for, minutes"),
    maxWallTimeMin: minutesSchema(1, 525_600)
      .default(60)
      .describe("Longest allocation asked for, minutes; also where the jobs do not say how long they take"),
    maxQueued: z.int().min(1).default(2).describe("Allocations that wait to start, at most"),
    filterTags: z
      .record(z.string().min(1).max(256), z.string().max(4096))
      .default({})
      .describe("Only for jobs with all these tags"),
    queue: z.string().max(256).default("").describe("Queue of these allocations; empty = scheduler.queue"),
    project: z.string().max(256).default("").describe("Account of these allocations; empty = scheduler.project"),
    options: z
      .record(z.string(), z.json())
      .default({})
      .describe("Options of the scheduler for these allocations, such as qos or constraint"),
    backfill: z
      .boolean()
      .default(false)
      .describe("Ask for no more than the nodes that are idle in the queue now, so that allocations start at once"),
  }).describe("Keeps enough nodes for the runnable jobs"),
  hooks: section({
    workers: z.int().min(1).max(256).default(2).describe("Hooks that run at once"),
    limitSec: secondsSchema(1, 86_400)
      .default(300)
      .describe("A hook that takes longer is ended and its job fails, seconds"),
  }).describe("preprocess, postprocess, onError and onTimeout of apps"),
  clean: section({
    enabled: z.boolean().default(true).describe("Remove the files that apps name in `cleanup` once a job is finished"),
  }).describe("Cleaning of workdirs"),
  transfers: section({
    locations: z
      .record(nameSchema, z.string().min(1).max(4096))
      .default({})
      .describe("The only places that transfers of jobs may name: alias and address"),
  }).describe("Where files may come from and go to"),
  log: section({
    level: z
      .enum(["debug", "info", "warn", "error"])
      .default("info")
      .describe("How much the agent writes to log/agent.log"),
  }).describe("The agent's log"),
});

export type Settings = z.output<typeof settingsSchema>;

function section<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape).prefault({} as z.input<z.ZodObject<T, z.core.$strict>>);
}
